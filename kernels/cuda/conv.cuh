// Convolution as a matrix product that is never written out (implicit GEMM). Serves the input convolution of a
// ConvLSTM, its recurrent step, Conv3D, and the input gradients of all three (flipped, transposed weights).
//
//     y[m][n] = sum over k of  A[m][k] * w[n][k]      A[m][k] = x[Window::source(m, k)]      (window.cuh)
//
//     m  output pixel   (T*B*H*W)      one block: BM = 16 * MT * WARPS_M of them      blockIdx.x
//     n  output column                 one block: BN =  8 * NT * WARPS_N of them      blockIdx.y
//     k  tap and channel               in chunks of BK, two stages: one is multiplied while the next one arrives
//
//     shared memory             one stage
//     +-----------------+       +-- STRIDE floats --+      STRIDE = 8 or 24 mod 32: the 8-byte loads of a half
//     | Pixel rows[BM]  |       | A: BM rows        |      warp, rows g .. g+3 and k 2t, 2t+1, touch every bank
//     | stage 0         |       | w: BN rows        |      once
//     | stage 1         |       +-------------------+
//     +-----------------+
//
// A warp owns MT x NT tiles of 16 x 8, held as the accumulator of mma.m16n8k8: with g = lane / 4, t = lane % 4,
//
//              column 2t     2t+1
//     row g    v[.][.][0]  v[.][.][1]          float32 mode multiplies in FFMA with the very same ownership, so both
//     row g+8  v[.][.][2]  v[.][.][3]          precisions share every line but multiply_chunk
//
// The order of k inside an mma is free as long as A and w agree: lane t takes k = 2t, 2t+1 where the instruction says
// t, t+4, so that one 8-byte load fills two registers.
#pragma once

#include "ptx.cuh"
#include "window.cuh"

template <class WINDOW, int COLUMNS_, int BK_, int WARPS_M_, int WARPS_N_, int MT_, int NT_,
          int SHARED_BYTES_>
struct ConvTile {
    using Taps = WINDOW;
    static constexpr int COLUMNS = COLUMNS_, BK = BK_, WARPS_M = WARPS_M_, WARPS_N = WARPS_N_, MT = MT_, NT = NT_;
    static constexpr int BM = 16 * MT * WARPS_M, BN = 8 * NT * WARPS_N, THREADS = 32 * WARPS_M * WARPS_N;
    static constexpr int CHUNKS = (Taps::K + BK - 1) / BK, PADDED_K = CHUNKS * BK;
    static constexpr int PADDED_COLUMNS = (COLUMNS + BN - 1) / BN * BN;
    static constexpr int STRIDE = BK % 16 == 8 ? BK : BK + 8;
    static constexpr int STAGE = (BM + BN) * STRIDE;
    static constexpr int SHARED_BYTES = BM * int(sizeof(Pixel)) + 2 * STAGE * int(sizeof(float));
    static_assert(BK % 8 == 0, "a chunk is whole mma steps");
    static_assert(SHARED_BYTES == SHARED_BYTES_, "tiles.py plans the same tile");
};

template <class Tile>
struct Accumulators {
    float v[Tile::MT][Tile::NT][4];
};

template <class Tile>
__device__ __forceinline__ void clear(Accumulators<Tile>& sum) {
#pragma unroll
    for (int i = 0; i < Tile::MT; ++i)
#pragma unroll
        for (int j = 0; j < Tile::NT; ++j)
#pragma unroll
            for (int q = 0; q < 4; ++q) sum.v[i][j][q] = 0.0f;
}

// What a factor of an mma is made of: its bits, rounded to tf32 (10 bits of mantissa) unless they were before.
template <bool ROUND>
__device__ __forceinline__ unsigned to_tf32(float v) {
    return ROUND ? cvt_tf32(v) : __float_as_uint(v);
}

// For values that are rounded once, where they are written, and multiplied many times.
__device__ __forceinline__ float rounded(float v) {
#if TF32
    return __uint_as_float(cvt_tf32(v));
#else
    return v;
#endif
}

template <class Tile>
__device__ __forceinline__ void load_stage(float* stage, const Pixel* rows, const float* x, const float* weights,
                                           Frames frames, int chunk) {
    constexpr int VECTOR = Tile::Taps::VECTOR, PIECES = Tile::BK / VECTOR, CHANNELS = Tile::Taps::CHANNELS;
    constexpr bool ONE_TAP = CHANNELS % Tile::BK == 0;  // then no chunk straddles two taps: one division for them all
    int begin = chunk * Tile::BK, begin_tap = begin / CHANNELS;
    for (int i = threadIdx.x; i < Tile::BM * PIECES; i += Tile::THREADS) {
        int row = i / PIECES, k = i % PIECES * VECTOR;
        int tap = ONE_TAP ? begin_tap : (begin + k) / CHANNELS;
        long long source = Tile::Taps::source(frames, rows[row], tap, begin + k - tap * CHANNELS);
        float* target = stage + row * Tile::STRIDE + k;
        if constexpr (VECTOR == 4) {
            cp_async16_zfill(target, source < 0 ? x : x + source, source < 0 ? 0 : 16);
        } else {
            *target = source < 0 ? 0.0f : x[source];
        }
    }
    const float* w = weights + (long long)blockIdx.y * Tile::BN * Tile::PADDED_K + begin;
    for (int i = threadIdx.x; i < Tile::BN * Tile::BK / 4; i += Tile::THREADS) {
        int row = i / (Tile::BK / 4), k = i % (Tile::BK / 4) * 4;
        cp_async16(stage + (Tile::BM + row) * Tile::STRIDE + k, w + (long long)row * Tile::PADDED_K + k);
    }
}

#if TF32
template <class Tile, bool ROUND>
__device__ __forceinline__ void multiply_chunk(Accumulators<Tile>& sum, const float* a, const float* w) {
    int g = threadIdx.x % 32 / 4, t = threadIdx.x % 4;
#pragma unroll
    for (int k = 0; k < Tile::BK; k += 8) {
        unsigned fragment[Tile::MT][4];
#pragma unroll
        for (int i = 0; i < Tile::MT; ++i) {
            const float2 upper = *(const float2*)(a + (16 * i + g) * Tile::STRIDE + k + 2 * t);
            const float2 lower = *(const float2*)(a + (16 * i + g + 8) * Tile::STRIDE + k + 2 * t);
            fragment[i][0] = to_tf32<ROUND>(upper.x);
            fragment[i][1] = to_tf32<ROUND>(lower.x);
            fragment[i][2] = to_tf32<ROUND>(upper.y);
            fragment[i][3] = to_tf32<ROUND>(lower.y);
        }
#pragma unroll
        for (int j = 0; j < Tile::NT; ++j) {
            const float2 b = *(const float2*)(w + (8 * j + g) * Tile::STRIDE + k + 2 * t);
            const unsigned column[2] = {to_tf32<false>(b.x), to_tf32<false>(b.y)};
#pragma unroll
            for (int i = 0; i < Tile::MT; ++i) mma_m16n8k8_tf32(sum.v[i][j], fragment[i], column, sum.v[i][j]);
        }
    }
}
#else
template <class Tile, bool ROUND>
__device__ __forceinline__ void multiply_chunk(Accumulators<Tile>& sum, const float* a, const float* w) {
    int g = threadIdx.x % 32 / 4, t = threadIdx.x % 4;
#pragma unroll 1
    for (int k = 0; k < Tile::BK; k += 4) {
        float4 row[Tile::MT][2];
#pragma unroll
        for (int i = 0; i < Tile::MT; ++i) {
            row[i][0] = *(const float4*)(a + (16 * i + g) * Tile::STRIDE + k);
            row[i][1] = *(const float4*)(a + (16 * i + g + 8) * Tile::STRIDE + k);
        }
#pragma unroll
        for (int j = 0; j < Tile::NT; ++j) {
#pragma unroll
            for (int odd = 0; odd < 2; ++odd) {
                const float4 b = *(const float4*)(w + (8 * j + 2 * t + odd) * Tile::STRIDE + k);
#pragma unroll
                for (int i = 0; i < Tile::MT; ++i) {
#pragma unroll
                    for (int half = 0; half < 2; ++half) {
                        float& v = sum.v[i][j][2 * half + odd];
                        v = fmaf(row[i][half].x, b.x, v);
                        v = fmaf(row[i][half].y, b.y, v);
                        v = fmaf(row[i][half].z, b.z, v);
                        v = fmaf(row[i][half].w, b.w, v);
                    }
                }
            }
        }
    }
}
#endif

// sum = A * w^T for this block's pixels and columns; x may be null, which is all zeros (no multiplication is made).
//   x       (frames.images, height, width, CHANNELS), 16-byte aligned where CHANNELS % 4 == 0
//   weights (PADDED_COLUMNS, PADDED_K), from pack_weights
//   ROUND   whether x still needs rounding to tf32 on its way into the mma
template <class Tile, bool ROUND>
__device__ __forceinline__ void convolve(Accumulators<Tile>& sum, char* shared, const float* x, const float* weights,
                                         Frames frames) {
    clear<Tile>(sum);
    if (x == nullptr) return;

    Pixel* rows = (Pixel*)shared;
    float* stages = (float*)(rows + Tile::BM);
    for (int i = threadIdx.x; i < Tile::BM; i += Tile::THREADS)
        rows[i] = pixel_at(blockIdx.x * Tile::BM + i, frames);
    __syncthreads();

    int warp = threadIdx.x / 32;
    int a = warp / Tile::WARPS_N * (16 * Tile::MT) * Tile::STRIDE;
    int w = (Tile::BM + warp % Tile::WARPS_N * (8 * Tile::NT)) * Tile::STRIDE;
    load_stage<Tile>(stages, rows, x, weights, frames, 0);
    cp_async_commit();
    for (int chunk = 0; chunk < Tile::CHUNKS; ++chunk) {
        cp_async_wait<0>();
        __syncthreads();  // chunk has arrived for everyone, and no one still reads the stage that is filled next
        if (chunk + 1 < Tile::CHUNKS)
            load_stage<Tile>(stages + (chunk + 1) % 2 * Tile::STAGE, rows, x, weights, frames, chunk + 1);
        cp_async_commit();
        const float* stage = stages + chunk % 2 * Tile::STAGE;
        multiply_chunk<Tile, ROUND>(sum, stage + a, stage + w);
    }
}

// visit(m, n, y[m][n], y[m][n+1]) for every pair of neighbouring columns that this thread owns; n is even, n < COLUMNS.
template <class Tile, class Visit>
__device__ __forceinline__ void for_each_pair(const Accumulators<Tile>& sum, int pixels, Visit visit) {
    int warp = threadIdx.x / 32, g = threadIdx.x % 32 / 4, t = threadIdx.x % 4;
#pragma unroll
    for (int i = 0; i < Tile::MT; ++i) {
#pragma unroll
        for (int half = 0; half < 2; ++half) {
            int m = blockIdx.x * Tile::BM + (warp / Tile::WARPS_N * Tile::MT + i) * 16 + half * 8 + g;
#pragma unroll
            for (int j = 0; j < Tile::NT; ++j) {
                int n = blockIdx.y * Tile::BN + (warp % Tile::WARPS_N * Tile::NT + j) * 8 + 2 * t;
                if (m < pixels && n < Tile::COLUMNS)
                    visit(m, n, sum.v[i][j][2 * half], sum.v[i][j][2 * half + 1]);
            }
        }
    }
}

// y (pixels, COLUMNS) = sum + bias; bias (COLUMNS) or null.
template <class Tile>
__device__ __forceinline__ void store(const Accumulators<Tile>& sum, int pixels, float* y, const float* bias) {
    for_each_pair<Tile>(sum, pixels, [&](int m, int n, float first, float second) {
        bool both = n + 1 < Tile::COLUMNS;
        if (bias != nullptr) {
            first += bias[n];
            if (both) second += bias[n + 1];
        }
        float* target = y + (long long)m * Tile::COLUMNS + n;
        if constexpr (Tile::COLUMNS % 2 == 0) {
            *(float2*)target = make_float2(first, second);
        } else {
            target[0] = first;
            if (both) target[1] = second;
        }
    });
}

// packed (PADDED_COLUMNS, PADDED_K): packed[n][tap * CHANNELS + channel] = weight(tap, channel, n), rounded once here
// for the mma, and zero where k is padding; weight answers zero for columns that are padding.
template <class Tile, class Weight>
__device__ __forceinline__ void pack_weights(float* packed, Weight weight) {
    constexpr int CHANNELS = Tile::Taps::CHANNELS;
    for (int i = blockIdx.x * blockDim.x + threadIdx.x; i < Tile::PADDED_COLUMNS * Tile::PADDED_K;
         i += gridDim.x * blockDim.x) {
        int n = i / Tile::PADDED_K, k = i % Tile::PADDED_K;
        packed[i] = k < Tile::Taps::K ? rounded(weight(k / CHANNELS, k % CHANNELS, n)) : 0.0f;
    }
}
