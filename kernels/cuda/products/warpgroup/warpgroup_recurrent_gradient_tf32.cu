// The gradient of a ConvLSTM's recurrent weights, stage 1, in tf32 by warpgroup products: the sums that
// recurrent_gradient of conv_lstm.cu makes, where sum_recurrent_gradient adds up the slices.
//
//     forward    z_t                 = ... + conv(h of t-1, recurrent_kernel)      frame by frame
//     backward   drecurrent_kernel   = sum over pixels and t of h of t-1 moved by the tap * dz_t
//
// Constants: SPEC_F, SPEC_KH, SPEC_KW; TF32, BF16, OPERAND; and RECURRENT_GRADIENT, the columns of a block
// (warpgroup_gradient_tf32_tiles.py).

#include "products/warpgroup/warpgroup_gradient_tf32.cuh"

using Tile = WarpgroupGradientTile<SPEC_F, 4 * SPEC_F, SPEC_KH, SPEC_KW, false, RECURRENT_GRADIENT>;

// h (images,H,W,F), the state that each dz (images,H,W,F,4) saw -> partial (slices, kh*kw*F, 4F).
// slice_offset: how many slices an earlier launch has filled.
extern "C" __global__ void __launch_bounds__(Tile::THREADS, 1)
    warpgroup_recurrent_gradient_tf32(const float* h, const float* dz, float* partial, int slice_offset, int images,
                                      int height, int width, int patch_rows, int patches, int patches_per_slice) {
    DYNAMIC_SHARED(float, shared);
    const Frames frames{images, images, height, width};
    float* target = partial + (long long)slice_offset * Tile::ROWS * Tile::COLUMNS;
    warpgroup_gradient<Tile>(shared, h, dz, target, frames, patch_rows, patches_per_slice, patches);
}
