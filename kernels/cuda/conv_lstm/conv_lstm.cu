// ConvLSTM (Shi et al. 2015, without peepholes) and its backpropagation through time.
//
//     forward, t = 0 .. T-1                                     backward, t = T-1 .. 0
//     (1)  z   = conv(x_t, kernel)                              dx, dkernel           from dz of all frames at once
//               + conv(h_prev, recurrent_kernel)                dh    = dh_t + conv^T(dz_next, recurrent_kernel)
//               + bias                                          dbias = sum of dz
//     (2)  i, f, o = sigma(z_i), sigma(z_f), sigma(z_o)         dz_i, dz_f, dz_o = sigma'(.) * (di, df, do)
//     (3)  g   = tanh(z_g)                                      dz_g  = (1 - g^2) * dg
//     (4)  c_t = f * c_prev + i * g                             di = dc * g,  df = dc * c_prev,  dg = dc * i
//                                                               dc_prev = dc * f
//     (5)  h_t = o * tanh(c_t)                                  do = dh * tanh(c_t)
//                                                               dc = dc_next + dh * o * (1 - tanh(c_t)^2)
//
// Only the recurrent terms of (1) need one launch a step: step_forward and step_backward, with (2) .. (5) as their
// epilogue. The rest runs over all T * B frames in one launch.
//
// In tf32 weights and dz are rounded where they are written, x and h where they are multiplied. In bfloat16 x, h, dh,
// dx, dz and the packed weights stand in memory as bf16, z, the gates and every c that backward wants as f16 (operand.cuh);
// the c that is carried, dc and every sum are float32.
//
// Constants: SPEC_C and those of conv_lstm_cell.cuh; TF32, BF16, OPERAND; and six tiles that tiles.py has chosen.

#include "products/conv.cuh"
#include "conv_lstm/conv_lstm_step.cuh"
#include "products/weight_gradient.cuh"

constexpr int C = SPEC_C;
constexpr int GATE_COLUMNS = (F + 3) / 4 * 16;
// Of a multiprocessor, backward; 0: as the compiler likes. In float32 NVRTC 13.0 would spill for a third one on sm_100.
constexpr int LEAST_BLOCKS = TF32 || BF16 ? 0 : 2;

using InputWindow = Window<C, 1, KH, KW, 0>;
using StateWindow = Window<F, 1, KH, KW, 0>;
using GateWindow = Window<4 * F, 1, KH, KW, 0>;

using InputForward = ConvTile<InputWindow, GATE_COLUMNS, INPUT_FORWARD>;
using StepForward = ConvTile<StateWindow, GATE_COLUMNS, STEP_FORWARD>;
using InputBackward = ConvTile<GateWindow, C, INPUT_BACKWARD>;
using StepBackward = ConvTile<GateWindow, F, STEP_BACKWARD>;
using KernelGradient = GradientTile<InputWindow, 4 * F, true, KERNEL_GRADIENT>;
using RecurrentGradient = GradientTile<StateWindow, 4 * F, false, RECURRENT_GRADIENT>;
static_assert(2 * sizeof(double) * StepForward::THREADS <= StepForward::SHARED_BYTES, "sums fit where stages were");

// kernel (kh,kw,C,4F) or recurrent_kernel (kh,kw,F,4F) -> packed (PADDED_COLUMNS, PADDED_K), for the kernel of that name.
extern "C" __global__ void pack_input_forward(const float* kernel, OPERAND* packed) {
    pack_weights<InputForward>(
        packed, [&](int tap, int channel, int n) { return gate_weight(kernel, C, tap, channel, n); });
}

extern "C" __global__ void pack_step_forward(const float* recurrent_kernel, OPERAND* packed) {
    pack_weights<StepForward>(
        packed, [&](int tap, int channel, int n) { return gate_weight(recurrent_kernel, F, tap, channel, n); });
}

extern "C" __global__ void pack_input_backward(const float* kernel, OPERAND* packed) {
    pack_weights<InputBackward>(
        packed, [&](int tap, int channel, int n) { return flipped_weight(kernel, C, tap, channel, n); });
}

extern "C" __global__ void pack_step_backward(const float* recurrent_kernel, OPERAND* packed) {
    pack_weights<StepBackward>(
        packed, [&](int tap, int channel, int n) { return flipped_weight(recurrent_kernel, F, tap, channel, n); });
}

// (1), first and last term, all frames: x (T,B,H,W,C) -> z (T,B,H,W,F,4).
extern "C" __global__ void __launch_bounds__(InputForward::THREADS)
    input_forward(const OPERAND* x, const OPERAND* packed, const float* bias, GATE* z, int images,
                  int height, int width) {
    DYNAMIC_SHARED(char, shared);
    Frames frames{images, images, height, width};
    Sums<InputForward> sum;
    convolve<InputForward, true>(sum, shared, x, packed, frames);
    for_each_channel<InputForward>(sum, InOrder{int(blockIdx.x) * InputForward::BM}, frames.pixels(),
                                   [&](int m, int channel, float4 v) { put_input(z, m, channel, v, bias); });
}

// (1), the recurrent term, then (2) .. (5), one frame.
//   h_prev, c_prev (B,H,W,F) or null (zeros); z (B,H,W,F,4); c, h (B,H,W,F), c may be c_prev
//   gates (B,H,W,F,4), kept_c (B,H,W,F): the activations i, f, g, o, which may be z, and c for backward; null keeps none
//   partial (tiles, 2, F): the sums of h and h^2 for a linked BatchNormalization (batch_norm_link.cuh); earlier: whether
//   earlier frames have left theirs there; null: nobody wants them
extern "C" __global__ void __launch_bounds__(StepForward::THREADS)
    step_forward(const OPERAND* h_prev, const OPERAND* packed, const GATE* z, const float* c_prev,
                 GATE* gates, GATE* kept_c, float* c, OPERAND* h, double* partial, int earlier, int images,
                 int height, int width) {
    DYNAMIC_SHARED(char, shared);
    Frames frames{images, images, height, width};
    Sums<StepForward> sum;
    prefetch_rows<StepForward>(z, frames.pixels(), 4 * F);
    prefetch_rows<StepForward>(c_prev, frames.pixels(), F);
    convolve<StepForward, true>(sum, shared, h_prev, packed, frames);  // (1)
    const InOrder place{int(blockIdx.x) * StepForward::BM};
    advance_tile<StepForward>(sum, place, frames.pixels(), z, c_prev, gates, kept_c, c, h);  // (2) .. (5)
    if (partial != nullptr)
        sum_tile<StepForward>(shared, h, blockIdx.x, place, frames.pixels(), partial, earlier);
}

// Backward of (1), the recurrent term of the step after, then of (5) .. (2), one frame.
//   dz_next (B,H,W,F,4) or null (after the last frame); gates, kept_c and kept_c_prev, of the frame before, as step_forward
//   left them; before the first frame kept_c_prev is null, and c0 (null: zeros) stands for it; dh (B,H,W,F)
//   dc_next (B,H,W,F) or null (zeros): gradient of c from the step after; dc (B,H,W,F), which may be the same: of c_prev
//   coefficients (F, 4), h (B,H,W,F): of a linked BatchNormalization, whose dy dh then is (batch_norm_link.cuh); or null
//   dz (B,H,W,F,4)
extern "C" __global__ void __launch_bounds__(StepBackward::THREADS)
    step_backward(const OPERAND* dz_next, const OPERAND* packed, const GATE* gates, const GATE* kept_c,
                  const GATE* kept_c_prev, const float* c0, const OPERAND* dh, const float* coefficients,
                  const OPERAND* h, const float* dc_next, float* dc, OPERAND* dz, int images, int height,
                  int width) {
    DYNAMIC_SHARED(char, shared);
    Frames frames{images, images, height, width};
    Sums<StepBackward> sum;
    prefetch_rows<StepBackward>(gates, frames.pixels(), 4 * F);
    prefetch_rows<StepBackward>(kept_c, frames.pixels(), F);
    prefetch_rows<StepBackward>(kept_c_prev, frames.pixels(), F);
    prefetch_rows<StepBackward>(dh, frames.pixels(), F);
    prefetch_rows<StepBackward>(h, frames.pixels(), F);
    prefetch_rows<StepBackward>(dc_next, frames.pixels(), F);
    convolve<StepBackward, false>(sum, shared, dz_next, packed, frames);  // (1)
    const int first = blockIdx.y * StepBackward::BN;
    const InOrder place{int(blockIdx.x) * StepBackward::BM};
    retreat_tile<StepBackward>(sum, place, frames.pixels(), first, min(StepBackward::BN, F - first),
                               gates, kept_c, kept_c_prev, c0, dh, coefficients, h, dc_next, dc,
                               dz);  // (5) .. (2)
}

// Backward of (1), what reaches the state before the first frame: dz (B,H,W,F,4) of frame 0 -> dh0 (B,H,W,F).
extern "C" __global__ void __launch_bounds__(StepBackward::THREADS, LEAST_BLOCKS)
    initial_state_backward(const OPERAND* dz, const OPERAND* packed, float* dh0, int images, int height,
                           int width) {
    DYNAMIC_SHARED(char, shared);
    Frames frames{images, images, height, width};
    Sums<StepBackward> sum;
    convolve<StepBackward, false>(sum, shared, dz, packed, frames);
    store<StepBackward>(sum, frames.pixels(), dh0, nullptr);
}

// Backward of (1), the input term, all frames: dz (T,B,H,W,F,4) -> dx (T,B,H,W,C).
extern "C" __global__ void __launch_bounds__(InputBackward::THREADS, LEAST_BLOCKS)
    input_backward(const OPERAND* dz, const OPERAND* packed, OPERAND* dx, int images, int height, int width) {
    DYNAMIC_SHARED(char, shared);
    Frames frames{images, images, height, width};
    Sums<InputBackward> sum;
    convolve<InputBackward, false>(sum, shared, dz, packed, frames);
    store<InputBackward>(sum, frames.pixels(), dx, nullptr);
}

// Backward of (1), stage 1: x (images,H,W,C), dz (images,H,W,F,4) -> partial (slices, kh*kw*C + 1, 4F), last row bias.
extern "C" __global__ void __launch_bounds__(KernelGradient::THREADS)
    kernel_gradient(const OPERAND* x, const OPERAND* dz, float* partial, int images, int height, int width,
                    int chunks_per_slice) {
    DYNAMIC_SHARED(char, shared);
    Frames frames{images, images, height, width};
    weight_gradient<KernelGradient, false>(shared, x, dz, partial, frames, chunks_per_slice);
}

// Stage 1 of the recurrent kernel: x (images,H,W,F), the h that each dz saw -> partial (slices, kh*kw*F, 4F).
// slice_offset: how many slices an earlier launch has filled.
extern "C" __global__ void __launch_bounds__(RecurrentGradient::THREADS)
    recurrent_gradient(const OPERAND* x, const OPERAND* dz, float* partial, int slice_offset, int images, int height,
                       int width, int chunks_per_slice) {
    DYNAMIC_SHARED(char, shared);
    Frames frames{images, images, height, width};
    float* target = partial + (long long)slice_offset * RecurrentGradient::ROWS * RecurrentGradient::COLUMNS;
    weight_gradient<RecurrentGradient, false>(shared, x, dz, target, frames, chunks_per_slice);
}

// Stage 2: dkernel (kh,kw,C,4F) and dbias (4F), gate blocks in Keras's order.
extern "C" __global__ void sum_kernel_gradient(const float* partial, float* dkernel, float* dbias, int slices) {
    sum_slices<KernelGradient>(partial, slices, [&](int r, int n, float total) {
        int column = n % 4 * F + n / 4;
        if (r < InputWindow::K) {
            dkernel[(long long)r * 4 * F + column] = total;
        } else {
            dbias[column] = total;
        }
    });
}

// Stage 2: drecurrent_kernel (kh,kw,F,4F).
extern "C" __global__ void sum_recurrent_gradient(const float* partial, float* drecurrent_kernel, int slices) {
    sum_slices<RecurrentGradient>(partial, slices, [&](int r, int n, float total) {
        drecurrent_kernel[(long long)r * 4 * F + n % 4 * F + n / 4] = total;
    });
}
