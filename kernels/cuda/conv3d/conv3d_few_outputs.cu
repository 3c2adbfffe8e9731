// Conv3D over time-major movies where the outputs are few: x is read once, not once a tap.
//
//     forward                                                  backward
//     (1)  p[tap][k][s] = sum over c of                        dkernel[tap][c][k] = sum over s of x[s][c] * dp[tap][k][s]
//                           x[s][c] * kernel[tap][c][k]        dx: conv3d.cuh
//     (2)  y[m][k]      = bias[k] + sum over taps of           dp[tap][k][s] = dy[s - tap][k]
//                           p[tap][k][m + tap]                 dbias[k]      = sum over m of dy[m][k]
//
//     s, m   pixels of T*B*H*W       m + tap   the pixel that the window of m sees through it
//     taps and channels out are the columns of (1), C is its depth; pixels outside the frame or the movie are zero
//
// p stands in memory plane by plane, so that threads of neighbouring pixels read neighbours through every tap. dp is
// gathered from dy: its rows are those of the backward window, whose taps are reversed.
//
// Constants: those of conv3d.cuh; and the tiles TAP_PRODUCTS and KERNEL_GRADIENT.

#include "common/block_sums.cuh"
#include "conv3d/conv3d.cuh"
#include "products/weight_gradient.cuh"

using ForwardTaps = Window<1, KT, KH, KW, BEFORE>;
using TapProducts = ConvTile<Window<C, 1, 1, 1, 0>, TAPS * K, TAP_PRODUCTS>;
using KernelGradient = GradientTile<BackwardWindow, C, false, KERNEL_GRADIENT>;

// Threads that add up, and how many weights a block of the last stage has of them.
constexpr int SUM_THREADS = 256, SUMMED = 8;

// kernel (kt,kh,kw,C,K) -> the packed weights of (1): column tap * K + k.
extern "C" __global__ void pack_forward(const float* kernel, OPERAND* packed) {
    pack_weights<TapProducts>(packed, [&](int, int channel, int n) {
        return n < TAPS * K ? kernel[(long long)(n / K * C + channel) * K + n % K] : 0.0f;
    });
}

// (1): x (T,B,H,W,C) -> p (kt*kh*kw*K, T*B*H*W).
extern "C" __global__ void __launch_bounds__(TapProducts::THREADS)
    tap_products(const OPERAND* x, const OPERAND* packed, float* p, int images, int per_frame, int height, int width) {
    DYNAMIC_SHARED(char, shared);
    Frames frames{images, per_frame, height, width};
    Sums<TapProducts> sum;
    convolve<TapProducts, true>(sum, shared, x, packed, frames);
    long long pixels = frames.pixels();
    for_each_pair<TapProducts>(sum, frames.pixels(), [&](int m, int n, float first, float second) {
        p[n * pixels + m] = first;
        if (n + 1 < TAPS * K) p[(n + 1) * pixels + m] = second;
    });
}

// (2): p (kt*kh*kw*K, T*B*H*W) -> y (T,B,H,W,K); one thread a pixel.
extern "C" __global__ void sum_taps(const float* p, const float* bias, float* y, int images, int per_frame, int height,
                                    int width) {
    Frames frames{images, per_frame, height, width};
    long long pixels = frames.pixels();
    int m = blockIdx.x * blockDim.x + threadIdx.x;
    if (m >= pixels) return;
    const Pixel pixel = pixel_at(m, frames);
    float sum[K];
#pragma unroll
    for (int k = 0; k < K; ++k) sum[k] = bias[k];
#pragma unroll
    for (int tap = 0; tap < TAPS; ++tap) {
        long long source = ForwardTaps::source(frames, pixel, tap, 0);
#pragma unroll
        for (int k = 0; k < K; ++k) sum[k] += source < 0 ? 0.0f : p[(tap * K + k) * pixels + source];
    }
#pragma unroll
    for (int k = 0; k < K; ++k) y[(long long)m * K + k] = sum[k];
}

// (1), stage 1: x (T,B,H,W,C), dy (T,B,H,W,K) -> partial (slices, kt*kh*kw*K, C), taps reversed.
extern "C" __global__ void __launch_bounds__(KernelGradient::THREADS)
    kernel_gradient(const OPERAND* dy, const OPERAND* x, float* partial, int images, int per_frame, int height,
                    int width, int chunks_per_slice) {
    DYNAMIC_SHARED(char, shared);
    Frames frames{images, per_frame, height, width};
    weight_gradient<KernelGradient, true>(shared, dy, x, partial, frames, chunks_per_slice);
}

// (2), stage 1: dy (pixels, K) -> bias_partial (slices, K); block (slice, k).
extern "C" __global__ void __launch_bounds__(SUM_THREADS)
    bias_gradient(const OPERAND* dy, float* bias_partial, int pixels, int pixels_per_slice) {
    DYNAMIC_SHARED(double, shared);
    int first = blockIdx.x * pixels_per_slice, last = min(first + pixels_per_slice, pixels);
    double sum = 0.0;
    for (int m = first + threadIdx.x; m < last; m += SUM_THREADS) sum += widen(dy[(long long)m * K + blockIdx.y]);
    sum = block_sum<SUM_THREADS>(sum, shared);
    if (threadIdx.x == 0) bias_partial[blockIdx.x * K + blockIdx.y] = float(sum);
}

// (1), (2), stage 2: the sums over slices, dkernel (kt,kh,kw,C,K), dbias (K). Slices are many and weights few, so
// SUM_THREADS / SUMMED threads share a weight.
extern "C" __global__ void __launch_bounds__(SUM_THREADS)
    sum_gradients(const float* partial, const float* bias_partial, float* dkernel, float* dbias, int slices) {
    DYNAMIC_SHARED(double, shared);
    constexpr int WEIGHTS = TAPS * K * C, SHARES = SUM_THREADS / SUMMED;
    int i = blockIdx.x * SUMMED + threadIdx.x % SUMMED;
    const float* slice = i < WEIGHTS ? partial + i : bias_partial + (i - WEIGHTS);
    long long step = i < WEIGHTS ? WEIGHTS : K;
    double sum = 0.0;
    for (int s = threadIdx.x / SUMMED; i < WEIGHTS + K && s < slices; s += SHARES) sum += slice[s * step];
    shared[threadIdx.x] = sum;
    sum_rows<1, SHARES, SUMMED, SUM_THREADS>(shared);
    if (threadIdx.x >= SUMMED || i >= WEIGHTS + K) return;
    float total = float(shared[threadIdx.x]);
    if (i < WEIGHTS) {
        int row = i / C, channel = i % C, tap = TAPS - 1 - row / K;
        dkernel[(long long)(tap * C + channel) * K + row % K] = total;
    } else {
        dbias[i - WEIGHTS] = total;
    }
}
