// Between float32, which stands at the boundary of the operation table, and what the convolutions read.
//
//     narrow: target[i] = source[i], rounded to nearest even          widen_all: target[i] = source[i]
//
// Constants: OPERAND (bf16), and what operand.cuh wants beside it.

#include "elementwise.cuh"
#include "operand.cuh"

// n elements; quads: fours of them, 0 unless both arrays are 16-byte aligned.
extern "C" __global__ void narrow(const float* source, OPERAND* target, long long n, long long quads) {
    for_each(n, quads, [&](long long at, auto width) {
        if constexpr (decltype(width)::WIDTH == 4) {
            put4(target + at, get4(source + at));
        } else {
            put(target + at, source[at]);
        }
    });
}

// n elements; quads: fours of them, 0 unless both arrays are 16-byte aligned.
extern "C" __global__ void widen_all(const OPERAND* source, float* target, long long n, long long quads) {
    for_each(n, quads, [&](long long at, auto width) {
        if constexpr (decltype(width)::WIDTH == 4) {
            put4(target + at, get4(source + at));
        } else {
            target[at] = widen(source[at]);
        }
    });
}
