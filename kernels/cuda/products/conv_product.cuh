// One chunk of a convolution multiplied, in each precision: sum[m][n] += A[m][k] * w[n][k] over the k of a stage that a
// warp takes: all of them, or with WARPS_K > 1 every WARPS_K-th mma step, the warp_k-th first.
//
//   row(r), column(n)   row r of A and row n of w, counted from this warp's first ones, at the first k of the chunk
//   ROUND               whether A still needs rounding to tf32
//
// The order of k inside an mma is free as long as A and w agree: in tf32 lane t takes k = 2t, 2t+1 where the instruction
// says t, t+4, so that one 8-byte load fills two registers. In bf16 ldmatrix deals out what the instruction says; two
// neighbouring tiles of w take one ldmatrix, and what is left of a chunk beyond a multiple of 16 one mma of depth 8.
#pragma once

#include "common/accumulators.cuh"

#if BF16
template <class Tile, bool ROUND, class Row, class Column>
__device__ __forceinline__ void multiply_chunk(Accumulators<Tile::MT, Tile::NT>& sum, Row row, Column column,
                                               int warp_k) {
    constexpr int WHOLE = Tile::BK / MMA_DEPTH * MMA_DEPTH;
    int lane = threadIdx.x % 32, g = lane / 4, t = lane % 4;
    const bf16* rows[Tile::MT];
#pragma unroll
    for (int i = 0; i < Tile::MT; ++i) rows[i] = row(16 * i + lane % 16);
#pragma unroll
    for (int step = 0; step < WHOLE; step += MMA_DEPTH * Tile::WARPS_K) {
        int k = step + MMA_DEPTH * warp_k;
        uint32_t fragment[Tile::MT][4];
#pragma unroll
        for (int i = 0; i < Tile::MT; ++i) ldmatrix_x4(fragment[i], rows[i] + lane / 16 * 8 + k);
#pragma unroll
        for (int j = 0; j < Tile::NT; j += 2) {
            uint32_t columns[4];
            const bool both = j + 1 < Tile::NT;
            const bf16* corner = column(8 * j + lane / 16 * 8 + lane % 8) + lane / 8 % 2 * 8 + k;
            if (both) {
                ldmatrix_x4(columns, corner);
            } else {
                ldmatrix_x2(columns, corner);
            }
#pragma unroll
            for (int i = 0; i < Tile::MT; ++i) {
                mma_m16n8k16_bf16(sum.v[i][j], fragment[i], columns, sum.v[i][j]);
                if (both) mma_m16n8k16_bf16(sum.v[i][j + both], fragment[i], columns + 2, sum.v[i][j + both]);
            }
        }
    }
    if constexpr (WHOLE < Tile::BK) {
        uint32_t fragment[Tile::MT][2];
#pragma unroll
        for (int i = 0; i < Tile::MT; ++i) ldmatrix_x2(fragment[i], rows[i] + WHOLE);
#pragma unroll
        for (int j = 0; j < Tile::NT; ++j) {
            uint32_t b = *(const uint32_t*)(column(8 * j + g) + WHOLE + 2 * t);
#pragma unroll
            for (int i = 0; i < Tile::MT; ++i) mma_m16n8k8_bf16(sum.v[i][j], fragment[i], b, sum.v[i][j]);
        }
    }
}
#elif TF32
template <class Tile, bool ROUND, class Row, class Column>
__device__ __forceinline__ void multiply_chunk(Accumulators<Tile::MT, Tile::NT>& sum, Row row, Column column,
                                               int warp_k) {
    int g = threadIdx.x % 32 / 4, t = threadIdx.x % 4;
    const float* rows[Tile::MT][2];
#pragma unroll
    for (int i = 0; i < Tile::MT; ++i) {
        rows[i][0] = row(16 * i + g);
        rows[i][1] = row(16 * i + g + 8);
    }
#pragma unroll
    for (int step = 0; step < Tile::BK; step += 8 * Tile::WARPS_K) {
        int k = step + 8 * warp_k;
        unsigned fragment[Tile::MT][4];
#pragma unroll
        for (int i = 0; i < Tile::MT; ++i) {
            const float2 upper = *(const float2*)(rows[i][0] + k + 2 * t);
            const float2 lower = *(const float2*)(rows[i][1] + k + 2 * t);
            fragment[i][0] = to_tf32<ROUND>(upper.x);
            fragment[i][1] = to_tf32<ROUND>(lower.x);
            fragment[i][2] = to_tf32<ROUND>(upper.y);
            fragment[i][3] = to_tf32<ROUND>(lower.y);
        }
#pragma unroll
        for (int j = 0; j < Tile::NT; ++j) {
            const float2 pair = *(const float2*)(column(8 * j + g) + k + 2 * t);
            const unsigned b[2] = {to_tf32<false>(pair.x), to_tf32<false>(pair.y)};
#pragma unroll
            for (int i = 0; i < Tile::MT; ++i) mma_m16n8k8_tf32(sum.v[i][j], fragment[i], b, sum.v[i][j]);
        }
    }
}
#else
template <class Tile, bool ROUND, class Row, class Column>
__device__ __forceinline__ void multiply_chunk(Accumulators<Tile::MT, Tile::NT>& sum, Row row, Column column,
                                               int warp_k) {
    int g = threadIdx.x % 32 / 4, t = threadIdx.x % 4;
#pragma unroll 1
    for (int step = 0; step < Tile::BK / Tile::WARPS_K; step += 4) {
        int k = step / 8 * (8 * Tile::WARPS_K) + step % 8 + 8 * warp_k;
        float4 a[Tile::MT][2];
#pragma unroll
        for (int i = 0; i < Tile::MT; ++i) {
            a[i][0] = *(const float4*)(row(16 * i + g) + k);
            a[i][1] = *(const float4*)(row(16 * i + g + 8) + k);
        }
#pragma unroll
        for (int j = 0; j < Tile::NT; ++j) {
#pragma unroll
            for (int odd = 0; odd < 2; ++odd) {
                const float4 b = *(const float4*)(column(8 * j + 2 * t + odd) + k);
#pragma unroll
                for (int i = 0; i < Tile::MT; ++i) {
#pragma unroll
                    for (int half = 0; half < 2; ++half) {
                        float& v = sum.v[i][j][2 * half + odd];
                        v = fmaf(a[i][half].x, b.x, v);
                        v = fmaf(a[i][half].y, b.y, v);
                        v = fmaf(a[i][half].z, b.z, v);
                        v = fmaf(a[i][half].w, b.w, v);
                    }
                }
            }
        }
    }
}
#endif
