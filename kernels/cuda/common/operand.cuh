// What the convolutions multiply, as it stands in memory: activations, gradients of gates and packed weights.
//
//     precision   OPERAND   in memory                        as a factor                       GATE
//     float32     float     4 bytes                          as it is                          float
//     tf32        float     4 bytes, weights and dz rounded  rounded to 10 bits of mantissa    float
//     bfloat16    bf16      2 bytes, rounded to nearest even as it is                          f16
//
// GATE is what no convolution multiplies: z, the gates, and the c of every frame, which backward wants. f16 is more exact than
// bf16 in the same bytes; a gate is between -1 and 1, and a z beyond the range of f16 has shut or opened its gate long
// before. The c that goes on from frame to frame is float32.
//
// All arithmetic but the products is float32: values are widened where they are read and rounded where they are
// written. Sums, cell states, statistics and the weights that the optimizer moves are float32 arrays.
#pragma once

#include "common/narrow.cuh"

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
