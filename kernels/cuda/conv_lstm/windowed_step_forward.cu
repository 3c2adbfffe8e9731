// One frame of a ConvLSTM's recurrence, with windows in shared memory: what step_forward of conv_lstm.cu computes; how
// the blocks work is told in windowed_frames.cuh.
//
//     forward                                   backward                             windowed_step_backward.cu
//     (1)        z = input                      dh = dh_t
//                  + conv(h_prev, w)                 + conv^T(dz_next, w)            w: recurrent_kernel
//     (2)..(5)   gates, c, h from z and c_prev  dz, dc_prev from dh, dc_next, the gates, c and c_prev
//
// Constants: those of conv_lstm_cell.cuh; TF32, BF16, OPERAND; and TILE and
// STEP_FORWARD, the kind of tile and the tile of conv_lstm/windowed.py.

#include "conv_lstm/conv_lstm_step.cuh"
#include "products/convolution.cuh"

using Tile = TILE<F, KH, KW, STEP_FORWARD>;
using Place = TilePlace<Tile>;
using Statistics = StateSums<Tile, Tile::BN / 4>;
static_assert(Tile::COLUMNS == Tile::BN, "a block has all four gates of its filters");

// recurrent_kernel (kh,kw,F,4F) -> packed, as the tile wants it.
extern "C" __global__ void pack_windowed_step_forward(const float* recurrent_kernel, OPERAND* packed, int groups) {
    pack_tile<Tile>(packed, groups, [&](int tap, int channel, int group, int n) {
        return gate_weight(recurrent_kernel, F, tap, channel, group * Tile::BN + n);
    });
}

// (1), the recurrent term, then (2) .. (5), one frame. The arrays are those of step_forward in conv_lstm.cu; the sums
// for a linked BatchNormalization stand in front of what windowed_frames.cuh keeps in shared memory.
extern "C" __global__ void __launch_bounds__(Tile::BLOCK_THREADS, 1)
    windowed_step_forward(const OPERAND* h_prev, const OPERAND* packed, const GATE* z, const float* c_prev,
                          GATE* gates, GATE* kept_c, float* c, OPERAND* h, double* partial, int earlier,
                          int images, int height, int width) {
    DYNAMIC_SHARED(char, shared);
    const Frames frames{images, images, height, width};
    const int pixels = frames.pixels(), first = blockIdx.y * (Tile::BN / 4), filters = min(Tile::BN / 4, F - first);
    auto prefetch = [&](Place place) {
        prefetch_tile<Tile, Tile::BN>(z, place, pixels, 4 * F, 4 * first, 4 * filters);
        prefetch_tile<Tile, Tile::BN / 4>(c_prev, place, pixels, F, first, filters);
    };
    convolve_frames<Tile, true>(  // (1)
        shared + Statistics::BYTES, h_prev, packed, frames, prefetch, [&](const Sums<Tile>& sum, Place place, int tile) {
            advance_tile<Tile>(sum, place, pixels, z, c_prev, gates, kept_c, c, h);  // (2) .. (5)
            if (partial != nullptr) sum_tile<Tile>(shared, h, tile, place, pixels, partial, earlier);
        });
}
