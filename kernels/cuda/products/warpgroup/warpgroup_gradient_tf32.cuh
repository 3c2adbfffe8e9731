// The gradient of a convolution's weights in tf32 by Hopper's warpgroup products (wgmma.cuh): the sums of
// windowed_gradient.cuh, out of the same patches, for channels that are a multiple of 8.
//
//     forward    z[p][n]            = sum over tap, c of  x[p + tap][c] * w[tap, c][n] + bias[n]      zeros outside
//     backward   dw[tap, c][n]      = sum over p of       x[p + tap][c] * dz[p][n]
//                dbias[n]           = sum over p of       1             * dz[p][n]
//
//     stage 1    partial[s][r][n]   = the sum over the patches of slice s, r = tap, c
//                                     blockIdx = (group of places, group of columns, slice)
//
// k of a product is the eight pixels of one row of a patch. A place is (dx, channel), and a warpgroup holds the sums of
// 64 of them for every dy: KH products a row, whose factors of x are those of the rows below each other in the window.
// So a row of the window is read once, and stays in registers while it is the factor of one dy after another:
//
//     row y of the patch        dy = 0       1          2           KH = 3
//         factor               row y      row y + 1   row y + 2     of the window; row y + 3 is read meanwhile
//
//     places   0 .. 7   8 .. 15   ...   CHANNELS ..   ...   KW * CHANNELS ..
//              dx = 0   dx = 0          dx = 1              ones: the bias     eights; two of them are a warp's 16 rows
//
// The factor of x comes from registers: lane (g, t) reads channel g of pixels t and t + 4 of a row of the window, as in
// windowed_gradient.cuh. dz must have k contiguous, so four neighbouring pixels of a column are brought together on
// their way to shared memory. Two warpgroups multiply; a third copies the next patch and waits for memory for them.
//
//     one stage of shared memory
//     +--------------------------------------------------+
//     | window[patch_rows + KH - 1][WINDOW_WIDTH]        |   pixels, rows of STRIDE_X floats (patch.cuh)
//     | dz[patch_rows][2]: planes of PLANE floats        |   plane: [BN columns][4 pixels] and 16 bytes of padding,
//     +--------------------------------------------------+   so that 4 planes x 2 filters are stored to all 32 banks
#pragma once

#include "products/patch.cuh"
#include "products/warpgroup/wgmma.cuh"

constexpr int MULTIPLYING = 256, COPYING = 128;  // threads
constexpr int SQUARES = 7;                       // of a patch and a thread that copies
constexpr int PATCH_BARRIER = 1;

template <int CHANNELS_, int COLUMNS_, int KH_, int KW_, bool BIAS_, int BN_>
struct WarpgroupGradientTile {
    static constexpr int CHANNELS = CHANNELS_, COLUMNS = COLUMNS_, KH = KH_, KW = KW_, BN = BN_;
    static constexpr bool BIAS = BIAS_;
    static constexpr int THREADS = MULTIPLYING + COPYING;
    static constexpr int ROWS = KH * KW * CHANNELS + (BIAS ? 1 : 0);  // of dw
    static constexpr int EIGHTS = KW * CHANNELS / 8;                  // of places; the bias is one more
    static constexpr int RING = KH + 1;                               // rows of the window in registers
    static constexpr int WINDOW_WIDTH = PATCH_WIDTH + KW - 1;
    static constexpr int STRIDE_X = shared_stride(CHANNELS), PITCH = WINDOW_WIDTH * STRIDE_X;
    static constexpr int PLANE = 4 * BN + 4;
    static_assert(KH % 2 == 1 && KW % 2 == 1, "a window reaches as far to either side");
    static_assert(CHANNELS % 8 == 0, "eight places have one dx");
};

// The sums of this thread, as wgmma.cuh has them, for each dy.
template <class Tile>
struct WarpgroupSums {
    float v[Tile::KH][Tile::BN / 8][4];

    __device__ __forceinline__ void clear() {
#pragma unroll
        for (int dy = 0; dy < Tile::KH; ++dy)
#pragma unroll
            for (int i = 0; i < Tile::BN / 2; ++i) v[dy][i / 4][i % 4] = 0.0f;
    }
    __device__ __forceinline__ void hold_all() {
#pragma unroll
        for (int dy = 0; dy < Tile::KH; ++dy) hold(v[dy]);
    }
};

// The two eights of places of this thread's warp, and where it finds their factors in a row of the window.
template <class Tile>
struct WarpPlaces {
    int eight[2], at[2];

    __device__ __forceinline__ WarpPlaces() {
        int g = threadIdx.x % 32 / 4, t = threadIdx.x % 4;
#pragma unroll
        for (int half = 0; half < 2; ++half) {
            eight[half] = (blockIdx.x * (MULTIPLYING / 32) + threadIdx.x / 32) * 2 + half;
            const int place = eight[half] < Tile::EIGHTS ? eight[half] * 8 : 0;  // else what it reads is not used
            at[half] = (place / Tile::CHANNELS + t) * Tile::STRIDE_X + place % Tile::CHANNELS + g;
        }
    }
    __device__ __forceinline__ bool ones(int half) const {
        return Tile::BIAS && half == Tile::EIGHTS % 2 && eight[half] == Tile::EIGHTS;
    }
    // The factors of one row of the window.
    __device__ __forceinline__ void load(uint32_t (&a)[4], const float* row) const {
#pragma unroll
        for (int q = 0; q < 4; ++q) {
            const float v = row[at[q % 2] + q / 2 * 4 * Tile::STRIDE_X];
            a[q] = cvt_tf32(ones(q % 2) ? 1.0f : v);
        }
    }
};

// sum += the products of a patch. Products of one row are in flight while the next row of the window is read.
template <class Tile>
__device__ __forceinline__ void multiply_patch(WarpgroupSums<Tile>& sum, const float* window, const float* dz,
                                               const WarpPlaces<Tile>& places, int patch_rows) {
    constexpr int RING = Tile::RING, KH = Tile::KH;
    uint32_t a[RING][4];
#pragma unroll
    for (int row = 0; row < KH; ++row) places.load(a[row], window + row * Tile::PITCH);
    const int last = patch_rows + KH - 2;  // row of the window; it is read twice, where no row follows
    sum.hold_all();
#pragma unroll 1
    for (int first = 0; first < patch_rows; first += RING) {
#pragma unroll
        for (int step = 0; step < RING; ++step) {
            const int y = first + step;
            const uint64_t columns = matrix_descriptor(dz + y * (2 * Tile::PLANE), 4 * Tile::PLANE, 128);
            wgmma_fence();
#pragma unroll
            for (int dy = 0; dy < KH; ++dy) wgmma_tf32<Tile::BN>(sum.v[dy], a[(step + dy) % RING], columns);
            wgmma_commit();
            wgmma_wait<1>();  // for those of row y - 1, the last that read the factors which are written now
            places.load(a[(step + KH) % RING], window + min(y + KH, last) * Tile::PITCH);
        }
    }
    wgmma_wait<0>();
    sum.hold_all();
}

// The window of a patch, asynchronously: 16 bytes at one place of row after row. x (frames.images, height, width, CHANNELS).
template <class Tile>
__device__ __forceinline__ void copy_window(float* window, const float* x, Frames frames, Corner corner, int rows) {
    constexpr int PIECES = Tile::CHANNELS / 4, IN_ROW = Tile::WINDOW_WIDTH * PIECES;
    constexpr int TOGETHER = IN_ROW < COPYING ? COPYING / IN_ROW : 1;  // rows
#pragma unroll 1
    for (int i = threadIdx.x - MULTIPLYING; i < TOGETHER * IN_ROW; i += COPYING) {
        const int first = i / IN_ROW, pixel = i % IN_ROW / PIECES, channel = i % PIECES * 4;
        const int column = corner.x + pixel - Tile::KW / 2;
        const bool column_exists = unsigned(column) < unsigned(frames.width);
        int y = corner.y + first - Tile::KH / 2;
        const long long at = ((long long)corner.image * frames.height + y) * frames.width + column;
        const float* from = x + at * Tile::CHANNELS + channel;
        float* to = window + first * Tile::PITCH + pixel * Tile::STRIDE_X + channel;
#pragma unroll 4
        for (int row = first; row < rows; row += TOGETHER) {
            const bool exists = column_exists && unsigned(y) < unsigned(frames.height);
            cp_async16_zfill_l2(to, exists ? from : x, exists ? 16 : 0);
            y += TOGETHER;
            from += (long long)TOGETHER * frames.width * Tile::CHANNELS;
            to += TOGETHER * Tile::PITCH;
        }
    }
}

// The squares of dz that a thread turns round: four neighbouring pixels of one filter's four columns, SQUARES of them at most
// in a patch. They wait in registers for the stage that they go to. Eight lanes take four planes by two filters.
template <class Tile>
struct Squares {
    static constexpr int FILTERS = Tile::BN / 4, NO_ROW = 1 << 14;
    uint32_t from[SQUARES];  // bytes from the patch's corner
    int to[SQUARES];         // float4 in the planes, 16 bits of it; above them its row of the patch, or NO_ROW
    float4 pixel[SQUARES][4];

    __device__ __forceinline__ Squares(int width, int patch_rows) {
#pragma unroll
        for (int s = 0; s < SQUARES; ++s) {
            const int i = threadIdx.x - MULTIPLYING + s * COPYING;
            const int plane = i / 2 % 4 + i / (4 * FILTERS) * 4, filter = i % 2 + i / 8 % (FILTERS / 2) * 2;
            const int n = blockIdx.y * Tile::BN + 4 * filter;
            const bool exists = plane < 2 * patch_rows && n < Tile::COLUMNS;
            from[s] = ((plane / 2 * width + first_column()) * Tile::COLUMNS + n) * 4;
            to[s] = plane * (Tile::PLANE / 4) + 4 * filter + ((exists ? plane / 2 : NO_ROW) << 16);
        }
    }
    // dz (frames.images, height, width, COLUMNS)
    __device__ __forceinline__ void load(const float* dz, Frames frames, Corner corner, int patch_rows) {
        const int rows = min(frames.height - corner.y, patch_rows), columns = frames.width - corner.x - first_column();
        const long long first = ((long long)corner.image * frames.height + corner.y) * frames.width + corner.x;
        const char* source = (const char*)(dz + first * Tile::COLUMNS);
#pragma unroll
        for (int s = 0; s < SQUARES; ++s)
#pragma unroll
            for (int q = 0; q < 4; ++q)
                pixel[s][q] = to[s] >> 16 < rows && q < columns
                                  ? *(const float4*)(source + from[s] + q * (Tile::COLUMNS * 4))
                                  : float4{};
    }
    __device__ __forceinline__ void store(float* planes, int patch_rows) const {
#pragma unroll
        for (int s = 0; s < SQUARES; ++s) {
            if (threadIdx.x - MULTIPLYING + s * COPYING >= 2 * patch_rows * FILTERS) break;
            float4* column = (float4*)planes + (to[s] & 0xffff);
            const float4* v = pixel[s];
            column[0] = float4{v[0].x, v[1].x, v[2].x, v[3].x};
            column[1] = float4{v[0].y, v[1].y, v[2].y, v[3].y};
            column[2] = float4{v[0].z, v[1].z, v[2].z, v[3].z};
            column[3] = float4{v[0].w, v[1].w, v[2].w, v[3].w};
        }
    }

  private:
    static __device__ __forceinline__ int first_column() { return threadIdx.x / 2 % 2 * 4; }
};

// The sums of this thread to its rows and columns of a slice. partial (ROWS, COLUMNS).
template <class Tile>
__device__ __forceinline__ void write_sums(const WarpgroupSums<Tile>& sum, const WarpPlaces<Tile>& places,
                                           float* partial) {
#pragma unroll
    for (int half = 0; half < 2; ++half) {
        const int place = places.eight[half] * 8 + threadIdx.x % 32 / 4;
#pragma unroll
        for (int dy = 0; dy < Tile::KH; ++dy) {
            int row = dy * (Tile::KW * Tile::CHANNELS) + place;
            if (place >= 8 * Tile::EIGHTS) {  // the bias has one row, its eight the same sums in each
                if (!places.ones(half) || place > 8 * Tile::EIGHTS || dy > 0) continue;
                row = Tile::ROWS - 1;
            }
#pragma unroll
            for (int j = 0; j < Tile::BN / 8; ++j) {
                int n = blockIdx.y * Tile::BN + 8 * j + threadIdx.x % 4 * 2;
                if (n < Tile::COLUMNS)
                    put2(partial + (long long)row * Tile::COLUMNS + n, sum.v[dy][j][2 * half],
                         sum.v[dy][j][2 * half + 1]);
            }
        }
    }
}

// Stage 1. Slice blockIdx.z takes patches_per_slice patches.
//   x        (frames.images, height, width, CHANNELS);  dz (the same pixels, COLUMNS), rounded to tf32 already
//   partial  (slices, ROWS, COLUMNS)
//   patch_rows  a multiple of RING; two stages of so many fit in shared memory, and SQUARES in the threads that copy
template <class Tile>
__device__ __forceinline__ void warpgroup_gradient(float* stages, const float* x, const float* dz, float* partial,
                                                   Frames frames, int patch_rows, int patches_per_slice, int patches) {
    const int rows = patch_rows + Tile::KH - 1, window_size = rows * Tile::PITCH;
    const int stage_size = window_size + patch_rows * (2 * Tile::PLANE);
    const int first = blockIdx.z * patches_per_slice, last = min(first + patches_per_slice, patches);
    // Either role meets the other at the barrier once a patch: it has arrived, and the stage before it is free again.
    // Each has a loop of its own, so that a thread that copies keeps no sums.
    if (threadIdx.x >= MULTIPLYING) {
        Squares<Tile> squares(frames.width, patch_rows);
        squares.load(dz, frames, Corner(first, frames, patch_rows), patch_rows);
#pragma unroll 1
        for (int patch = first; patch < last; ++patch) {
            float* stage = stages + (patch - first) % 2 * stage_size;
            copy_window<Tile>(stage, x, frames, Corner(patch, frames, patch_rows), rows);
            cp_async_commit();
            squares.store(stage + window_size, patch_rows);
            cp_async_wait<0>();
            fence_proxy_async();
            // Those of the next patch: behind the fence, which might wait for them.
            if (patch + 1 < last) squares.load(dz, frames, Corner(patch + 1, frames, patch_rows), patch_rows);
            barrier_sync(PATCH_BARRIER, Tile::THREADS);
        }
        return;
    }
    const WarpPlaces<Tile> places;
    WarpgroupSums<Tile> sum;
    sum.clear();
#pragma unroll 1
    for (int patch = first; patch < last; ++patch) {
        barrier_sync(PATCH_BARRIER, Tile::THREADS);
        const float* window = stages + (patch - first) % 2 * stage_size;
        multiply_patch<Tile>(sum, window, window + window_size, places, patch_rows);
    }
    write_sums<Tile>(sum, places, partial + (long long)blockIdx.z * Tile::ROWS * Tile::COLUMNS);
}
