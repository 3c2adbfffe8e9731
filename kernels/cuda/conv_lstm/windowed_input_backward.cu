// The gradient of a ConvLSTM's input over all frames, with windows in shared memory: what input_backward of conv_lstm.cu
// computes; how the blocks work is told in windowed_frames.cuh
// and warpgroup_frames.cuh.
//
//     forward                                              backward
//     (1)  z = conv(x, kernel) + bias  (+ recurrent term)  dx = conv^T(dz, kernel)
//
// Constants: SPEC_C and those of conv_lstm_cell.cuh; TF32, BF16, OPERAND; and TILE and
// INPUT_BACKWARD, the kind of tile and the tile of conv_lstm/windowed.py.

#include "conv_lstm/conv_lstm_cell.cuh"
#include "products/convolution.cuh"

constexpr int C = SPEC_C;
using Tile = TILE<4 * F, KH, KW, INPUT_BACKWARD>;
using Place = TilePlace<Tile>;

// kernel (kh,kw,C,4F) -> packed, as the tile wants it.
extern "C" __global__ void pack_windowed_input_backward(const float* kernel, OPERAND* packed, int groups) {
    pack_tile<Tile>(packed, groups, [&](int tap, int gate_channel, int group, int n) {
        return flipped_weight(kernel, C, tap, gate_channel, group * Tile::COLUMNS + n);
    });
}

// Backward of (1): dz (T,B,H,W,F,4) -> dx (T,B,H,W,C); images = T * B.
extern "C" __global__ void __launch_bounds__(Tile::BLOCK_THREADS, 1)
    windowed_input_backward(const OPERAND* dz, const OPERAND* packed, OPERAND* dx, int images, int height, int width) {
    DYNAMIC_SHARED(char, shared);
    const Frames frames{images, images, height, width};
    convolve_frames<Tile, false>(shared, dz, packed, frames, [](Place) {}, [&](const Sums<Tile>& sum, Place place, int) {
        for_each_own_pair<Tile>(sum, place, [&](int m, int n, float first, float second) {
            int channel = blockIdx.y * Tile::COLUMNS + n;
            if (m < frames.pixels() && n < Tile::COLUMNS && channel < C)
                put_pair<C>(dx + (long long)m * C + channel, channel + 1 < C, first, second);
        });
    });
}
