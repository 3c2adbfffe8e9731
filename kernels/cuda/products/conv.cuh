// Convolution as a matrix product that is never written out (implicit GEMM). Serves the input convolution of a
// ConvLSTM, its recurrent step, Conv3D, and the input gradients of all three (flipped, transposed weights).
//
//     y[m][n] = sum over k of  A[m][k] * w[n][k]      A[m][k] = x[Window::source(m, k)]      (window.cuh)
//
//     m  output pixel   (T*B*H*W)      one block: BM = 16 * MT * WARPS_M of them      blockIdx.x
//     n  output column                 one block: BN =  8 * NT * WARPS_N of them      blockIdx.y
//     k  tap and channel               in chunks of BK, two stages: one is multiplied while the next one arrives;
//                                      WARPS_K warps share the k of a chunk and add up at the end (few columns)
//
//     shared memory             one stage
//     +-----------------+       +- STRIDE elements -+      floats: STRIDE = 8 or 24 mod 32: the 8-byte loads of a half
//     | Pixel rows[BM]  |       | A: BM rows        |      warp, rows g .. g+3 and k 2t, 2t+1, touch every bank once;
//     | stage 0         |       | w: BN rows        |      bf16: an odd number of 16 bytes: the eight rows that
//     | stage 1         |       +-------------------+      ldmatrix reads at a time do
//     +-----------------+
//
// What a warp owns of the sums: accumulators.cuh. With WARPS_K > 1 every warp of a group ends up with MT / WARPS_K of
// the group's rows of tiles: OWN_MT.
#pragma once

#include "products/conv_product.cuh"
#include "common/window.cuh"

template <class WINDOW, int COLUMNS_, int BK_, int WARPS_M_, int WARPS_N_, int WARPS_K_, int MT_, int NT_,
          int SHARED_BYTES_>
struct ConvTile {
    using Taps = WINDOW;
    static constexpr int COLUMNS = COLUMNS_, BK = BK_;
    static constexpr int WARPS_M = WARPS_M_, WARPS_N = WARPS_N_, WARPS_K = WARPS_K_, MT = MT_, NT = NT_;
    static constexpr int OWN_MT = MT / WARPS_K;
    static constexpr int BM = 16 * MT * WARPS_M, BN = 8 * NT * WARPS_N, THREADS = 32 * WARPS_M * WARPS_N * WARPS_K;
    static constexpr int BLOCK_THREADS = THREADS;
    static constexpr int CHUNKS = (Taps::K + BK - 1) / BK, PADDED_K = CHUNKS * BK;
    static constexpr int PADDED_COLUMNS = (COLUMNS + BN - 1) / BN * BN;
    static constexpr int STRIDE = shared_stride(BK);
    static constexpr int STAGE = (BM + BN) * STRIDE;
    static constexpr int SHARED_BYTES = BM * int(sizeof(Pixel)) + 2 * STAGE * int(sizeof(OPERAND));
    static_assert(BK % 8 == 0 && (WARPS_K == 1 || BK % (MMA_DEPTH * WARPS_K) == 0),
                  "every warp gets as many mma steps of a chunk");
    static_assert(MT % WARPS_K == 0, "every warp ends up with as many rows of tiles");
    static_assert((WARPS_K - 1) * BM * BN * int(sizeof(float)) <= 2 * STAGE * int(sizeof(OPERAND)),
                  "the sums that warps exchange fit where the stages were");
    static_assert(SHARED_BYTES == SHARED_BYTES_, "tiles.py plans the same tile");
};

template <class Tile>
__device__ __forceinline__ void load_stage(OPERAND* stage, const Pixel* rows, const OPERAND* x,
                                           const OPERAND* weights, Frames frames, int chunk) {
    constexpr int VECTOR = Tile::Taps::VECTOR, PIECES = Tile::BK / VECTOR, CHANNELS = Tile::Taps::CHANNELS;
    constexpr bool ONE_TAP = CHANNELS % Tile::BK == 0;  // then no chunk straddles two taps: one division for them all
    int begin = chunk * Tile::BK, begin_tap = begin / CHANNELS;
    for (int i = threadIdx.x; i < Tile::BM * PIECES; i += Tile::THREADS) {
        int row = i / PIECES, k = i % PIECES * VECTOR;
        int tap = ONE_TAP ? begin_tap : (begin + k) / CHANNELS;
        long long source = Tile::Taps::source(frames, rows[row], tap, begin + k - tap * CHANNELS);
        OPERAND* target = stage + row * Tile::STRIDE + k;
        if constexpr (VECTOR > 1) {
            cp_async16_zfill(target, source < 0 ? x : x + source, source < 0 ? 0 : 16);
        } else {
            *target = source < 0 ? OPERAND{} : x[source];
        }
    }
    constexpr int WIDTH = copied_together(8), WEIGHT_PIECES = Tile::BK / WIDTH;
    const OPERAND* w = weights + (long long)blockIdx.y * Tile::BN * Tile::PADDED_K + begin;
    for (int i = threadIdx.x; i < Tile::BN * WEIGHT_PIECES; i += Tile::THREADS) {
        int row = i / WEIGHT_PIECES, k = i % WEIGHT_PIECES * WIDTH;
        cp_async16(stage + (Tile::BM + row) * Tile::STRIDE + k, w + (long long)row * Tile::PADDED_K + k);
    }
}

// Brings this block's rows of an array (pixels, width) or null into L2 while the product is computed: its epilogue
// reads them once, and would wait for the memory then.
template <class Tile, class Element>
__device__ __forceinline__ void prefetch_rows(const Element* array, int pixels, int width) {
    constexpr int LINE = 128 / int(sizeof(Element));
    long long last = (long long)min(int(blockIdx.x + 1) * Tile::BM, pixels) * width;
    long long at = (long long)blockIdx.x * Tile::BM * width + threadIdx.x * LINE;
    for (; array != nullptr && at < last; at += Tile::THREADS * LINE) prefetch_l2(array + at);
}

// Adds up what the WARPS_K warps of a group hold, each for the tile rows that become its own: own rows first, then the
// others' in order of warp. exchange: WARPS_K - 1 times BM * BN floats.
template <class Tile>
__device__ __forceinline__ void add_groups(Sums<Tile>& own, const Accumulators<Tile::MT, Tile::NT>& sum,
                                           float* exchange, int warp_k) {
    constexpr int GROUP = Tile::THREADS / Tile::WARPS_K, VALUES = Tile::OWN_MT * Tile::NT * 4;
    int thread = threadIdx.x % GROUP;
    __syncthreads();  // the stages are read for the last time
#pragma unroll
    for (int i = 0; i < Tile::MT; ++i) {
        int owner = i / Tile::OWN_MT, place = warp_k < owner ? warp_k : warp_k - 1;
        float* slot = exchange + (owner * (Tile::WARPS_K - 1) + place) * VALUES * GROUP + thread;
#pragma unroll
        for (int v = 0; v < Tile::NT * 4; ++v) {
            float value = sum.v[i][v / 4][v % 4];
            if (owner == warp_k) {
                own.v[i % Tile::OWN_MT][v / 4][v % 4] = value;
            } else {
                slot[(i % Tile::OWN_MT * Tile::NT * 4 + v) * GROUP] = value;
            }
        }
    }
    __syncthreads();
    for (int place = 0; place < Tile::WARPS_K - 1; ++place) {
        const float* slot = exchange + (warp_k * (Tile::WARPS_K - 1) + place) * VALUES * GROUP + thread;
#pragma unroll
        for (int v = 0; v < VALUES; ++v) own.v[v / (Tile::NT * 4)][v / 4 % Tile::NT][v % 4] += slot[v * GROUP];
    }
}

// own = A * w^T for this block's pixels and columns; x may be null, which is all zeros (no multiplication is made).
//   x       (frames.images, height, width, CHANNELS), 16-byte aligned where VECTOR > 1
//   weights (PADDED_COLUMNS, PADDED_K), from pack_weights
//   ROUND   whether x still needs rounding to tf32 on its way into the mma
template <class Tile, bool ROUND>
__device__ __forceinline__ void convolve(Sums<Tile>& own, char* shared, const OPERAND* x, const OPERAND* weights,
                                         Frames frames) {
    if (x == nullptr) {
        clear(own);
        return;
    }
    Pixel* rows = (Pixel*)shared;
    OPERAND* stages = (OPERAND*)(rows + Tile::BM);
    for (int i = threadIdx.x; i < Tile::BM; i += Tile::THREADS)
        rows[i] = pixel_at(blockIdx.x * Tile::BM + i, frames);
    __syncthreads();

    Accumulators<Tile::MT, Tile::NT> sum;
    clear(sum);
    WarpPlace<Tile> warp;
    int a = warp.m * (16 * Tile::MT) * Tile::STRIDE;
    int w = (Tile::BM + warp.n * (8 * Tile::NT)) * Tile::STRIDE;
    load_stage<Tile>(stages, rows, x, weights, frames, 0);
    cp_async_commit();
    for (int chunk = 0; chunk < Tile::CHUNKS; ++chunk) {
        cp_async_wait<0>();
        __syncthreads();  // chunk has arrived for everyone, and no one still reads the stage that is filled next
        if (chunk + 1 < Tile::CHUNKS)
            load_stage<Tile>(stages + (chunk + 1) % 2 * Tile::STAGE, rows, x, weights, frames, chunk + 1);
        cp_async_commit();
        const OPERAND* stage = stages + chunk % 2 * Tile::STAGE;
        multiply_chunk<Tile, ROUND>(
            sum, [=](int r) { return stage + a + r * Tile::STRIDE; },
            [=](int n) { return stage + w + n * Tile::STRIDE; }, warp.k);
    }
    if constexpr (Tile::WARPS_K == 1) {
        own = sum;
    } else {
        add_groups<Tile>(own, sum, (float*)stages, warp.k);
    }
}

// y (pixels, COLUMNS) = own + bias; bias (COLUMNS) or null.
template <class Tile, class Element>
__device__ __forceinline__ void store(const Sums<Tile>& own, int pixels, Element* y, const float* bias) {
    for_each_pair<Tile>(own, pixels, [&](int m, int n, float first, float second) {
        bool both = n + 1 < Tile::COLUMNS;
        if (bias != nullptr) {
            first += bias[n];
            if (both) second += bias[n + 1];
        }
        put_pair<Tile::COLUMNS>(y + (long long)m * Tile::COLUMNS + n, both, first, second);
    });
}

// packed (PADDED_COLUMNS, PADDED_K): packed[n][tap * CHANNELS + channel] = weight(tap, channel, n), rounded once here
// for the mma, and zero where k is padding; weight answers zero for columns that are padding.
template <class Tile, class Weight>
__device__ __forceinline__ void pack_weights(OPERAND* packed, Weight weight) {
    constexpr int CHANNELS = Tile::Taps::CHANNELS;
    for (int i = blockIdx.x * blockDim.x + threadIdx.x; i < Tile::PADDED_COLUMNS * Tile::PADDED_K;
         i += gridDim.x * blockDim.x) {
        int n = i / Tile::PADDED_K, k = i % Tile::PADDED_K;
        put(packed + i, k < Tile::Taps::K ? rounded(weight(k / CHANNELS, k % CHANNELS, n)) : 0.0f);
    }
}
