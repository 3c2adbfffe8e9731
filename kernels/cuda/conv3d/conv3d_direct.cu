// Conv3D with strides, dilation, groups and any kernel size, by its definition. conv3d.py launches the fast ways.
//
//     forward                                                        backward
//     (1)  y[p] = bias + sum over taps k of                          dx[q]      = sum over k of dy[p] kernel[k]^T
//                 x[p * stride + k * dilation - before] kernel[k]                 where p * stride + k * dilation - before = q
//          what lies outside x is zero                               dkernel[k] = sum over p of x[...]^T dy[p]
//                                                                    dbias      = sum over p of dy[p]
//
// p, k, q count frames, rows and columns. One thread an element of y or of dx; a block a row of dkernel, summed in
// float64 in an order that depends on nothing but the sizes. float32 in every precision.
//
// Constants: SPEC_INNER, SPEC_OUTER channels in and out of one of SPEC_GROUPS groups; SPEC_KT, SPEC_KH, SPEC_KW;
// SPEC_STRIDE_T, _H, _W; SPEC_DILATION_T, _H, _W.

#include "common/ptx.cuh"

constexpr int INNER = SPEC_INNER, OUTER = SPEC_OUTER, C = SPEC_GROUPS * INNER, K = SPEC_GROUPS * OUTER;
constexpr int KT = SPEC_KT, KH = SPEC_KH, KW = SPEC_KW, TAPS = KT * KH * KW;
constexpr int LANES = 32, ROWS = 8;

struct Place {
    int t, b, v, u;  // frame, movie, row, column
};

struct Movie {
    int frames, batch, height, width;

    __device__ __forceinline__ long long pixels() const { return (long long)frames * batch * height * width; }
    __device__ __forceinline__ Place place(long long pixel) const {
        int u = int(pixel % width);
        long long row = pixel / width;
        int v = int(row % height);
        long long image = row / height;
        return Place{int(image / batch), int(image % batch), v, u};
    }
    __device__ __forceinline__ bool has(Place p) const {
        return p.t >= 0 && p.t < frames && p.v >= 0 && p.v < height && p.u >= 0 && p.u < width;
    }
    __device__ __forceinline__ long long pixel(Place p) const {
        return (((long long)p.t * batch + p.b) * height + p.v) * width + p.u;
    }
};

// Where in x output p looks through tap (d, i, j); it may lie outside.
__device__ __forceinline__ Place seen(Place p, int d, int i, int j, int before_t, int before_h, int before_w) {
    return Place{p.t * SPEC_STRIDE_T + d * SPEC_DILATION_T - before_t, p.b,
                 p.v * SPEC_STRIDE_H + i * SPEC_DILATION_H - before_h,
                 p.u * SPEC_STRIDE_W + j * SPEC_DILATION_W - before_w};
}

// (1): x (T,B,H,W,C) -> y (T',B,H',W',K).
extern "C" __global__ void conv3d_direct_forward(const float* x, const float* kernel, const float* bias, float* y,
                                                 int frames, int batch, int height, int width, int frames_out,
                                                 int height_out, int width_out, int before_t, int before_h,
                                                 int before_w) {
    Movie input{frames, batch, height, width}, output{frames_out, batch, height_out, width_out};
    long long at = (long long)blockIdx.x * blockDim.x + threadIdx.x;
    if (at >= output.pixels() * K) return;
    int n = int(at % K), first = n / OUTER * INNER;
    Place p = output.place(at / K);
    float sum = bias[n];
    for (int tap = 0; tap < TAPS; ++tap) {
        Place q = seen(p, tap / (KH * KW), tap / KW % KH, tap % KW, before_t, before_h, before_w);
        if (!input.has(q)) continue;
        const float* source = x + input.pixel(q) * C + first;
        const float* weight = kernel + (long long)tap * INNER * K + n;
        for (int c = 0; c < INNER; ++c) sum += source[c] * weight[(long long)c * K];
    }
    y[at] = sum;
}

// (1): dy (T',B,H',W',K) -> dx (T,B,H,W,C).
extern "C" __global__ void conv3d_direct_backward(const float* dy, const float* kernel, float* dx, int frames,
                                                  int batch, int height, int width, int frames_out, int height_out,
                                                  int width_out, int before_t, int before_h, int before_w) {
    Movie input{frames, batch, height, width}, output{frames_out, batch, height_out, width_out};
    long long at = (long long)blockIdx.x * blockDim.x + threadIdx.x;
    if (at >= input.pixels() * C) return;
    int channel = int(at % C), c = channel % INNER, first = channel / INNER * OUTER;
    Place q = input.place(at / C);
    float sum = 0.0f;
    for (int tap = 0; tap < TAPS; ++tap) {
        int t = q.t + before_t - tap / (KH * KW) * SPEC_DILATION_T;
        int v = q.v + before_h - tap / KW % KH * SPEC_DILATION_H;
        int u = q.u + before_w - tap % KW * SPEC_DILATION_W;
        if (t % SPEC_STRIDE_T != 0 || v % SPEC_STRIDE_H != 0 || u % SPEC_STRIDE_W != 0) continue;
        Place p{t / SPEC_STRIDE_T, q.b, v / SPEC_STRIDE_H, u / SPEC_STRIDE_W};
        if (!output.has(p)) continue;
        const float* slope = dy + output.pixel(p) * K + first;
        const float* weight = kernel + ((long long)tap * INNER + c) * K + first;
        for (int n = 0; n < OUTER; ++n) sum += slope[n] * weight[n];
    }
    dx[at] = sum;
}

// (1): x, dy -> dkernel (kt,kh,kw,C/groups,K), dbias (K). One block of LANES x ROWS threads for LANES columns of a row
// of dkernel, or of dbias, which is the row past the last.
extern "C" __global__ void __launch_bounds__(LANES* ROWS)
    conv3d_direct_gradient(const float* dy, const float* x, float* dkernel, float* dbias, int frames, int batch,
                           int height, int width, int frames_out, int height_out, int width_out, int before_t,
                           int before_h, int before_w) {
    DYNAMIC_SHARED(double, shared);
    Movie input{frames, batch, height, width}, output{frames_out, batch, height_out, width_out};
    int line = blockIdx.x, lane = threadIdx.x % LANES, row = threadIdx.x / LANES, n = blockIdx.y * LANES + lane;
    int tap = line / INNER, channel = n / OUTER * INNER + line % INNER;
    double sum = 0.0;
    if (n < K) {
        for (long long pixel = row; pixel < output.pixels(); pixel += ROWS) {
            double value = 1.0;
            if (line < TAPS * INNER) {
                Place p = output.place(pixel);
                Place q = seen(p, tap / (KH * KW), tap / KW % KH, tap % KW, before_t, before_h, before_w);
                if (!input.has(q)) continue;
                value = x[input.pixel(q) * C + channel];
            }
            sum += value * dy[pixel * K + n];
        }
    }
    shared[threadIdx.x] = sum;
    __syncthreads();
    if (row > 0 || n >= K) return;
    for (int other = 1; other < ROWS; ++other) sum += shared[other * LANES + lane];
    float* target = line < TAPS * INNER ? dkernel + (long long)line * K : dbias;
    target[n] = float(sum);
}
