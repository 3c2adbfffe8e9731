// The gradient of a convolution's weights over windows that stand in shared memory: a block copies a patch of pixels,
// with those that the taps reach, and their dz once (patch.cuh), and multiplies them for all taps. The sums are those
// of weight_gradient.cuh, which gathers each tap of a pixel anew and whose second stage adds up the slices.
//
//     forward    z[p][n]            = sum over tap, c of  x[p + tap][c] * w[tap, c][n] + bias[n]      zeros outside
//     backward   dw[tap, c][n]      = sum over p of       x[p + tap][c] * dz[p][n]
//                dbias[n]           = sum over p of       1             * dz[p][n]
//
//     stage 1    partial[s][r][n]   = the sum over the patches of slice s
//                                     blockIdx = (group of rows, group of columns, slice)
//
// Rows r of the product are (tap, channel) with channels padded to PADDED, a multiple of 8: so eight rows have one tap,
// and at neighbouring pixels they stand in neighbouring rows of the window. The bias has eight rows of ones after them.
//
//     row of the product   0 .. 7   8 .. 15   ...   PADDED ..   ...   TAPS * PADDED ..
//                          tap 0    tap 0           tap 1             ones              two eights: a tile of the mma
//
// Sums stay in registers over all patches of a slice. Shared memory has two stages: one is multiplied, while the copies
// that fill the other are asked for row by row between the mma. Strides are those of weight_gradient.cuh, and so are
// the accesses of a warp: lane (t, g) reads word t * stride + g, 32 banks; in bf16 ldmatrix transposes 8 x 8 at a time.
#pragma once

#include "products/patch.cuh"

constexpr int STEP_ROWS = MMA_DEPTH / PATCH_WIDTH;  // rows of a patch that one mma takes
constexpr int PAIR_ROWS = 2 * STEP_ROWS;            // and two of them, which the compiler interleaves

template <int CHANNELS_, int COLUMNS_, int KH_, int KW_, bool BIAS_, int WARPS_M_, int WARPS_N_, int MT_, int NT_>
struct WindowedGradientTile {
    static constexpr int CHANNELS = CHANNELS_, COLUMNS = COLUMNS_, KH = KH_, KW = KW_, TAPS = KH * KW;
    static constexpr bool BIAS = BIAS_;
    static constexpr int WARPS_M = WARPS_M_, WARPS_N = WARPS_N_, WARPS_K = 1, MT = MT_, OWN_MT = MT_, NT = NT_;
    static constexpr int BM = 16 * MT * WARPS_M, BN = 8 * NT * WARPS_N, THREADS = 32 * WARPS_M * WARPS_N;
    static constexpr int PADDED = (CHANNELS + 7) / 8 * 8;
    static constexpr int ROWS = TAPS * CHANNELS + (BIAS ? 1 : 0);     // of dw
    static constexpr int BIAS_ROW = TAPS * PADDED;                    // of the product, if it has one
    static constexpr int PADDED_ROWS = BIAS_ROW + (BIAS ? 1 : 0);
    static constexpr int WINDOW_WIDTH = PATCH_WIDTH + KW - 1;
    static constexpr int STRIDE_X = shared_stride(PADDED), STRIDE_DZ = shared_stride(BN);
    static constexpr int ROW_X = WINDOW_WIDTH * STRIDE_X, ROW_DZ = PATCH_WIDTH * STRIDE_DZ;  // rows of a patch
    static __device__ constexpr int place_x(int pixel, int channel) { return pixel * STRIDE_X + channel; }
    static __device__ constexpr int place_dz(int pixel, int column) { return pixel * STRIDE_DZ + column; }
    static_assert(KH % 2 == 1 && KW % 2 == 1, "a window reaches as far to either side");
    static_assert(COLUMNS % 2 == 0, "sums are written two at a time");
};

// Where this thread finds its rows of A in a window, at the first pixel of a step; and whether a row is the bias's.
template <class Tile>
struct Places {
    static constexpr int BLOCK_EIGHTS = Tile::BM / 8, WARP_EIGHTS = 2 * Tile::MT;
    static constexpr int BIAS_EIGHT = Tile::BIAS_ROW / 8 % BLOCK_EIGHTS;
    static constexpr int BIAS_TILE = BIAS_EIGHT % WARP_EIGHTS / 2, BIAS_HALF = BIAS_EIGHT % 2;
    static constexpr int HALVES = BF16 ? 1 : 2;  // an address of ldmatrix is of one half of a tile
    int at[Tile::MT][HALVES];
    bool has_bias;

    __device__ __forceinline__ Places() {
        int lane = threadIdx.x % 32, warp = WarpPlace<Tile>().m;
        int pixel = BF16 ? lane / 16 * Tile::WINDOW_WIDTH + lane % 8 : TF32 ? lane % 4 : 0;
        has_bias = Tile::BIAS && blockIdx.x == Tile::BIAS_ROW / Tile::BM && warp == BIAS_EIGHT / WARP_EIGHTS;
#pragma unroll
        for (int i = 0; i < Tile::MT; ++i)
#pragma unroll
            for (int half = 0; half < HALVES; ++half) {
                int row = blockIdx.x * Tile::BM + (warp * Tile::MT + i) * 16 + 8 * (BF16 ? lane / 8 % 2 : half);
                if (row >= Tile::BIAS_ROW) row = 0;  // no row of A: what it reads is not written
                int tap = row / Tile::PADDED;
                at[i][half] = (tap / Tile::KW * Tile::WINDOW_WIDTH + tap % Tile::KW + pixel) * Tile::STRIDE_X +
                              row % Tile::PADDED + (BF16 ? 0 : lane / 4);
            }
    }
    // Whether half a tile is the bias's ones.
    __device__ __forceinline__ bool ones(int i, int half) const {
        return Tile::BIAS && i == BIAS_TILE && half == BIAS_HALF && has_bias;
    }
};

// sum += A^T * dz over STEP_ROWS rows of a patch; window and dz point at the first of them, dz at this warp's columns.
#if BF16
template <class Tile>
__device__ __forceinline__ void multiply_step(Sums<Tile>& sum, const bf16* window, const bf16* dz,
                                              const Places<Tile>& places) {
    const uint32_t ONES = cvt_bf16x2(1.0f, 1.0f);
    int lane = threadIdx.x % 32;
    const bf16* dz_row = dz + lane % 16 * Tile::STRIDE_DZ + lane / 16 * 8;
    uint32_t fragment[Tile::MT][4];
#pragma unroll
    for (int i = 0; i < Tile::MT; ++i) {
        ldmatrix_x4_trans(fragment[i], window + places.at[i][0]);
#pragma unroll
        for (int q = 0; q < 4; ++q)
            if (places.ones(i, q % 2)) fragment[i][q] = ONES;
    }
#pragma unroll
    for (int j = 0; j < Tile::NT; j += 2) {
        uint32_t columns[4];
        const bool both = j + 1 < Tile::NT;
        if (both) {
            ldmatrix_x4_trans(columns, dz_row + 8 * j);
        } else {
            ldmatrix_x2_trans(columns, dz_row + 8 * j);
        }
#pragma unroll
        for (int i = 0; i < Tile::MT; ++i) {
            mma_m16n8k16_bf16(sum.v[i][j], fragment[i], columns, sum.v[i][j]);
            if (both) mma_m16n8k16_bf16(sum.v[i][j + both], fragment[i], columns + 2, sum.v[i][j + both]);
        }
    }
}
#elif TF32
template <class Tile>
__device__ __forceinline__ void multiply_step(Sums<Tile>& sum, const float* window, const float* dz,
                                              const Places<Tile>& places) {
    int g = threadIdx.x % 32 / 4, t = threadIdx.x % 4;
    uint32_t fragment[Tile::MT][4];
#pragma unroll
    for (int i = 0; i < Tile::MT; ++i)
#pragma unroll
        for (int q = 0; q < 4; ++q) {
            const float v = window[places.at[i][q % 2] + q / 2 * 4 * Tile::STRIDE_X];
            fragment[i][q] = to_tf32<true>(places.ones(i, q % 2) ? 1.0f : v);
        }
#pragma unroll
    for (int j = 0; j < Tile::NT; ++j) {
        const float* corner = dz + t * Tile::STRIDE_DZ + 8 * j + g;
        const uint32_t column[2] = {to_tf32<false>(corner[0]), to_tf32<false>(corner[4 * Tile::STRIDE_DZ])};
#pragma unroll
        for (int i = 0; i < Tile::MT; ++i) mma_m16n8k8_tf32(sum.v[i][j], fragment[i], column, sum.v[i][j]);
    }
}
#else
template <class Tile>
__device__ __forceinline__ void multiply_step(Sums<Tile>& sum, const float* window, const float* dz,
                                              const Places<Tile>& places) {
    int t = threadIdx.x % 4;
#pragma unroll 1
    for (int p = 0; p < PATCH_WIDTH; ++p) {
        float row[Tile::MT][2];
#pragma unroll
        for (int i = 0; i < Tile::MT; ++i)
#pragma unroll
            for (int half = 0; half < 2; ++half) {
                const float v = window[places.at[i][half] + p * Tile::STRIDE_X];
                row[i][half] = places.ones(i, half) ? 1.0f : v;
            }
#pragma unroll
        for (int j = 0; j < Tile::NT; ++j) {
            const float2 column = *(const float2*)(dz + p * Tile::STRIDE_DZ + 8 * j + 2 * t);
#pragma unroll
            for (int i = 0; i < Tile::MT; ++i)
#pragma unroll
                for (int half = 0; half < 2; ++half) {
                    sum.v[i][j][2 * half] = fmaf(row[i][half], column.x, sum.v[i][j][2 * half]);
                    sum.v[i][j][2 * half + 1] = fmaf(row[i][half], column.y, sum.v[i][j][2 * half + 1]);
                }
        }
    }
}
#endif

// Stage 1. Slice blockIdx.z takes patches_per_slice patches.
//   x        (frames.images, height, width, CHANNELS);  dz (the same pixels, COLUMNS), rounded to tf32 already
//   partial  (slices, ROWS, COLUMNS)
//   patch_rows  a multiple of PAIR_ROWS; two stages of so many fit in shared memory
template <class Tile>
__device__ __forceinline__ void windowed_gradient(char* shared, const OPERAND* x, const OPERAND* dz, float* partial,
                                                  Frames frames, int patch_rows, int patches_per_slice, int patches) {
    const int pairs = patch_rows / PAIR_ROWS, rows = patch_rows + Tile::KH - 1;
    const int window_size = rows * Tile::ROW_X;
    const int stage_size = window_size + patch_rows * Tile::ROW_DZ;
    OPERAND* stages = (OPERAND*)shared;
    const int first = blockIdx.z * patches_per_slice, last = min(first + patches_per_slice, patches);
    Pieces<Tile> pieces(x, dz, frames.width, patch_rows, threadIdx.x);
    const Places<Tile> places;
    const int columns = WarpPlace<Tile>().n * (8 * Tile::NT);
    Sums<Tile> sum;
    clear(sum);

    pieces.begin(stages, stages + window_size, frames, Corner(first, frames, patch_rows));
    pieces.copy(0, rows, frames.height);
    cp_async_commit();
    const int rows_a_pair = rows_a_turn(rows, pairs);  // copied beside the mma
#pragma unroll 1
    for (int patch = first; patch < last; ++patch) {
        cp_async_wait<0>();
        __syncthreads();  // the patch has arrived for everyone, and no one still reads the stage that is filled next
        const OPERAND* window = stages + (patch - first) % 2 * stage_size;
        const OPERAND* dz_rows = window + window_size + columns;
        OPERAND* next = stages + (patch - first + 1) % 2 * stage_size;
        pieces.begin(next, next + window_size, frames, Corner(patch + 1, frames, patch_rows));
        const int to_copy = patch + 1 < last ? rows : 0;
#pragma unroll 1
        for (int pair = 0; pair < pairs; ++pair) {
            pieces.copy(pair * rows_a_pair, min((pair + 1) * rows_a_pair, to_copy), frames.height);
#pragma unroll
            for (int step = 0; step < 2; ++step)
                multiply_step<Tile>(sum, window + step * STEP_ROWS * Tile::ROW_X,
                                    dz_rows + step * STEP_ROWS * Tile::ROW_DZ, places);
            window += PAIR_ROWS * Tile::ROW_X;
            dz_rows += PAIR_ROWS * Tile::ROW_DZ;
        }
        cp_async_commit();
    }
    for_each_pair<Tile>(sum, Tile::PADDED_ROWS, [&](int row, int n, float left, float right) {
        int tap = row / Tile::PADDED, channel = row % Tile::PADDED;  // of the bias: TAPS and 0
        if (channel >= Tile::CHANNELS) return;
        long long at = (long long)blockIdx.z * Tile::ROWS + tap * Tile::CHANNELS + channel;
        put2(partial + at * Tile::COLUMNS + n, left, right);
    });
}
