// A recurrent convolution that runs a whole sequence in one launch: what conv_lstm.cu does in one launch a step.
//
//     state_t = cell(input_t, conv(state of t-1, w))      forward h over t = 0 .. T-1, backward dz over t = T-1 .. 0
//
// A block owns a tile of pixels (windowed.cuh) times COLUMNS columns for all steps, keeps its weights in shared memory,
// and all blocks are on the device at a time. A step of a block:
//
//     wait until the blocks whose pixels it looks at have written the step before        flags, below
//     copy those pixels to shared memory: the window
//     sums = window * w^T
//     the cell, in registers: what it carries from step to step never leaves them        the kernel's own epilogue
//     write its part of the state; raise its flag
//
// Nothing is read past the images that the block's pixels are of, so images wait for one another only where a block has
// pixels of both.
//
// Flags. flags[tile * groups + group] of the block (tile, group) counts the steps it has completed, over all launches:
// each adds as many to every flag, so the launch begins where its own flag stands and nothing is ever reset (a recorded
// graph replays as it is). A difference of 32 bits decides who is ahead, so the count may wrap.
#pragma once

#include "windowed.cuh"

template <class Tile>
struct Recurrence {
    static_assert(Tile::RESIDENT && Tile::STRIP == 0, "the weights stay, and blocks are neighbours in order");
    Frames frames;                       // one step: B images
    Span<Tile> span;                     // the pixels that this block reads
    int first_flag, n_flags, own_flag;   // of the blocks that write them
    uint32_t* flags;
    uint32_t epoch;                      // steps completed before this launch
    uint32_t* inside;
    OPERAND *zeros, *weights, *window;

    // packed: from pack_windows.
    __device__ __forceinline__ Recurrence(char* shared, const OPERAND* packed, uint32_t* flags_, Frames frames_)
        : frames(frames_), span(blockIdx.x, frames_), flags(flags_) {
        first_flag = span.begin / Tile::BM * gridDim.y;
        n_flags = ((span.end - 1) / Tile::BM + 1) * gridDim.y - first_flag;
        own_flag = blockIdx.x * gridDim.y + blockIdx.y;
        epoch = ld_acquire(flags + own_flag);

        inside = (uint32_t*)shared;
        zeros = (OPERAND*)(inside + Tile::BM);
        weights = zeros + Tile::STRIDE;
        window = weights + Tile::SLABS * Tile::WEIGHT_SLAB;
        mark_inside<Tile>(inside, TilePlace<Tile>(blockIdx.x, frames));
        for (int i = threadIdx.x; i < Tile::STRIDE; i += Tile::THREADS) zeros[i] = OPERAND{};
        load_weights<Tile>(weights, packed, 0, Tile::SLABS);
        cp_async_commit();
    }

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

    // own = this block's rows and columns of the convolution of state; ROUND whether state needs rounding to tf32.
    template <bool ROUND>
    __device__ __forceinline__ void convolve(Sums<Tile>& own, const OPERAND* state) const {
        const int buffer = window_pixels<Tile>(frames.width) * Tile::STRIDE;
        Accumulators<Tile::MT, Tile::NT> sum;
        clear(sum);
        load_window<Tile>(window, state, 0, span);
        cp_async_commit();
#pragma unroll 1
        for (int slab = 0; slab < Tile::SLABS; ++slab) {
            cp_async_wait<0>();
            __syncthreads();  // the slab has arrived for everyone, and no one reads the buffer that is filled next
            if (slab + 1 < Tile::SLABS) load_window<Tile>(window + (slab + 1) % 2 * buffer, state, slab + 1, span);
            cp_async_commit();
            multiply_window<Tile, ROUND>(sum, window + slab % 2 * buffer, weights + slab * Tile::WEIGHT_SLAB, inside,
                                         zeros, frames.width);
        }
        if constexpr (Tile::WARPS_K == 1) {
            own = sum;
        } else {
            add_groups<Tile>(own, sum, (float*)window, WarpPlace<Tile>().k);
        }
    }
};
