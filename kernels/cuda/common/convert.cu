// Between float32, which stands at the boundary of the operation table, and what the convolutions read.
//
//     narrow: target[i] = source[i], rounded to nearest even          widen_all: target[i] = source[i]

#include "common/elementwise.cuh"

// n elements; quads: fours of them, 0 unless both arrays are 16-byte aligned.
extern "C" __global__ void narrow(const float* source, bf16* target, long long n, long long quads) {
    for_each(n, quads, [&](long long at, auto width) {
        constexpr int WIDTH = decltype(width)::WIDTH;
        store<WIDTH>(target + at, load<WIDTH>(source + at));
    });
}

// n elements; quads: fours of them, 0 unless both arrays are 16-byte aligned.
extern "C" __global__ void widen_all(const bf16* source, float* target, long long n, long long quads) {
    for_each(n, quads, [&](long long at, auto width) {
        constexpr int WIDTH = decltype(width)::WIDTH;
        store<WIDTH>(target + at, load<WIDTH>(source + at));
    });
}
