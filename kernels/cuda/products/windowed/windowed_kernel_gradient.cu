// The gradient of a ConvLSTM's input weights and bias, stage 1, over windows in shared memory: the sums
// that kernel_gradient of conv_lstm.cu makes, where sum_kernel_gradient adds up the slices.
//
//     forward    z         = conv(x, kernel) + bias + ...      all frames
//     backward   dkernel   = sum over pixels of x moved by the tap * dz,    dbias = sum of dz
//
// Constants: SPEC_C, SPEC_F, SPEC_KH, SPEC_KW; TF32, BF16, OPERAND; and KERNEL_GRADIENT, the tile of
// windowed_gradient_tiles.py.

#include "products/windowed/windowed_gradient.cuh"

using Tile = WindowedGradientTile<SPEC_C, 4 * SPEC_F, SPEC_KH, SPEC_KW, true, KERNEL_GRADIENT>;

// x (images,H,W,C), dz (images,H,W,F,4) -> partial (slices, kh*kw*C + 1, 4F), last row bias.
extern "C" __global__ void __launch_bounds__(Tile::THREADS, 1)
    windowed_kernel_gradient(const OPERAND* x, const OPERAND* dz, float* partial, int images, int height, int width,
                             int patch_rows, int patches, int patches_per_slice) {
    DYNAMIC_SHARED(char, shared);
    const Frames frames{images, images, height, width};
    windowed_gradient<Tile>(shared, x, dz, partial, frames, patch_rows, patches_per_slice, patches);
}
