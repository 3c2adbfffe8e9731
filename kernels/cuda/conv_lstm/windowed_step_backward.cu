// The gradient of one frame of a ConvLSTM's recurrence, with windows in shared memory: what step_backward of
// conv_lstm.cu computes; how the blocks work is told in windowed_frames.cuh
// and warpgroup_frames.cuh.
//
//     forward                                   backward
//     (1)        z = input                      dh = dh_t
//                  + conv(h_prev, w)                 + conv^T(dz_next, w)            w: recurrent_kernel
//     (2)..(5)   gates, c, h from z and c_prev  dz, dc_prev from dh, dc_next, the gates, c and c_prev
//
// Constants: those of conv_lstm_cell.cuh; TF32, BF16, OPERAND; and TILE and
// STEP_BACKWARD, the kind of tile and the tile of conv_lstm/windowed.py.

#include "conv_lstm/conv_lstm_step.cuh"
#include "products/convolution.cuh"

using Tile = TILE<4 * F, KH, KW, STEP_BACKWARD>;
using Place = TilePlace<Tile>;

// recurrent_kernel (kh,kw,F,4F) -> packed, as the tile wants it.
extern "C" __global__ void pack_windowed_step_backward(const float* recurrent_kernel, OPERAND* packed, int groups) {
    pack_tile<Tile>(packed, groups, [&](int tap, int gate_channel, int group, int n) {
        return flipped_weight(recurrent_kernel, F, tap, gate_channel, group * Tile::COLUMNS + n);
    });
}

// Backward of (1), the recurrent term of the step after, then of (5) .. (2), one frame. The arrays are those of
// step_backward in conv_lstm.cu.
extern "C" __global__ void __launch_bounds__(Tile::BLOCK_THREADS, 1)
    windowed_step_backward(const OPERAND* dz_next, const OPERAND* packed, const GATE* gates, const GATE* kept_c,
                           const GATE* kept_c_prev, const float* c0, const OPERAND* dh, const float* coefficients,
                           const OPERAND* h, const float* dc_next, float* dc, OPERAND* dz, int images, int height,
                           int width) {
    DYNAMIC_SHARED(char, shared);
    const Frames frames{images, images, height, width};
    const int pixels = frames.pixels(), first = blockIdx.y * Tile::COLUMNS, filters = min(Tile::COLUMNS, F - first);
    auto prefetch = [&](Place place) {
        prefetch_tile<Tile, 4 * Tile::COLUMNS>(gates, place, pixels, 4 * F, 4 * first, 4 * filters);
        prefetch_tile<Tile, Tile::COLUMNS>(kept_c, place, pixels, F, first, filters);
        prefetch_tile<Tile, Tile::COLUMNS>(kept_c_prev, place, pixels, F, first, filters);
        prefetch_tile<Tile, Tile::COLUMNS>(dh, place, pixels, F, first, filters);
        prefetch_tile<Tile, Tile::COLUMNS>(h, place, pixels, F, first, filters);
        prefetch_tile<Tile, Tile::COLUMNS>(dc_next, place, pixels, F, first, filters);
    };
    convolve_frames<Tile, false>(  // (1)
        shared, dz_next, packed, frames, prefetch, [&](const Sums<Tile>& sum, Place place, int) {
            retreat_tile<Tile>(sum, place, pixels, first, filters, gates, kept_c, kept_c_prev, c0, dh, coefficients, h,
                               dc_next, dc, dz);  // (5) .. (2)
        });
}
