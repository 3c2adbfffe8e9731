// The input convolution of a ConvLSTM over all frames, with windows in shared memory: the first and the last term of
// equation (1) of conv_lstm.cu, as input_forward there computes them; how the blocks work is told in windowed_frames.cuh
// and warpgroup_frames.cuh.
//
//     forward                                              backward
//     (1)  z = conv(x, kernel) + bias  (+ recurrent term)  dx = conv^T(dz, kernel)              windowed_input_backward.cu
//
// Constants: SPEC_C and those of conv_lstm_cell.cuh; TF32, BF16, OPERAND; and TILE and
// INPUT_FORWARD, the kind of tile and the tile of conv_lstm/windowed.py.

#include "conv_lstm/conv_lstm_cell.cuh"
#include "products/convolution.cuh"

using Tile = TILE<SPEC_C, KH, KW, INPUT_FORWARD>;
using Place = TilePlace<Tile>;
static_assert(Tile::COLUMNS == Tile::BN, "a block has all four gates of its filters");

// kernel (kh,kw,C,4F) -> packed, as the tile wants it.
extern "C" __global__ void pack_windowed_input_forward(const float* kernel, OPERAND* packed, int groups) {
    pack_tile<Tile>(packed, groups, [&](int tap, int channel, int group, int n) {
        return gate_weight(kernel, SPEC_C, tap, channel, group * Tile::BN + n);
    });
}

// (1): x (T,B,H,W,C), bias (4F) -> z (T,B,H,W,F,4); images = T * B.
extern "C" __global__ void __launch_bounds__(Tile::BLOCK_THREADS, 1)
    windowed_input_forward(const OPERAND* x, const OPERAND* packed, const float* bias, GATE* z, int images, int height,
                     int width) {
    DYNAMIC_SHARED(char, shared);
    const Frames frames{images, images, height, width};
    convolve_frames<Tile, true>(shared, x, packed, frames, [](Place) {}, [&](const Sums<Tile>& sum, Place place, int) {
        for_each_channel<Tile>(sum, place, frames.pixels(),
                               [&](int m, int filter, float4 v) { put_input(z, m, filter, v, bias); });
    });
}
