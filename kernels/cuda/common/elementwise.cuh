// Loops over flat arrays, four floats at a time where the arrays allow it.
#pragma once

#include "common/narrow.cuh"

template <int WIDTH>
struct alignas(4 * WIDTH) Vector {
    float v[WIDTH];
};

template <int WIDTH_>
struct Width {
    static constexpr int WIDTH = WIDTH_;
};

// WIDTH neighbours as they stand in memory, 1 or 4, and what they are.
template <int WIDTH, class Element>
__device__ __forceinline__ auto stored(const Element* source) {
    if constexpr (WIDTH == 4) {
        return quad(source);
    } else {
        return *source;
    }
}

template <int WIDTH, class Stored>
__device__ __forceinline__ Vector<WIDTH> widened(Stored stored) {
    if constexpr (WIDTH == 4) {
        const float4 v = widen(stored);
        return {v.x, v.y, v.z, v.w};
    } else {
        return {widen(stored)};
    }
}

template <int WIDTH, class Element>
__device__ __forceinline__ Vector<WIDTH> load(const Element* source) {
    return widened<WIDTH>(stored<WIDTH>(source));
}

template <int WIDTH>
__device__ __forceinline__ void store(float* target, const Vector<WIDTH>& value) {
    *(Vector<WIDTH>*)target = value;
}

template <int WIDTH>
__device__ __forceinline__ void store(bf16* target, const Vector<WIDTH>& value) {
    if constexpr (WIDTH == 4) {
        put4(target, make_float4(value.v[0], value.v[1], value.v[2], value.v[3]));
    } else {
        put(target, value.v[0]);
    }
}

// visit(i, Width) for every element of 0 .. n-1, WIDTH of them a call: the first 4 * quads in fours, the rest one by
// one. quads > 0 promises that every array is 16-byte aligned.
template <class Visit>
__device__ __forceinline__ void for_each(long long n, long long quads, Visit visit) {
    long long first = (long long)blockIdx.x * blockDim.x + threadIdx.x, step = (long long)gridDim.x * blockDim.x;
    for (long long i = first; i < quads; i += step) visit(4 * i, Width<4>{});
    for (long long i = 4 * quads + first; i < n; i += step) visit(i, Width<1>{});
}
