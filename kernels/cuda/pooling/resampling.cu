// Resampling: frames, rows and columns each through a banded matrix.
//
//     forward                                                           backward
//     (1)  y[p] = sum over q of frames[p_t, q_t] rows[p_h, q_h]         dx[q] = sum over p of frames[p_t, q_t]
//                               columns[p_w, q_w] x[q]                          rows[p_h, q_h] columns[p_w, q_w] dy[p]   (1)
//
// Backward is forward with the transposed matrices. Sums are of columns first, then of the rows of all frames, so that a
// mean over a whole movie loses no digits to the length of one sum.

#include "pooling/windows.cuh"

// (1): x (T,B,H,W,C) -> y (T',B,H',W',C), n elements; spans (T',2), (H',2), (W',2), weights (T',taps_t), ...
extern "C" __global__ void resample(const float* x, const int* frames, const int* rows, const int* columns,
                                    const float* frame_weights, const float* row_weights, const float* column_weights,
                                    float* y, int taps_t, int taps_h, int taps_w, int batch, int height, int width,
                                    int height_out, int width_out, int channels, long long n) {
    DYNAMIC_SHARED(float, shared);
    const int lane = threadIdx.x % LANES, part = threadIdx.x / LANES;
    const long long at = (long long)blockIdx.x * LANES + lane;
    float sum = 0.0f;
    if (at < n) {
        const Place p = place(at, batch, height_out, width_out, channels);
        const Span of_t = span(frames, p.t), of_v = span(rows, p.v), of_u = span(columns, p.u);
        for (int line = part; line < of_t.count * of_v.count; line += ROWS) {
            const int a = line / of_v.count, i = line % of_v.count;
            const float* source =
                x + element(of_t.first + a, p.b, of_v.first + i, of_u.first, p.c, batch, height, width, channels);
            const float* weight = column_weights + (long long)p.u * taps_w;
            float row = 0.0f;
            for (int j = 0; j < of_u.count; ++j) row += weight[j] * source[(long long)j * channels];
            sum += row * (row_weights[(long long)p.v * taps_h + i] * frame_weights[(long long)p.t * taps_t + a]);
        }
    }
    if (ROWS > 1) {
        shared[threadIdx.x] = sum;
        __syncthreads();
    }
    if (at >= n || part > 0) return;
    for (int other = lane + LANES; other < THREADS; other += LANES) sum += shared[other];
    y[at] = sum;
}
