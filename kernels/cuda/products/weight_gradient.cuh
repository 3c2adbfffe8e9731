// The gradient of a convolution's weights: a matrix product over all pixels, split over blocks (split-K), then summed
// in a fixed order. No atomics: the same bits every run.
//
//     forward    y[m][n]      = sum over r of  A[m][r] * w[r][n] + bias[n]      A[m][r] = x[source(m, r)]  (window.cuh)
//     backward   dw[r][n]     = sum over m of  A[m][r] * dy[m][n]
//                dbias[n]     = sum over m of  1       * dy[m][n]               an extra row r = K of ones
//
//     stage 1    partial[s][r][n] = the sum over the pixels of slice s          blockIdx = (r tile, n tile, slice)
//     stage 2    dw[r][n]         = partial[0][r][n] + partial[1][r][n] + ...
//
//     shared memory               one stage: PIXELS rows, pixel p
//     +----------------------+    +--- BM -----+8-+--- BN -----+8-+
//     | Pixel pixels[2][PX]  |    | A[p][r]       | dy[p][n]      |      floats: strides 8 or 24 mod 32: lanes
//     | stage 0, stage 1     |    +---------------+---------------+      (t, g) read word t * stride + g, 32 banks;
//     +----------------------+                                           bf16: ldmatrix transposes 8 x 8 at a time
//
// Ownership of the accumulators is that of accumulators.cuh.
#pragma once

#include "common/accumulators.cuh"
#include "common/window.cuh"

template <class WINDOW, int COLUMNS_, bool BIAS_, int WARPS_M_, int WARPS_N_, int MT_, int NT_,
          int SHARED_BYTES_>
struct GradientTile {
    using Taps = WINDOW;
    static constexpr int COLUMNS = COLUMNS_, WARPS_M = WARPS_M_, WARPS_N = WARPS_N_, WARPS_K = 1;
    static constexpr int MT = MT_, OWN_MT = MT_, NT = NT_;
    static constexpr bool BIAS = BIAS_;
    static constexpr int ROWS = Taps::K + (BIAS ? 1 : 0);
    static constexpr int BM = 16 * MT * WARPS_M, BN = 8 * NT * WARPS_N, THREADS = 32 * WARPS_M * WARPS_N;
    static constexpr int PIXELS = BF16 ? 64 : 32;
    static constexpr int STRIDE_A = shared_stride(BM), STRIDE_DY = shared_stride(BN);
    static constexpr int STAGE = PIXELS * (STRIDE_A + STRIDE_DY);
    static constexpr int SHARED_BYTES = 2 * (PIXELS * int(sizeof(Pixel)) + STAGE * int(sizeof(OPERAND)));
    static_assert(SHARED_BYTES == SHARED_BYTES_, "tiles.py plans the same tile");
};

template <class Tile>
__device__ __forceinline__ void load_pixels(OPERAND* stage, const Pixel* pixels, const OPERAND* x, const OPERAND* dy,
                                            Frames frames) {
    constexpr int VECTOR = Tile::Taps::VECTOR, PIECES = Tile::BM / VECTOR, CHANNELS = Tile::Taps::CHANNELS;
    static_assert(Tile::THREADS % PIECES == 0, "a thread keeps to one row of A");
    int row = threadIdx.x % PIECES * VECTOR, r = blockIdx.x * Tile::BM + row, tap = r / CHANNELS;
    for (int p = threadIdx.x / PIECES; p < Tile::PIXELS; p += Tile::THREADS / PIECES) {
        const Pixel pixel = pixels[p];
        OPERAND* target = stage + p * Tile::STRIDE_A + row;
        if (Tile::BIAS && r == Tile::Taps::K) {
            put(target, pixel.image == NO_IMAGE ? 0.0f : 1.0f);
            for (int q = 1; q < VECTOR; ++q) put(target + q, 0.0f);
            continue;
        }
        long long source = Tile::Taps::source(frames, pixel, tap, r - tap * CHANNELS);
        if constexpr (VECTOR > 1) {
            cp_async16_zfill(target, source < 0 ? x : x + source, source < 0 ? 0 : 16);
        } else {
            *target = source < 0 ? OPERAND{} : x[source];
        }
    }
    constexpr int WIDTH = copied_together(Tile::COLUMNS), COLUMN_PIECES = Tile::BN / WIDTH;
    for (int i = threadIdx.x; i < Tile::PIXELS * COLUMN_PIECES; i += Tile::THREADS) {
        const Pixel pixel = pixels[i / COLUMN_PIECES];
        int column = i % COLUMN_PIECES * WIDTH, n = blockIdx.y * Tile::BN + column;
        bool inside = n < Tile::COLUMNS && pixel.image != NO_IMAGE;
        const OPERAND* source = dy + (inside ? (long long)pixel.linear * Tile::COLUMNS + n : 0);
        OPERAND* target = stage + Tile::PIXELS * Tile::STRIDE_A + i / COLUMN_PIECES * Tile::STRIDE_DY + column;
        if constexpr (WIDTH > 1) {
            cp_async16_zfill(target, source, inside ? 16 : 0);
        } else {
            *target = inside ? *source : OPERAND{};
        }
    }
}

#if BF16
template <class Tile, bool ROUND_DY>
__device__ __forceinline__ void multiply_pixels(Sums<Tile>& sum, const bf16* a, const bf16* dy) {
    int lane = threadIdx.x % 32;
    const bf16* a_row = a + (lane / 16 * 8 + lane % 8) * Tile::STRIDE_A + lane / 8 % 2 * 8;
    const bf16* dy_row = dy + lane % 16 * Tile::STRIDE_DY + lane / 16 * 8;
#pragma unroll
    for (int p = 0; p < Tile::PIXELS; p += MMA_DEPTH) {
        uint32_t fragment[Tile::MT][4];
#pragma unroll
        for (int i = 0; i < Tile::MT; ++i) ldmatrix_x4_trans(fragment[i], a_row + p * Tile::STRIDE_A + 16 * i);
#pragma unroll
        for (int j = 0; j < Tile::NT; j += 2) {
            uint32_t columns[4];
            const bool both = j + 1 < Tile::NT;
            if (both) {
                ldmatrix_x4_trans(columns, dy_row + p * Tile::STRIDE_DY + 8 * j);
            } else {
                ldmatrix_x2_trans(columns, dy_row + p * Tile::STRIDE_DY + 8 * j);
            }
#pragma unroll
            for (int i = 0; i < Tile::MT; ++i) {
                mma_m16n8k16_bf16(sum.v[i][j], fragment[i], columns, sum.v[i][j]);
                if (both) mma_m16n8k16_bf16(sum.v[i][j + both], fragment[i], columns + 2, sum.v[i][j + both]);
            }
        }
    }
}
#elif TF32
template <class Tile, bool ROUND_DY>
__device__ __forceinline__ void multiply_pixels(Sums<Tile>& sum, const float* a, const float* dy) {
    int g = threadIdx.x % 32 / 4, t = threadIdx.x % 4;
#pragma unroll
    for (int p = 0; p < Tile::PIXELS; p += 8) {
        unsigned fragment[Tile::MT][4];
#pragma unroll
        for (int i = 0; i < Tile::MT; ++i) {
            const float* corner = a + (p + t) * Tile::STRIDE_A + 16 * i + g;
            fragment[i][0] = to_tf32<true>(corner[0]);
            fragment[i][1] = to_tf32<true>(corner[8]);
            fragment[i][2] = to_tf32<true>(corner[4 * Tile::STRIDE_A]);
            fragment[i][3] = to_tf32<true>(corner[4 * Tile::STRIDE_A + 8]);
        }
#pragma unroll
        for (int j = 0; j < Tile::NT; ++j) {
            const float* corner = dy + (p + t) * Tile::STRIDE_DY + 8 * j + g;
            const unsigned column[2] = {to_tf32<ROUND_DY>(corner[0]), to_tf32<ROUND_DY>(corner[4 * Tile::STRIDE_DY])};
#pragma unroll
            for (int i = 0; i < Tile::MT; ++i) mma_m16n8k8_tf32(sum.v[i][j], fragment[i], column, sum.v[i][j]);
        }
    }
}
#else
template <class Tile, bool ROUND_DY>
__device__ __forceinline__ void multiply_pixels(Sums<Tile>& sum, const float* a, const float* dy) {
    int g = threadIdx.x % 32 / 4, t = threadIdx.x % 4;
#pragma unroll 1
    for (int p = 0; p < Tile::PIXELS; ++p) {
        float row[Tile::MT][2];
#pragma unroll
        for (int i = 0; i < Tile::MT; ++i) {
            row[i][0] = a[p * Tile::STRIDE_A + 16 * i + g];
            row[i][1] = a[p * Tile::STRIDE_A + 16 * i + g + 8];
        }
#pragma unroll
        for (int j = 0; j < Tile::NT; ++j) {
            const float2 column = *(const float2*)(dy + p * Tile::STRIDE_DY + 8 * j + 2 * t);
#pragma unroll
            for (int i = 0; i < Tile::MT; ++i) {
#pragma unroll
                for (int half = 0; half < 2; ++half) {
                    sum.v[i][j][2 * half] = fmaf(row[i][half], column.x, sum.v[i][j][2 * half]);
                    sum.v[i][j][2 * half + 1] = fmaf(row[i][half], column.y, sum.v[i][j][2 * half + 1]);
                }
            }
        }
    }
}
#endif

// Stage 1. Slice blockIdx.z takes chunks_per_slice chunks of PIXELS pixels.
//   x        (frames.images, height, width, CHANNELS);  dy (pixels, COLUMNS), 16-byte aligned where copied together
//   partial  (slices, ROWS, COLUMNS)
//   ROUND_DY whether dy still needs rounding to tf32
template <class Tile, bool ROUND_DY>
__device__ __forceinline__ void weight_gradient(char* shared, const OPERAND* x, const OPERAND* dy, float* partial,
                                                Frames frames, int chunks_per_slice) {
    constexpr int PIXELS = Tile::PIXELS;
    Sums<Tile> sum;
    clear(sum);
    Pixel* pixels = (Pixel*)shared;
    OPERAND* stages = (OPERAND*)(pixels + 2 * PIXELS);
    int first = blockIdx.z * chunks_per_slice;
    int last = min(first + chunks_per_slice, (frames.pixels() + PIXELS - 1) / PIXELS);

    for (int i = threadIdx.x; i < 2 * PIXELS; i += Tile::THREADS) pixels[i] = pixel_at(first * PIXELS + i, frames);
    __syncthreads();
    WarpPlace<Tile> warp;
    int a = warp.m * (16 * Tile::MT);
    int b = PIXELS * Tile::STRIDE_A + warp.n * (8 * Tile::NT);
    if (first < last) load_pixels<Tile>(stages, pixels, x, dy, frames);
    cp_async_commit();
    for (int chunk = first; chunk < last; ++chunk) {
        int now = (chunk - first) % 2, next = 1 - now;
        cp_async_wait<0>();
        __syncthreads();  // chunk has arrived for everyone; the other stage and this stage's pixels are free again
        if (chunk + 1 < last) load_pixels<Tile>(stages + next * Tile::STAGE, pixels + next * PIXELS, x, dy, frames);
        cp_async_commit();
        for (int i = threadIdx.x; i < PIXELS; i += Tile::THREADS)
            pixels[now * PIXELS + i] = pixel_at((chunk + 2) * PIXELS + i, frames);
        const OPERAND* stage = stages + now * Tile::STAGE;
        multiply_pixels<Tile, ROUND_DY>(sum, stage + a, stage + b);
    }
    for_each_pair<Tile>(sum, Tile::ROWS, [&](int r, int n, float left, float right) {
        float* target = partial + ((long long)blockIdx.z * Tile::ROWS + r) * Tile::COLUMNS + n;
        target[0] = left;
        if (n + 1 < Tile::COLUMNS) target[1] = right;
    });
}

// Stage 2: write(r, n, sum over slices), slices in order, ASKED of them read together; one thread an element.
template <class Tile, class Write>
__device__ __forceinline__ void sum_slices(const float* partial, int slices, Write write) {
    constexpr int SIZE = Tile::ROWS * Tile::COLUMNS, ASKED = 8;
    for (int i = blockIdx.x * blockDim.x + threadIdx.x; i < SIZE; i += gridDim.x * blockDim.x) {
        float total = 0.0f;
        for (int first = 0; first < slices; first += ASKED) {
            float values[ASKED];
#pragma unroll
            for (int s = 0; s < ASKED; ++s)
                values[s] = first + s < slices ? partial[(long long)(first + s) * SIZE + i] : 0.0f;
#pragma unroll
            for (int s = 0; s < ASKED; ++s) total += values[s];
        }
        write(i / Tile::COLUMNS, i % Tile::COLUMNS, total);
    }
}
