// Conv3D over time-major movies: x is gathered anew for each tap. With few outputs: conv3d_few_outputs.cu.
//
//     forward                                                       backward
//     (1)  y_t = bias + sum over d of                               dx: conv3d.cuh
//               conv(x_{t + d - before}, kernel[d])                 dkernel = sum over pixels of x (window) * dy
//          frames outside 0 .. T-1 are zero                         dbias   = sum over pixels of dy
//
// Constants: those of conv3d.cuh; and the tiles FORWARD and KERNEL_GRADIENT.

#include "conv3d/conv3d.cuh"
#include "products/weight_gradient.cuh"

using ForwardWindow = Window<C, KT, KH, KW, BEFORE>;
using Forward = ConvTile<ForwardWindow, K, FORWARD>;
using KernelGradient = GradientTile<ForwardWindow, K, true, KERNEL_GRADIENT>;

// kernel (kt,kh,kw,C,K) -> the packed weights of the forward convolution.
extern "C" __global__ void pack_forward(const float* kernel, OPERAND* packed) {
    pack_weights<Forward>(packed, [&](int tap, int channel, int n) {
        return n < K ? kernel[(long long)(tap * C + channel) * K + n] : 0.0f;
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
