// The arithmetic of a ConvLSTM cell, forward and backward side by side, and the order of its weights and gates: shared by
// the kernels that run one step a launch (conv_lstm.cu), the whole sequence (persistent_*.cu) and all frames at once
// (windowed_*.cu). Numbers of equations are those of conv_lstm.cu.
//
// Layout. z, the gates and dz hold the four gates of a channel side by side: (pixels, F, 4), 4 = i, f, g, o: one
// load. The packed weights order their columns so that the thread which owns a channel of an accumulator tile owns
// all four of its gates (16 columns = 4 channels):
//
//     column of the pair of tiles   0  1  2  3  4  5  6  7 | 8  9 10 11 12 13 14 15
//     gate and channel              i0 f0 i1 f1 i2 f2 i3 f3| g0 o0 g1 o1 g2 o2 g3 o3         lane t owns channel t
//
// Constants: SPEC_F, SPEC_KH, SPEC_KW; GATE_SLOPE (hard sigmoid clip(slope * z + 0.5, 0, 1); 0 is the logistic
// function).
#pragma once

#include "common/accumulators.cuh"

constexpr int F = SPEC_F, KH = SPEC_KH, KW = SPEC_KW;

// Where factors are rounded to tf32 or bf16, functions of the hardware do: through 2^x and 1/x with an error of 1e-6, in
// bf16 tanh itself with one of 2^-11.
__device__ __forceinline__ float bent(float x) {
#if BF16
    return tanh_approx(x);
#elif TF32
    return fmaf(-2.0f, reciprocal_approx(1.0f + exp2_approx(2.88539008f * x)), 1.0f);  // 2 / ln 2
#else
    return tanhf(x);
#endif
}

// A gate a = sigma(z), and what is kept of it for backward: how far it is from shut or, with a minus sign, from open.
//
//     z           z <= 0 (a <= 1/2)     z > 0
//     kept        a                     -(1 - a)      open all the way is -0
//     a           kept                  1 + kept
//     sigma'(z)   from |kept| alone
//
// So the derivative of a gate that is nearly open has as many digits as that of one nearly shut, however kept is rounded:
// a itself would be rounded to 1, and its derivative to 0.
struct Gate {
    float a, kept;
};

__device__ __forceinline__ Gate sigma(float z) {
    if (GATE_SLOPE != 0.0f) {
        const float a = clamp_unit(GATE_SLOPE * z + 0.5f);
        return {a, a <= 0.5f ? a : -(1.0f - a)};
    }
#if TF32 || BF16
    const float e = exp2_approx(-1.44269504f * fabsf(z)), far = reciprocal_approx(1.0f + e);  // 1 / ln 2
#else
    const float e = expf(-fabsf(z)), far = 1.0f / (1.0f + e);
#endif
    const float near = e * far;
    return z <= 0.0f ? Gate{near, near} : Gate{far, -near};
}

// a again.
__device__ __forceinline__ float restored(float kept) { return __float_as_int(kept) < 0 ? 1.0f + kept : kept; }

// sigma'(z).
__device__ __forceinline__ float sigma_derivative(float kept) {
    const float distance = fabsf(kept);
    if (GATE_SLOPE == 0.0f) return distance * (1.0f - distance);
    return distance > 0.0f ? GATE_SLOPE : 0.0f;
}

struct Cell {
    float4 gates;  // as they are kept, i, f, g, o; g as it is
    float c, h;     // h rounded as a factor of the products that follow
};

// z (i, f, g, o), c_prev -> gates, c, h.
__device__ __forceinline__ Cell cell_forward(float4 z, float c_prev) {
    const Gate i = sigma(z.x), f = sigma(z.y), o = sigma(z.w);  // (2)
    const float g = bent(z.z);                                  // (3)
    const float c = fmaf(f.a, c_prev, i.a * g);                 // (4)
    const float h = rounded(o.a * bent(c));                     // (5)
    return Cell{make_float4(i.kept, f.kept, g, o.kept), c, h};
}

struct CellGradient {
    float4 dz;  // rounded as a factor of the products that follow
    float dc_prev;
};

// The gates as forward has kept them and c of this step, c_prev, dh and dc_next (0 after the last step) -> dz and the
// gradient of c_prev.
__device__ __forceinline__ CellGradient cell_backward(float4 gates, float c, float c_prev, float dh, float dc_next) {
    float i = restored(gates.x), f = restored(gates.y), g = gates.z, o = restored(gates.w), tanh_c = bent(c);
    float d_o = dh * tanh_c;                                                 // (5)
    float dc = fmaf(dh * o, fmaf(-tanh_c, tanh_c, 1.0f), dc_next);           // (5)
    float d_i = dc * g, d_f = dc * c_prev, d_g = dc * i;                     // (4)
    float4 dz = make_float4(rounded(d_i * sigma_derivative(gates.x)),        // (2)
                            rounded(d_f * sigma_derivative(gates.y)),        // (2)
                            rounded(d_g * fmaf(-g, g, 1.0f)),                // (3)
                            rounded(d_o * sigma_derivative(gates.w)));       // (2)
    return CellGradient{dz, dc * f};                                         // (4)
}

// The weight behind column n of the packed layout; zero where the column is padding. weights (kh,kw,channels,4F).
__device__ __forceinline__ float gate_weight(const float* weights, int channels, int tap, int channel, int n) {
    int gate = n / 8 % 2 * 2 + n % 2, filter = n / 16 * 4 + n % 8 / 2;
    return filter < F ? weights[(long long)(tap * channels + channel) * 4 * F + gate * F + filter] : 0.0f;
}

// The weight that carries gate channel k % 4F back to channel n: the taps run backwards. weights (kh,kw,channels,4F).
__device__ __forceinline__ float flipped_weight(const float* weights, int channels, int tap, int gate_channel, int n) {
    if (n >= channels) return 0.0f;
    int flipped = KH * KW - 1 - tap;
    return weights[(long long)(flipped * channels + n) * 4 * F + gate_channel % 4 * F + gate_channel / 4];
}

// visit(m, channel, z) for every channel this thread owns of pixels m < pixels, which place tells of a row of the block:
// its four gates stand in two neighbouring tiles of the accumulators.
template <class Tile, class Place, class Visit>
__device__ __forceinline__ void for_each_channel(const Sums<Tile>& sum, Place place, int pixels, Visit visit) {
    static_assert(Tile::NT % 2 == 0, "a channel's gates stand in a pair of tiles");
    WarpPlace<Tile> warp;
#pragma unroll
    for (int i = 0; i < Tile::OWN_MT; ++i) {
#pragma unroll
        for (int half = 0; half < 2; ++half) {
            int m = place(warp.row(2 * i + half));
#pragma unroll
            for (int j = 0; j < Tile::NT; j += 2) {
                int column = warp.own_column() + 8 * j, channel = column / 16 * 4 + column % 8 / 2;
                const float* left = &sum.v[i][j][2 * half];
                const float* right = &sum.v[i][j + 1][2 * half];
                if (m < pixels && channel < F) visit(m, channel, make_float4(left[0], left[1], right[0], right[1]));
            }
        }
    }
}

// The input term of one channel and pixel m: v, to which the bias (4F) is added, -> z (pixels, F, 4).
__device__ __forceinline__ void put_input(GATE* z, int m, int channel, float4 v, const float* bias) {
    v.x += bias[channel];
    v.y += bias[F + channel];
    v.z += bias[2 * F + channel];
    v.w += bias[3 * F + channel];
    put4(z + ((long long)m * F + channel) * 4, v);
}
