// A convolution over all frames, by the tile that it is given: on warpgroup products (warpgroup_frames.cuh), or by warps that
// multiply for themselves (windowed_frames.cuh).
#pragma once

#include "products/warpgroup/warpgroup_frames.cuh"
#include "products/windowed/windowed_frames.cuh"

// See the functions that it calls. ROUND: whether x needs rounding to tf32, where it is rounded on its way.
template <class Tile, bool ROUND, class Begin, class Store>
__device__ __forceinline__ void convolve_frames(char* shared, const OPERAND* x, const OPERAND* packed, Frames frames,
                                                Begin begin, Store store) {
    if constexpr (BY_GROUPS<Tile>) {
        convolve_frames_by_groups<Tile>(shared, x, packed, frames, begin, store);
    } else {
        convolve_frames_by_warps<Tile, ROUND>(shared, x, packed, frames, begin, store);
    }
}

// The weights as that tile wants them: pack_groups, or pack_windows.
template <class Tile, class Weight>
__device__ __forceinline__ void pack_tile(OPERAND* packed, int groups, Weight weight) {
    if constexpr (BY_GROUPS<Tile>) {
        pack_groups<Tile>(packed, groups, weight);
    } else {
        pack_windows<Tile>(packed, groups, weight);
    }
}
