// Numbers of two bytes beside those of four: read as float32, rounded to nearest even where they are written.
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

// Four neighbours, aligned to all of them: the gates of a channel. quad takes them as they stand in memory, to be widened
// when they are needed.
__device__ __forceinline__ float4 quad(const float* source) { return *(const float4*)source; }
__device__ __forceinline__ uint2 quad(const bf16* source) { return *(const uint2*)source; }
__device__ __forceinline__ float4 widen(float4 v) { return v; }
__device__ __forceinline__ float4 widen(uint2 pairs) {
    return make_float4(__uint_as_float(pairs.x << 16), __uint_as_float(pairs.x & 0xffff0000u),
                       __uint_as_float(pairs.y << 16), __uint_as_float(pairs.y & 0xffff0000u));
}
template <class Element>
__device__ __forceinline__ float4 get4(const Element* source) { return widen(quad(source)); }
__device__ __forceinline__ void put4(float* target, float4 v) { *(float4*)target = v; }
__device__ __forceinline__ void put4(bf16* target, float4 v) {
    *(uint2*)target = make_uint2(cvt_bf16x2(v.x, v.y), cvt_bf16x2(v.z, v.w));
}
