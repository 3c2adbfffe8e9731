// Numbers of two bytes beside those of four: read as float32, rounded to nearest even where they are written.
//
//               exponent   mantissa
//     bf16      8 bits     7 bits       float32's upper half: its range
//     f16       5 bits     10 bits      tf32's digits; from 6e-5 to 65504, below in steps of 6e-8, above infinite
#pragma once

#include "common/ptx.cuh"

struct bf16 {
    uint16_t bits;
};
struct f16 {
    uint16_t bits;
};

__device__ __forceinline__ float widen(float v) { return v; }
__device__ __forceinline__ float widen(bf16 v) { return __uint_as_float(unsigned(v.bits) << 16); }
__device__ __forceinline__ float widen(f16 v) { return widen_f16x2(v.bits).x; }
__device__ __forceinline__ void put(float* target, float v) { *target = v; }
__device__ __forceinline__ void put(bf16* target, float v) { target->bits = uint16_t(cvt_bf16x2(v, 0.0f)); }
__device__ __forceinline__ void put(f16* target, float v) { target->bits = uint16_t(cvt_f16x2(v, 0.0f)); }

// Two neighbours, aligned to both.
__device__ __forceinline__ void put2(float* target, float first, float second) {
    *(float2*)target = make_float2(first, second);
}
__device__ __forceinline__ void put2(bf16* target, float first, float second) {
    *(uint32_t*)target = cvt_bf16x2(first, second);
}

// Four neighbours as they stand in memory, aligned to all of them: the gates of a channel. They are widened when they are
// needed.
template <class Element>
struct Quad {
    uint2 pairs;
};
template <>
struct Quad<float> {
    float4 v;
};

template <class Element>
__device__ __forceinline__ Quad<Element> quad(const Element* source) { return *(const Quad<Element>*)source; }
__device__ __forceinline__ float4 widen(Quad<float> quad) { return quad.v; }
__device__ __forceinline__ float4 widen(Quad<bf16> quad) {
    return make_float4(__uint_as_float(quad.pairs.x << 16), __uint_as_float(quad.pairs.x & 0xffff0000u),
                       __uint_as_float(quad.pairs.y << 16), __uint_as_float(quad.pairs.y & 0xffff0000u));
}
__device__ __forceinline__ float4 widen(Quad<f16> quad) {
    const float2 left = widen_f16x2(quad.pairs.x), right = widen_f16x2(quad.pairs.y);
    return make_float4(left.x, left.y, right.x, right.y);
}
template <class Element>
__device__ __forceinline__ float4 get4(const Element* source) { return widen(quad(source)); }

__device__ __forceinline__ void put4(float* target, float4 v) { *(float4*)target = v; }
__device__ __forceinline__ void put4(bf16* target, float4 v) {
    *(uint2*)target = make_uint2(cvt_bf16x2(v.x, v.y), cvt_bf16x2(v.z, v.w));
}
__device__ __forceinline__ void put4(f16* target, float4 v) {
    *(uint2*)target = make_uint2(cvt_f16x2(v.x, v.y), cvt_f16x2(v.z, v.w));
}
