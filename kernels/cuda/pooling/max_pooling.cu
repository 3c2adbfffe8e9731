// Max pooling: the largest number of each window of frames, rows and columns.
//
//     forward                                                             backward
//     (1)  winner[p] = the first q of the window of p with the largest x[q]
//     (2)  y[p]      = x[winner[p]]                                       dx[q] = sum of dy[p] where winner[p] = q   (2)
//
// A winner is kept as its number within its window. Backward gathers, one thread an element of dx, which sees the
// outputs that see it: windows may overlap, and no sum depends on who comes first.

#include "pooling/windows.cuh"

// (1), (2): x (T,B,H,W,C) -> y, winners (T',B,H',W',C), n elements; spans (T',2), (H',2), (W',2).
extern "C" __global__ void max_pooling_forward(const float* x, const int* frames, const int* rows, const int* columns,
                                               float* y, int* winners, int batch, int height, int width,
                                               int height_out, int width_out, int channels, int kh, int kw,
                                               long long n) {
    DYNAMIC_SHARED(float, shared);
    int* const shared_winners = (int*)(shared + THREADS);
    const int lane = threadIdx.x % LANES, part = threadIdx.x / LANES;
    const long long at = (long long)blockIdx.x * LANES + lane;
    float best = -__int_as_float(0x7f800000);
    int winner = 0x7fffffff;
    if (at < n) {
        const Place p = place(at, batch, height_out, width_out, channels);
        const Span of_t = span(frames, p.t), of_v = span(rows, p.v), of_u = span(columns, p.u);
        for (int line = part; line < of_t.count * of_v.count; line += ROWS) {
            const int a = line / of_v.count, i = line % of_v.count;
            const float* source =
                x + element(of_t.first + a, p.b, of_v.first + i, of_u.first, p.c, batch, height, width, channels);
            for (int j = 0; j < of_u.count; ++j) {
                const float value = source[(long long)j * channels];
                if (winner == 0x7fffffff || best < value) {
                    best = value;
                    winner = (a * kh + i) * kw + j;
                }
            }
        }
    }
    if (ROWS > 1) {
        shared[threadIdx.x] = best;
        shared_winners[threadIdx.x] = winner;
        __syncthreads();
    }
    if (at >= n || part > 0) return;
    for (int other = lane + LANES; other < THREADS; other += LANES) {
        if (best < shared[other] || (best == shared[other] && shared_winners[other] < winner)) {
            best = shared[other];
            winner = shared_winners[other];
        }
    }
    y[at] = best;
    if (winners != nullptr) winners[at] = winner;
}

// (2): dy, winners (T',B,H',W',C) -> dx (T,B,H,W,C), n elements; over_*: the outputs that see each input, (T,2), ...
extern "C" __global__ void max_pooling_backward(const float* dy, const int* winners, const int* frames, const int* rows,
                                                const int* columns, const int* over_frames, const int* over_rows,
                                                const int* over_columns, float* dx, int batch, int height, int width,
                                                int height_out, int width_out, int channels, int kh, int kw,
                                                long long n) {
    const long long at = (long long)blockIdx.x * blockDim.x + threadIdx.x;
    if (at >= n) return;
    const Place q = place(at, batch, height, width, channels);
    const Span over_t = span(over_frames, q.t), over_v = span(over_rows, q.v), over_u = span(over_columns, q.u);
    float sum = 0.0f;
    for (int t = over_t.first; t < over_t.first + over_t.count; ++t) {
        for (int v = over_v.first; v < over_v.first + over_v.count; ++v) {
            const int line = ((q.t - span(frames, t).first) * kh + q.v - span(rows, v).first) * kw + q.u;
            for (int u = over_u.first; u < over_u.first + over_u.count; ++u) {
                const long long source = element(t, q.b, v, u, q.c, batch, height_out, width_out, channels);
                if (winners[source] == line - span(columns, u).first) sum += dy[source];
            }
        }
    }
    dx[at] = sum;
}
