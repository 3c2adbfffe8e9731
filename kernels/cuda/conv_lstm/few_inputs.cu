// The input convolution of a ConvLSTM and the gradient of its weights where the input has few channels: bound by the
// memory that z and dz take.
//
//     forward                                                  backward
//     (1)  z[m][f] = bias[f] + sum over taps and c of          dkernel[r][f] = sum over m of x[m + tap][c] * dz[m][f]
//                      x[m + tap][c] * kernel[r][f]            dbias[f]      = sum over m of 1 * dz[m][f]
//
//     m   pixels of T*B*H*W       m + tap   the pixel that the window of m sees through it; outside the frame x is zero
//     r = tap * C + c             z, kernel, bias and dz have four gates a filter f: i, f, g, o
//
// A thread has one filter: forward its weights, backward their sums, four gates for each r, stay in registers, while it
// goes through strips of neighbouring pixels. Threads of neighbouring filters write, or read, neighbouring gates.
//
//     a block: GROUPS x FILTERS threads                        its patch of x (patch.cuh), as factors, in shared memory
//     +-- f = 0 .. FILTERS-1 --+                               +-- PATCH_WIDTH + KW - 1 pixels --+--+
//     | group 0                |  strips 0, GROUPS, ..         | KH/2 rows                       |  |  zeros up to
//     | group 1                |  strips 1, GROUPS + 1, ..     |       [ strip 0 ][ strip 1 ]    |  |  STRIDE floats
//     | ...                    |                               |       [ strip 2 ][ strip 3 ]    |  |
//     +------------------------+                               +---------------------------------+--+
//
// Constants: SPEC_C, SPEC_F, SPEC_KH, SPEC_KW; TF32, BF16, OPERAND; and the tile FEW_INPUTS of few_inputs.py.

#include "common/elementwise.cuh"
#include "products/patch.cuh"

constexpr int C = SPEC_C, F = SPEC_F, KH = SPEC_KH, KW = SPEC_KW;
constexpr int WEIGHTS = KH * KW * C;  // of a filter and gate
constexpr int ROWS = WEIGHTS + 1;     // of the gradient, with the bias's
constexpr int WINDOW_ROW = (PATCH_WIDTH + KW - 1) * C, STRIDE = (WINDOW_ROW + 3) / 4 * 4;  // whole float4 to read

template <int FILTERS_, int GROUPS_, int STRIP_>
struct FewInputsTile {
    static constexpr int FILTERS = FILTERS_, GROUPS = GROUPS_, THREADS = FILTERS * GROUPS;
    static constexpr int STRIP = STRIP_;                   // pixels whose gates a thread writes, or asks for, together
    static constexpr int ADDED = GROUPS < 8 ? GROUPS : 8;  // rows of the gradient that are added up together
};
using Tile = FewInputsTile<FEW_INPUTS>;
constexpr int STRIP = Tile::STRIP, ACROSS = PATCH_WIDTH / STRIP;

__device__ __forceinline__ int filter_of_thread() { return blockIdx.y * Tile::FILTERS + threadIdx.x % Tile::FILTERS; }
__device__ __forceinline__ int group_of_thread() { return threadIdx.x / Tile::FILTERS; }

// sum += x * v, gate by gate.
__device__ __forceinline__ void multiply_add(float4& sum, float x, float4 v) {
    sum.x = fmaf(x, v.x, sum.x);
    sum.y = fmaf(x, v.y, sum.y);
    sum.z = fmaf(x, v.z, sum.z);
    sum.w = fmaf(x, v.w, sum.w);
}

// x (images,H,W,C) -> window (patch_rows + KH - 1, STRIDE), rounded as a factor. A thread asks for ASKED elements, then
// waits for them.
__device__ __forceinline__ void copy_window(float* window, const OPERAND* x, Frames frames, Corner corner,
                                            int patch_rows) {
    constexpr int ASKED = 4;
    const int size = (patch_rows + KH - 1) * STRIDE;
    for (int first = threadIdx.x; first < size; first += ASKED * Tile::THREADS) {
        float v[ASKED];
#pragma unroll
        for (int j = 0; j < ASKED; ++j) {
            int i = first + j * Tile::THREADS, column = i % STRIDE;
            int left = corner.x + column / C - KW / 2, y = corner.y + i / STRIDE - KH / 2;
            bool exists = i < size && column < WINDOW_ROW && unsigned(left) < unsigned(frames.width) &&
                          unsigned(y) < unsigned(frames.height);
            long long pixel = ((long long)corner.image * frames.height + y) * frames.width + left;
            v[j] = exists ? widen(x[pixel * C + column % C]) : 0.0f;
        }
#pragma unroll
        for (int j = 0; j < ASKED; ++j)
            if (first + j * Tile::THREADS < size) window[first + j * Tile::THREADS] = rounded(v[j]);
    }
}

// visit(corner of the strip's window, its first pixel, how many of its pixels exist) for every strip of this thread.
template <class Visit>
__device__ __forceinline__ void for_each_strip(const float* window, Frames frames, Corner corner, int patch_rows,
                                               Visit visit) {
    const int rows = min(patch_rows, frames.height - corner.y);
    for (int s = group_of_thread(); s < rows * ACROSS; s += Tile::GROUPS) {
        int row = s / ACROSS, left = s % ACROSS * STRIP, exist = frames.width - corner.x - left;
        if (exist <= 0) continue;
        long long m = ((long long)corner.image * frames.height + corner.y + row) * frames.width + corner.x + left;
        visit(window + row * STRIDE + left * C, m, exist);
    }
}

// visit(p, r, x[p + tap][c]) for every pixel p of a strip and every r, those of a pixel in order.
template <class Visit>
__device__ __forceinline__ void for_each_factor(const float* strip, Visit visit) {
    constexpr int QUADS = ((STRIP + KW - 1) * C + 3) / 4;
#pragma unroll
    for (int dy = 0; dy < KH; ++dy) {
        Vector<4> row[QUADS];
#pragma unroll
        for (int q = 0; q < QUADS; ++q) row[q] = load<4>(strip + dy * STRIDE + 4 * q);
#pragma unroll
        for (int i = 0; i < KW * C; ++i)
#pragma unroll
            for (int p = 0; p < STRIP; ++p)
                visit(p, dy * KW * C + i, row[(p * C + i) / 4].v[(p * C + i) % 4]);
    }
}

// kernel (kh,kw,C,4F) -> packed (kh*kw*C, F, 4), rounded as a factor, but in float32: the compiler would keep bf16 in
// registers and widen it for every strip.
extern "C" __global__ void pack_few_inputs(const float* kernel, float* packed) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i >= WEIGHTS * 4 * F) return;
    int r = i / (4 * F), f = i / 4 % F, gate = i % 4;
    OPERAND factor;
    put(&factor, rounded(kernel[r * 4 * F + gate * F + f]));
    packed[i] = widen(factor);
}

// (1): x (images,H,W,C), packed (kh*kw*C, F, 4), bias (4F) -> z (images,H,W,F,4). Block (patch, filters).
extern "C" __global__ void __launch_bounds__(Tile::THREADS, 2)
    few_inputs_forward(const OPERAND* x, const float* packed, const float* bias, GATE* z, int images, int height,
                       int width, int patch_rows) {
    DYNAMIC_SHARED(float, window);
    const Frames frames{images, images, height, width};
    const Corner corner(blockIdx.x, frames, patch_rows);
    copy_window(window, x, frames, corner, patch_rows);
    __syncthreads();
    const int f = filter_of_thread();
    if (f >= F) return;
    float4 weights[WEIGHTS];
#pragma unroll
    for (int r = 0; r < WEIGHTS; ++r) weights[r] = get4(packed + (r * F + f) * 4);
    const float4 first = make_float4(bias[f], bias[F + f], bias[2 * F + f], bias[3 * F + f]);
    for_each_strip(window, frames, corner, patch_rows, [&](const float* strip, long long m, int exist) {
        float4 sum[STRIP];
#pragma unroll
        for (int p = 0; p < STRIP; ++p) sum[p] = first;
        for_each_factor(strip, [&](int p, int r, float factor) { multiply_add(sum[p], factor, weights[r]); });
#pragma unroll
        for (int p = 0; p < STRIP; ++p)
            if (p < exist) put4(z + ((m + p) * F + f) * 4, sum[p]);
    });
}

// Backward of (1), stage 1: x (images,H,W,C), dz (images,H,W,F,4) -> partial (slices, kh*kw*C + 1, 4F), last row bias;
// stage 2 is sum_kernel_gradient of conv_lstm.cu. Block (slice, filters).
extern "C" __global__ void __launch_bounds__(Tile::THREADS, 2)
    few_inputs_gradient(const OPERAND* x, const OPERAND* dz, float* partial, int images, int height, int width,
                        int patch_rows, int patches, int patches_per_slice) {
    DYNAMIC_SHARED(float, shared);
    const Frames frames{images, images, height, width};
    const int f = filter_of_thread(), group = group_of_thread();
    float4 sums[ROWS];
#pragma unroll
    for (int r = 0; r < ROWS; ++r) sums[r] = make_float4(0.0f, 0.0f, 0.0f, 0.0f);

    const int first = blockIdx.x * patches_per_slice, last = min(first + patches_per_slice, patches);
    for (int patch = first; patch < last; ++patch) {
        const Corner corner(patch, frames, patch_rows);
        __syncthreads();  // nobody still reads the patch before
        copy_window(shared, x, frames, corner, patch_rows);
        __syncthreads();
        if (f >= F) continue;
        for_each_strip(shared, frames, corner, patch_rows, [&](const float* strip, long long m, int exist) {
            float4 gates[STRIP];
#pragma unroll
            for (int p = 0; p < STRIP; ++p)
                gates[p] = p < exist ? get4(dz + ((m + p) * F + f) * 4) : make_float4(0.0f, 0.0f, 0.0f, 0.0f);
            for_each_factor(strip, [&](int p, int r, float factor) { multiply_add(sums[r], factor, gates[p]); });
#pragma unroll
            for (int p = 0; p < STRIP; ++p) multiply_add(sums[WEIGHTS], 1.0f, gates[p]);
        });
    }

    // The sums of the groups, in order; ADDED groups each take a row.
    float4* exchange = (float4*)shared;  // (ADDED, THREADS)
#pragma unroll
    for (int row = 0; row < ROWS; row += Tile::ADDED) {
        __syncthreads();
#pragma unroll
        for (int i = 0; i < Tile::ADDED && row + i < ROWS; ++i)
            exchange[i * Tile::THREADS + threadIdx.x] = sums[row + i];
        __syncthreads();
        if (group >= Tile::ADDED || row + group >= ROWS || f >= F) continue;
        const float4* own = exchange + group * Tile::THREADS + threadIdx.x % Tile::FILTERS;
        float4 total = own[0];
        for (int g = 1; g < Tile::GROUPS; ++g) multiply_add(total, 1.0f, own[g * Tile::FILTERS]);
        put4(partial + (((long long)blockIdx.x * ROWS + row + group) * F + f) * 4, total);
    }
}
