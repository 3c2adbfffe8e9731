// What both ways of a Conv3D share: its windows, and the gradient of its input.
//
//     forward                                                       backward
//     (1)  y_t = bias + sum over d of                               dx_s    = sum over d of conv^T(dy_{s - d + before},
//               conv(x_{t + d - before}, kernel[d])                                                kernel[d])
//          frames outside 0 .. T-1 are zero                         dkernel, dbias: conv3d_gathered.cu, conv3d_few_outputs.cu
//
// before = BEFORE: (KT-1)/2 with padding 'same', KT-1 with 'causal'. The backward convolution is the forward one with
// taps reversed in all three directions, so KT-1-BEFORE frames stand before it.
//
// Constants: SPEC_C, SPEC_K, SPEC_KT, SPEC_KH, SPEC_KW, SPEC_BEFORE; TF32, BF16, OPERAND; and the tile BACKWARD.
#pragma once

#include "products/conv.cuh"

constexpr int C = SPEC_C, K = SPEC_K, KT = SPEC_KT, KH = SPEC_KH, KW = SPEC_KW, BEFORE = SPEC_BEFORE;
constexpr int TAPS = KT * KH * KW;

using BackwardWindow = Window<K, KT, KH, KW, KT - 1 - BEFORE>;
using Backward = ConvTile<BackwardWindow, C, BACKWARD>;

// kernel (kt,kh,kw,C,K) -> the packed weights of the backward convolution: taps reversed, channels exchanged.
extern "C" __global__ void pack_backward(const float* kernel, OPERAND* packed) {
    pack_weights<Backward>(packed, [&](int tap, int channel, int n) {
        return n < C ? kernel[(long long)((TAPS - 1 - tap) * C + n) * K + channel] : 0.0f;
    });
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
