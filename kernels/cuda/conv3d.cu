// Conv3D over time-major movies.
//
//     forward                                                       backward
//     (1)  y_t = bias + sum over d of                               dx_s    = sum over d of conv^T(dy_{s - d + before},
//               conv(x_{t + d - before}, kernel[d])                                                kernel[d])
//          frames outside 0 .. T-1 are zero                         dkernel = sum over pixels of x (window) * dy
//                                                                   dbias   = sum over pixels of dy
//
// before = BEFORE: (KT-1)/2 with padding 'same', KT-1 with 'causal'. The backward convolution is the forward one with
// taps reversed in all three directions, so KT-1-BEFORE frames stand before it.
//
// Constants: SPEC_C, SPEC_K, SPEC_KT, SPEC_KH, SPEC_KW, SPEC_BEFORE; TF32, BF16, OPERAND; and three tiles that tiles.py
// has chosen.

#include "conv.cuh"
#include "weight_gradient.cuh"

constexpr int C = SPEC_C, K = SPEC_K, KT = SPEC_KT, KH = SPEC_KH, KW = SPEC_KW, BEFORE = SPEC_BEFORE;

using ForwardWindow = Window<C, KT, KH, KW, BEFORE>;
using BackwardWindow = Window<K, KT, KH, KW, KT - 1 - BEFORE>;

using Forward = ConvTile<ForwardWindow, K, FORWARD>;
using Backward = ConvTile<BackwardWindow, C, BACKWARD>;
using KernelGradient = GradientTile<ForwardWindow, K, true, KERNEL_GRADIENT>;

// kernel (kt,kh,kw,C,K) -> the packed weights of the forward convolution.
extern "C" __global__ void pack_forward(const float* kernel, OPERAND* packed) {
    pack_weights<Forward>(packed, [&](int tap, int channel, int n) {
        return n < K ? kernel[(long long)(tap * C + channel) * K + n] : 0.0f;
    });
}

// The same kernel -> the packed weights of the backward convolution: taps reversed, channels exchanged.
extern "C" __global__ void pack_backward(const float* kernel, OPERAND* packed) {
    pack_weights<Backward>(packed, [&](int tap, int channel, int n) {
        return n < C ? kernel[(long long)((BackwardWindow::TAPS - 1 - tap) * C + n) * K + channel] : 0.0f;
    });
}

// (1): x (T,B,H,W,C) -> y (T,B,H,W,K).
extern "C" __global__ void __launch_bounds__(Forward::THREADS)
    conv3d_forward(const OPERAND* x, const OPERAND* packed, const float* bias, float* y, int images, int per_frame,
                   int height, int width) {
    DYNAMIC_SHARED(char, shared);
    Frames frames{images, per_frame, height, width};
    Sums<Forward> sum;
    convolve<Forward, true>(sum, shared, x, packed, frames);
    store<Forward>(sum, frames.pixels(), y, bias);
}

// (1): dy (T,B,H,W,K) -> dx (T,B,H,W,C).
extern "C" __global__ void __launch_bounds__(Backward::THREADS)
    conv3d_backward(const OPERAND* dy, const OPERAND* packed, OPERAND* dx, int images, int per_frame, int height,
                    int width) {
    DYNAMIC_SHARED(char, shared);
    Frames frames{images, per_frame, height, width};
    Sums<Backward> sum;
    convolve<Backward, true>(sum, shared, dy, packed, frames);
    store<Backward>(sum, frames.pixels(), dx, nullptr);
}

// (1), stage 1: x (T,B,H,W,C), dy (T,B,H,W,K) -> partial (slices, kt*kh*kw*C + 1, K), last row bias.
extern "C" __global__ void __launch_bounds__(KernelGradient::THREADS)
    kernel_gradient(const OPERAND* x, const OPERAND* dy, float* partial, int images, int per_frame, int height,
                    int width, int chunks_per_slice) {
    DYNAMIC_SHARED(char, shared);
    Frames frames{images, per_frame, height, width};
    weight_gradient<KernelGradient, true>(shared, x, dy, partial, frames, chunks_per_slice);
}

// (1), stage 2: dkernel (kt,kh,kw,C,K), dbias (K).
extern "C" __global__ void sum_kernel_gradient(const float* partial, float* dkernel, float* dbias, int slices) {
    sum_slices<KernelGradient>(partial, slices, [&](int r, int n, float total) {
        if (r < ForwardWindow::K) {
            dkernel[(long long)r * K + n] = total;
        } else {
            dbias[n] = total;
        }
    });
}
