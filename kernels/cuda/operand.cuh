// What the convolutions multiply, as it stands in memory: activations, gates, their gradients and packed weights.
//
//     precision   OPERAND   in memory                        as a factor
//     float32     float     4 bytes                          as it is
//     tf32        float     4 bytes, weights and dz rounded  rounded to 10 bits of mantissa
//     bfloat16    bf16      2 bytes, rounded to nearest even as it is
//
// All arithmetic but the products is float32: values are widened where they are read and rounded where they are
// written. Sums, cell states, statistics and the weights that the optimizer moves are float32 arrays.
#pragma once

#include "ptx.cuh"

// A number's upper sixteen bits: eight of exponent as float32, seven of mantissa.
struct bf16 {
    uint16_t bits;
};

__device__ __forceinline__ float widen(float v) { return v; }
__device__ __forceinline__ float widen(bf16 v) { return __uint_as_float(unsigned(v.bits) << 16); }
__device__ __forceinline__ void put(float* target, float v) { *target = v; }
__device__ __forceinline__ void put(bf16* target, float v) { target->bits = uint16_t(cvt_bf16x2(v, 0.0f)); }

// Two neighbours, aligned to both.
__device__ __forceinline__ void put2(float* target, float first, float second) {
    *(float2*)target = make_float2(first, second);
}
__device__ __forceinline__ void put2(bf16* target, float first, float second) {
    *(uint32_t*)target = cvt_bf16x2(first, second);
}

// Four neighbours, aligned to all of them: the gates of a channel.
__device__ __forceinline__ float4 get4(const float* source) { return *(const float4*)source; }
__device__ __forceinline__ float4 get4(const bf16* source) {
    const uint2 pairs = *(const uint2*)source;
    return make_float4(__uint_as_float(pairs.x << 16), __uint_as_float(pairs.x & 0xffff0000u),
                       __uint_as_float(pairs.y << 16), __uint_as_float(pairs.y & 0xffff0000u));
}
__device__ __forceinline__ void put4(float* target, float4 v) { *(float4*)target = v; }
__device__ __forceinline__ void put4(bf16* target, float4 v) {
    *(uint2*)target = make_uint2(cvt_bf16x2(v.x, v.y), cvt_bf16x2(v.z, v.w));
}

// A factor as the mma will see it, for values that are rounded once where they are written and multiplied many times.
__device__ __forceinline__ float rounded(float v) {
#if TF32
    return __uint_as_float(cvt_tf32(v));
#else
    return v;
#endif
}

// What a factor of an mma is made of: its bits, rounded to tf32 (10 bits of mantissa) unless they were before.
template <bool ROUND>
__device__ __forceinline__ unsigned to_tf32(float v) {
    return ROUND ? cvt_tf32(v) : __float_as_uint(v);
}

// The depth of the product's largest mma.
constexpr int MMA_DEPTH = BF16 ? 16 : 8;

// Elements that one asynchronous copy of 16 bytes moves, where rows of so many elements allow it; else 1.
__device__ constexpr int copied_together(int row) {
    return row % (16 / int(sizeof(OPERAND))) == 0 ? 16 / int(sizeof(OPERAND)) : 1;
}
