// The gradient of a ConvLSTM's weights, stage 1, over windows in shared memory: the sums that kernel_gradient and
// recurrent_gradient of conv_lstm.cu make, where sum_kernel_gradient and sum_recurrent_gradient add up the slices.
//
//     forward    z  = conv(x, weights) + bias + ...      x: the input of all frames, or h of the frame before each
//     backward   dweights = sum over pixels of x moved by the tap * dz,    dbias = sum of dz
//
// Constants: SPEC_C, the channels of x; SPEC_F, SPEC_KH, SPEC_KW; SPEC_BIAS, whether there is a row for the bias; TF32,
// BF16, OPERAND; TILE, the tile of windowed_gradient_tiles.py; and ENTRY, the kernel's name.

#include "products/windowed/windowed_gradient.cuh"

using Tile = WindowedGradientTile<SPEC_C, 4 * SPEC_F, SPEC_KH, SPEC_KW, SPEC_BIAS, TILE>;

// x (images,H,W,C), dz (images,H,W,F,4) that it led to -> partial (slices, kh*kw*C + bias, 4F), last row bias.
// slice_offset: how many slices an earlier launch has filled.
extern "C" __global__ void __launch_bounds__(Tile::THREADS, 1)
    ENTRY(const OPERAND* x, const OPERAND* dz, float* partial, int slice_offset, int images, int height, int width,
          int patch_rows, int patches, int patches_per_slice) {
    DYNAMIC_SHARED(char, shared);
    const Frames frames{images, images, height, width};
    float* target = partial + (long long)slice_offset * Tile::ROWS * Tile::COLUMNS;
    windowed_gradient<Tile>(shared, x, dz, target, frames, patch_rows, patches_per_slice, patches);
}
