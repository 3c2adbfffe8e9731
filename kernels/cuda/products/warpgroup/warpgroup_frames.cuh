// A convolution over all frames on warpgroup products (warpgroup.cuh): crews take one tile of pixels after another.
//
//     block (x, y)    crew c has tiles x * CREWS + c, + gridDim.x * CREWS, ..   columns [y * COLUMNS, (y + 1) * COLUMNS)
//
//     tile 0, slab 0 | slab 1 | .. | tile 1, slab 0 | ..     a step multiplies one slab of one tile; its window, and its
//                                                            weights if they do not stay, are copied BUFFERS - 1 steps ahead
//
// Which crew computes a tile changes no bit of it, so the number of blocks is the device's affair.
#pragma once

#include "products/warpgroup/warpgroup.cuh"

// begin(place), then store(sums, place, tile) for every tile of this crew: sums = x * packed^T; place tells the pixel
// of a row of the tile.
//   x       (images, height, width, CHANNELS) or null, which is all zeros; in tf32 its digits beyond it are cut off
//   packed  (groups, SLABS, WEIGHT_SLAB), from pack_groups
template <class Tile, class Begin, class Store>
__device__ __forceinline__ void convolve_frames_by_groups(char* shared, const OPERAND* x, const OPERAND* packed,
                                                          Frames frames, Begin begin, Store store) {
    static_assert(Tile::BUFFERS >= 2, "a slab arrives while another is multiplied");
    const int rows = window_rows<Tile>(frames.width), window = Tile::CHUNKS * (rows | 1) * Tile::CHUNK;
    const int tiles = TilePlace<Tile>::tiles(frames), stride = gridDim.x * Tile::CREWS;
    const int first = blockIdx.x * Tile::CREWS + Crew<Tile>::number();
    const int own = x == nullptr ? 0 : (tiles - first + stride - 1) / stride * Tile::SLABS;
    OPERAND* weights = (OPERAND*)shared;
    OPERAND* windows = weights + Tile::HELD * Tile::WEIGHT_SLAB;
    int* reached = (int*)(windows + Tile::CREWS * Tile::BUFFERS * window);  // of the tile that is copied, and of the next
    windows += Crew<Tile>::number() * Tile::BUFFERS * window;
    reached += Crew<Tile>::number() * 2 * table_size<Tile>(frames.width);

    auto table = [&](int turn) { return reached + turn % 2 * table_size<Tile>(frames.width); };
    // The pixels of the tile that is copied from this step on; a barrier lies between this and its copies.
    auto look = [&](int step) {
        if (step < own && step % Tile::SLABS == 0)
            reach<Tile>(table(step / Tile::SLABS), TilePlace<Tile>(first + step / Tile::SLABS * stride, frames), rows);
    };
    auto load = [&](int step) {
        if (step < own) {
            const int slab = step % Tile::SLABS, buffer = step % Tile::BUFFERS;
            if (!Tile::RESIDENT) load_group_weights<Tile>(weights + buffer * Tile::WEIGHT_SLAB, packed, slab, 1);
            load_planes<Tile>(windows + buffer * window, x, slab, rows, frames.pixels(), table(step / Tile::SLABS));
        }
        cp_async_commit();
    };
    if (Tile::RESIDENT && x != nullptr) {
        bring_weights<Tile>(weights, packed);
        if (tiles > stride) stagger<Tile>();  // a single tile each is done sooner together
    }
    for (int step = 0; step < Tile::BUFFERS; ++step) {
        look(step);
        Crew<Tile>::barrier();
        if (step < Tile::BUFFERS - 1) load(step);
    }
    int step = 0;
#pragma unroll 1
    for (int tile = first; tile < tiles; tile += stride) {
        Sums<Tile> sum;
        clear(sum);
        const TilePlace<Tile> place(tile, frames);
        begin(place);
#pragma unroll 1
        for (int slab = 0; x != nullptr && slab < Tile::SLABS; ++slab, ++step) {
            cp_async_wait<Tile::BUFFERS - 2>();
            fence_proxy_async();
            Crew<Tile>::barrier();  // the slab has arrived for everyone, and no one reads the buffer that is filled next
            load(step + Tile::BUFFERS - 1);
            look(step + Tile::BUFFERS);
            hold(sum);
            multiply_planes<Tile>(sum, windows + step % Tile::BUFFERS * window,
                                  weights + (Tile::RESIDENT ? slab : step % Tile::BUFFERS) * Tile::WEIGHT_SLAB,
                                  frames.width);
            wgmma_wait<0>();
            hold(sum);
        }
        store(sum, place, tile);
    }
}
