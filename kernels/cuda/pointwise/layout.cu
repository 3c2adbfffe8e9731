// Arrays in another order or repeated, and masked copies side by side (dropout). One thread an element.
//
//     (1)  y[p, g*C + c] = x[p, c] * masks[g, q, c]        dx[p, c] = sum over g of dy[p, g*C + c] * masks[g, q, c]
//
// p counts the pixels of all frames, q = p modulo the pixels of one frame of the batch: a mask holds for all frames.

#include "common/ptx.cuh"

// (1): x (n/C, C), masks (G, frame/C, C) -> y (n/C, G*C); frame = B*H*W*C.
extern "C" __global__ void masked_copies(const float* x, const float* masks, float* y, int copies, int channels,
                                         long long frame, long long n) {
    long long at = (long long)blockIdx.x * blockDim.x + threadIdx.x;
    if (at >= n) return;
    float value = x[at];
    long long target = at / channels * copies * channels + at % channels;
    for (int g = 0; g < copies; ++g) y[target + g * channels] = value * masks[g * frame + at % frame];
}

// (1): dy (n/C, G*C), masks -> dx (n/C, C).
extern "C" __global__ void masked_copies_backward(const float* dy, const float* masks, float* dx, int copies,
                                                  int channels, long long frame, long long n) {
    long long at = (long long)blockIdx.x * blockDim.x + threadIdx.x;
    if (at >= n) return;
    long long source = at / channels * copies * channels + at % channels;
    float sum = 0.0f;
    for (int g = 0; g < copies; ++g) sum += dy[source + g * channels] * masks[g * frame + at % frame];
    dx[at] = sum;
}

// y (n), of sizes ..., size1, ..., size4 = x, whose element moves by step_k where y's index k moves by one: axes in
// another order, and repeated ones, whose step is zero. With `adds`, y += that.
extern "C" __global__ void strided(const float* x, float* y, int size1, int size2, int size3, int size4,
                                   long long step0, long long step1, long long step2, long long step3,
                                   long long step4, int adds, long long n) {
    long long at = (long long)blockIdx.x * blockDim.x + threadIdx.x;
    if (at >= n) return;
    long long rest = at, source = rest % size4 * step4;
    rest /= size4;
    source += rest % size3 * step3;
    rest /= size3;
    source += rest % size2 * step2;
    rest /= size2;
    source += rest % size1 * step1;
    const float value = x[source + rest / size1 * step0];
    y[at] = adds ? y[at] + value : value;
}
