// The gradient of a ConvLSTM's input weights and bias, stage 1, in tf32 by warpgroup products: the sums that
// kernel_gradient of conv_lstm.cu makes, where sum_kernel_gradient adds up the slices.
//
//     forward    z         = conv(x, kernel) + bias + ...      all frames
//     backward   dkernel   = sum over pixels of x moved by the tap * dz,    dbias = sum of dz
//
// Constants: SPEC_C, SPEC_F, SPEC_KH, SPEC_KW; TF32, BF16, OPERAND; and KERNEL_GRADIENT, the columns of a block
// (warpgroup_gradient_tf32_tiles.py).

#include "products/warpgroup/warpgroup_gradient_tf32.cuh"

using Tile = WarpgroupGradientTile<SPEC_C, 4 * SPEC_F, SPEC_KH, SPEC_KW, true, KERNEL_GRADIENT>;

// x (images,H,W,C), dz (images,H,W,F,4) -> partial (slices, kh*kw*C + 1, 4F), last row bias.
extern "C" __global__ void __launch_bounds__(Tile::THREADS, 1)
    warpgroup_kernel_gradient_tf32(const float* x, const float* dz, float* partial, int images, int height, int width,
                                   int patch_rows, int patches, int patches_per_slice) {
    DYNAMIC_SHARED(float, shared);
    const Frames frames{images, images, height, width};
    warpgroup_gradient<Tile>(shared, x, dz, partial, frames, patch_rows, patches_per_slice, patches);
}
