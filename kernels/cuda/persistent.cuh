// A recurrent convolution that runs a whole sequence in one launch: what conv_lstm.cu does in one launch a step.
//
//     state_t = cell(input_t, conv(state of t-1, w))      forward h over t = 0 .. T-1, backward dz over t = T-1 .. 0
//
// A block owns BM pixels (neighbours in the order of memory, across rows and images) times COLUMNS columns for all
// steps, and all blocks are on the device at a time. A step of a block:
//
//     wait until the blocks whose pixels it looks at have written the step before        flags, below
//     copy those pixels to shared memory: its own and HALO of them on either side        the window
//     sums = window * w^T, a tap at a time: a tap's row of A is a row of the window,     conv_product.cuh
//            or a row of zeros where it looks outside the image
//     the cell, in registers: what it carries from step to step never leaves them        the kernel's own epilogue
//     write its part of the state; raise its flag
//
//     shared memory
//     +---------------------+
//     | uint32 inside[BM]   |  of each pixel, a bit for each tap: whether it reads inside the image
//     | zeros[STRIDE]       |
//     | weights[COLUMNS]    |  rows of WEIGHT_STRIDE: k = (slab, tap, channel of the slab), resident for all steps
//     | window[BUFFERS]     |  BM + 2 * HALO rows of STRIDE: BK channels, a slab; with more than one slab the next one
//     +---------------------+  arrives while one is multiplied. Later the sums that WARPS_K warps exchange.
//
// HALO = KH / 2 * width + KW / 2 pixels: how far in memory the window of a pixel reaches. Nothing is read past the
// images that the block's pixels are of, so images wait for one another only where a block has pixels of both.
//
// Flags. flags[tile * groups + group] of the block (tile, group) counts the steps it has completed, over all launches:
// each adds as many to every flag, so the launch begins where its own flag stands and nothing is ever reset (a recorded
// graph replays as it is). A difference of 32 bits decides who is ahead, so the count may wrap.
#pragma once

#include "conv.cuh"

template <int CHANNELS_, int KH_, int KW_, int COLUMNS_, int BK_, int WARPS_M_, int WARPS_N_, int WARPS_K_, int MT_,
          int NT_>
struct PersistentTile {
    static constexpr int CHANNELS = CHANNELS_, KH = KH_, KW = KW_, TAPS = KH * KW, COLUMNS = COLUMNS_, BK = BK_;
    static constexpr int WARPS_M = WARPS_M_, WARPS_N = WARPS_N_, WARPS_K = WARPS_K_, MT = MT_, NT = NT_;
    static constexpr int OWN_MT = MT / WARPS_K;
    static constexpr int BM = 16 * MT * WARPS_M, BN = 8 * NT * WARPS_N, THREADS = 32 * WARPS_M * WARPS_N * WARPS_K;
    static constexpr int SLABS = (CHANNELS + BK - 1) / BK, BUFFERS = SLABS == 1 ? 1 : 2, K = SLABS * TAPS * BK;
    static constexpr int STRIDE = shared_stride(BK), WEIGHT_STRIDE = shared_stride(K);
    static constexpr int VECTOR = copied_together(CHANNELS);
    static_assert(BK % 8 == 0 && (WARPS_K == 1 || BK % (MMA_DEPTH * WARPS_K) == 0),
                  "every warp gets as many mma steps of a slab");
    static_assert(MT % WARPS_K == 0, "every warp ends up with as many rows of tiles");
    static_assert(COLUMNS <= BN, "the block's columns are covered");
    static_assert(TAPS <= 32, "a bit for each tap");
};

template <class Tile>
struct Recurrence {
    Frames frames;                       // one step: B images
    int halo, begin, end;                // the pixels that this block reads
    int first_flag, n_flags, own_flag;   // of the blocks that write them
    uint32_t* flags;
    uint32_t epoch;                      // steps completed before this launch
    uint32_t* inside;
    OPERAND *zeros, *weights, *window;

    // packed (groups, COLUMNS, WEIGHT_STRIDE), from pack_resident.
    __device__ __forceinline__ Recurrence(char* shared, const OPERAND* packed, uint32_t* flags_, Frames frames_)
        : frames(frames_), flags(flags_) {
        int area = frames.height * frames.width, first = blockIdx.x * Tile::BM;
        int last = min(first + Tile::BM, frames.pixels()) - 1;
        halo = Tile::KH / 2 * frames.width + Tile::KW / 2;
        begin = max(first - halo, first / area * area);
        end = min(last + 1 + halo, (last / area + 1) * area);
        first_flag = begin / Tile::BM * gridDim.y;
        n_flags = ((end - 1) / Tile::BM + 1) * gridDim.y - first_flag;
        own_flag = blockIdx.x * gridDim.y + blockIdx.y;
        epoch = ld_acquire(flags + own_flag);

        inside = (uint32_t*)shared;
        zeros = (OPERAND*)(inside + Tile::BM);
        weights = zeros + Tile::STRIDE;
        window = weights + Tile::COLUMNS * Tile::WEIGHT_STRIDE;
        for (int i = threadIdx.x; i < Tile::BM; i += Tile::THREADS) {
            const Pixel pixel = pixel_at(first + i, frames);
            uint32_t bits = 0;
            for (int tap = 0; tap < Tile::TAPS && pixel.image != NO_IMAGE; ++tap)
                if (unsigned(pixel.y + dy_of(tap)) < unsigned(frames.height) &&
                    unsigned(pixel.x + dx_of(tap)) < unsigned(frames.width))
                    bits |= 1u << tap;
            inside[i] = bits;
        }
        for (int i = threadIdx.x; i < Tile::STRIDE; i += Tile::THREADS) zeros[i] = OPERAND{};
        constexpr int WIDTH = copied_together(8), SIZE = Tile::COLUMNS * Tile::WEIGHT_STRIDE;
        const OPERAND* source = packed + (long long)blockIdx.y * SIZE;
        for (int i = threadIdx.x * WIDTH; i < SIZE; i += Tile::THREADS * WIDTH) cp_async16(weights + i, source + i);
        cp_async_commit();
    }

    static __device__ __forceinline__ int dy_of(int tap) { return tap / Tile::KW - Tile::KH / 2; }
    static __device__ __forceinline__ int dx_of(int tap) { return tap % Tile::KW - Tile::KW / 2; }

    // Until every block that this one reads from has completed so many steps of this launch.
    __device__ __forceinline__ void wait_for(int steps) const {
        for (int i = threadIdx.x; i < n_flags; i += Tile::THREADS)
            while (int(ld_acquire(flags + first_flag + i) - (epoch + steps)) < 0) spin_pause();
        __syncthreads();
    }

    // So many steps of this block are in memory, for every thread that acquires its flag. Also the end of all reading
    // of the window.
    __device__ __forceinline__ void publish(int steps) const {
        __syncthreads();
        if (threadIdx.x == 0) st_release(flags + own_flag, epoch + steps);
    }

    // state (images, height, width, CHANNELS), channels from slab * BK on -> buffer. Past L1, which knows nothing of
    // what other blocks write.
    __device__ __forceinline__ void load_slab(OPERAND* buffer, const OPERAND* state, int slab) const {
        constexpr int VECTOR = Tile::VECTOR, PIECES = Tile::BK / VECTOR;
        int first = blockIdx.x * Tile::BM - halo;
        for (int i = threadIdx.x + (begin - first) * PIECES; i < (end - first) * PIECES; i += Tile::THREADS) {
            int row = i / PIECES, k = i % PIECES * VECTOR, channel = slab * Tile::BK + k;
            const bool inside = channel < Tile::CHANNELS;
            OPERAND* target = buffer + row * Tile::STRIDE + k;
            const OPERAND* source = state + (long long)(first + row) * Tile::CHANNELS + (inside ? channel : 0);
            if constexpr (VECTOR > 1) {
                cp_async16_zfill_l2(target, source, inside ? 16 : 0);
            } else {
                *target = inside ? *source : OPERAND{};
            }
        }
    }

    template <bool ROUND>
    __device__ __forceinline__ void multiply_slab(Accumulators<Tile::MT, Tile::NT>& sum, const OPERAND* buffer,
                                                  int slab) const {
        WarpPlace<Tile> warp;
        int first_row = warp.m * (16 * Tile::MT), first_column = warp.n * (8 * Tile::NT);
        const OPERAND* rows = buffer + (halo + first_row) * Tile::STRIDE;
        const OPERAND* columns = weights + slab * Tile::TAPS * Tile::BK;
#pragma unroll 1
        for (int tap = 0; tap < Tile::TAPS; ++tap, columns += Tile::BK) {
            const OPERAND* moved = rows + (dy_of(tap) * frames.width + dx_of(tap)) * Tile::STRIDE;
            multiply_chunk<Tile, ROUND>(
                sum, [&](int r) { return inside[first_row + r] >> tap & 1u ? moved + r * Tile::STRIDE : zeros; },
                [&](int n) { return columns + min(first_column + n, Tile::COLUMNS - 1) * Tile::WEIGHT_STRIDE; },
                warp.k);
        }
    }

    // own = this block's rows and columns of the convolution of state; ROUND whether state needs rounding to tf32.
    template <bool ROUND>
    __device__ __forceinline__ void convolve(Sums<Tile>& own, const OPERAND* state) const {
        const int buffer = (Tile::BM + 2 * halo) * Tile::STRIDE;
        Accumulators<Tile::MT, Tile::NT> sum;
        clear(sum);
        load_slab(window, state, 0);
        cp_async_commit();
#pragma unroll 1
        for (int slab = 0; slab < Tile::SLABS; ++slab) {
            cp_async_wait<0>();
            __syncthreads();  // the slab has arrived for everyone, and no one reads the buffer that is filled next
            if (slab + 1 < Tile::SLABS) load_slab(window + (slab + 1) % 2 * buffer, state, slab + 1);
            cp_async_commit();
            multiply_slab<ROUND>(sum, window + slab % 2 * buffer, slab);
        }
        if constexpr (Tile::WARPS_K == 1) {
            own = sum;
        } else {
            add_groups<Tile>(own, sum, (float*)window, WarpPlace<Tile>().k);
        }
    }

    // Asks L2 for this block's rows of an array (pixels, width), columns [column, column + count), which a later
    // epilogue reads.
    template <class Element>
    __device__ __forceinline__ void prefetch(const Element* array, int width, int column, int count) const {
        constexpr int LINE = 128 / int(sizeof(Element));
        int lines = (count + LINE - 1) / LINE + 1, rows = min(Tile::BM, frames.pixels() - int(blockIdx.x) * Tile::BM);
        for (int i = threadIdx.x; i < rows * lines; i += Tile::THREADS) {
            long long row = (long long)blockIdx.x * Tile::BM + i / lines;
            prefetch_l2(array + row * width + column + min(i % lines * LINE, count - 1));
        }
    }
};

// packed (groups, COLUMNS, WEIGHT_STRIDE): weight(tap, channel, group, n) for column n of a group, rounded here for the
// mma; zero where k is padding. weight answers zero for columns that are padding.
template <class Tile, class Weight>
__device__ __forceinline__ void pack_resident(OPERAND* packed, int groups, Weight weight) {
    constexpr int ROW = Tile::WEIGHT_STRIDE, GROUP = Tile::COLUMNS * ROW;
    for (int i = blockIdx.x * blockDim.x + threadIdx.x; i < groups * GROUP; i += gridDim.x * blockDim.x) {
        int k = i % ROW, tap = k / Tile::BK % Tile::TAPS;
        int channel = k / (Tile::TAPS * Tile::BK) * Tile::BK + k % Tile::BK;
        bool inside = k < Tile::K && channel < Tile::CHANNELS;
        put(packed + i, inside ? rounded(weight(tap, channel, i / GROUP, i % GROUP / ROW)) : 0.0f);
    }
}
