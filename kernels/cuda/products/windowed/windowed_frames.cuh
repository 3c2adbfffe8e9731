// A convolution over all frames with windows in shared memory (windowed.cuh): blocks take one tile of pixels after
// another, and the window of the next arrives while one is multiplied.
//
//     block (x, y)    tiles x, x + gridDim.x, ..   columns [y * COLUMNS, (y + 1) * COLUMNS)
//
//     tile 0, slab 0 | slab 1 | .. | tile 1, slab 0 | ..     a step multiplies one slab of one tile; its window, and its
//                                                            weights if they do not stay, are copied a step ahead
//
// Which block computes a tile changes no bit of it, so the number of blocks is the device's affair.
#pragma once

#include "products/windowed/windowed.cuh"

// begin(place), then store(sums, place, tile) for every tile of this block: sums = x * packed^T; place tells the pixel
// of a row of the tile.
//   x       (images, height, width, CHANNELS) or null, which is all zeros; ROUND: whether it needs rounding to tf32
//   packed  (groups, SLABS, COLUMNS, WEIGHT_STRIDE), from pack_windows
template <class Tile, bool ROUND, class Begin, class Store>
__device__ __forceinline__ void convolve_frames_by_warps(char* shared, const OPERAND* x, const OPERAND* packed,
                                                         Frames frames, Begin begin, Store store) {
    constexpr int EXCHANGED = (Tile::WARPS_K - 1) * Tile::BM * Tile::BN * int(sizeof(float) / sizeof(OPERAND));
    const int window = window_pixels<Tile>(frames.width) * Tile::STRIDE;
    const int buffer = window > EXCHANGED ? window : EXCHANGED, tiles = TilePlace<Tile>::tiles(frames);
    uint32_t* inside = (uint32_t*)shared;  // of this tile and the next
    OPERAND* zeros = (OPERAND*)(inside + 2 * Tile::BM);
    OPERAND* weights = zeros + Tile::STRIDE;
    OPERAND* windows = weights + Tile::HELD * Tile::WEIGHT_SLAB;

    auto load = [&](int tile, int parity, int slab, int turn) {
        const TilePlace<Tile> place(tile, frames);
        if (slab == 0) mark_inside<Tile>(inside + parity * Tile::BM, place);
        if (!Tile::RESIDENT) load_weights<Tile>(weights + turn * Tile::WEIGHT_SLAB, packed, slab, 1);
        if constexpr (Tile::STRIP == 0) {
            load_window<Tile>(windows + turn * buffer, x, slab, Span<Tile>(tile, frames));
        } else {
            load_window<Tile>(windows + turn * buffer, x, slab, place);
        }
    };
    for (int i = threadIdx.x; i < Tile::STRIDE; i += Tile::THREADS) zeros[i] = OPERAND{};
    if (x != nullptr) {
        if (Tile::RESIDENT) load_weights<Tile>(weights, packed, 0, Tile::SLABS);
        load(blockIdx.x, 0, 0, 0);
        cp_async_commit();
    }
    int turn = 0, parity = 0;
#pragma unroll 1
    for (int tile = blockIdx.x; tile < tiles; tile += gridDim.x, parity = 1 - parity) {
        Accumulators<Tile::MT, Tile::NT> sum;
        clear(sum);
        const TilePlace<Tile> place(tile, frames);
        begin(place);
#pragma unroll 1
        for (int slab = 0; x != nullptr && slab < Tile::SLABS; ++slab, turn = 1 - turn) {
            cp_async_wait<0>();
            __syncthreads();  // the slab has arrived for everyone, and no one reads the buffer that is filled next
            if (slab + 1 < Tile::SLABS) {
                load(tile, parity, slab + 1, 1 - turn);
            } else if (tile + int(gridDim.x) < tiles) {
                load(tile + gridDim.x, 1 - parity, 0, 1 - turn);
            }
            cp_async_commit();
            multiply_window<Tile, ROUND>(sum, windows + turn * buffer,
                                         weights + (Tile::RESIDENT ? slab : turn) * Tile::WEIGHT_SLAB,
                                         inside + parity * Tile::BM, zeros, frames.width);
        }
        if constexpr (Tile::WARPS_K == 1) {
            store(sum, place, tile);
        } else {
            Sums<Tile> own;
            add_groups<Tile>(own, sum, (float*)(windows + (1 - turn) * buffer), WarpPlace<Tile>().k);
            store(own, place, tile);
        }
    }
}
