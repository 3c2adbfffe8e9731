// The gradient of a convolution's weights on Hopper, in bfloat16: products of a warpgroup (wgmma.cuh) over patches
// (patch.cuh). The sums are those of windowed_gradient.cuh, for channels that are a multiple of 8.
//
//     forward    z[p][n]            = sum over tap, c of  x[p + tap][c] * w[tap, c][n] + bias[n]      zeros outside
//     backward   dw[tap, c][n]      = sum over p of       x[p + tap][c] * dz[p][n]
//                dbias[n]           = sum over p of       1             * dz[p][n]
//
//     stage 1    partial[s][r][n]   = the sum over the patches of slice s
//                                     blockIdx = (group of taps, group of columns, slice)
//
// A block has two crews, a warpgroup each, which hide each other's barriers: they take patches in turn, and add up their sums
// in the end. A crew has STAGES patches in shared memory: while one is multiplied, those that follow are on their way. D of a
// product is
//
//     D[n][dy, c]    64 columns of dz    x    TAP_ROWS rows of taps, CHANNELS each, at one dx        over 16 pixels
//
// and there are TAP_COLUMNS of them, one a dx, and one more whose factor is ones (the bias). All stay in registers over
// all patches of a slice. Both factors have their rows contiguous: 8 pixels x 8 channels are 128 bytes in one piece.
//
//     window row y     channels 0 .. 7 of its pixels | channels 8 .. 15 | ...     each PLANE_X elements, a pixel longer
//     window row y+1   ...                                                        than the row, so that the copies of
//     dz row y         columns 0 .. 7 of its pixels | columns 8 .. 15 | ...       a pixel meet different banks
//
// So eights of channels are PLANE_X apart, also from the last of one row to the first of the next: one product has the
// taps of TAP_ROWS rows. Two rows of a patch are 16 pixels, a tap is a number added to the descriptor of the window. dz
// comes through registers: shared memory would otherwise be read for it anew in each product.
#pragma once

#include "products/patch.cuh"
#include "products/warpgroup/wgmma.cuh"

constexpr int STEP_ROWS = 2;              // rows of a patch that one product takes
constexpr int PAIR_ROWS = 2 * STEP_ROWS;  // and two of them, whose fragments of dz take turns
constexpr int PIECE = 8;                  // elements of 16 bytes

template <int CHANNELS_, int COLUMNS_, int KH_, int KW_, bool BIAS_, int TAP_ROWS_, int TAP_COLUMNS_, int STAGES_>
struct WarpgroupGradientTile {
    static constexpr int CHANNELS = CHANNELS_, PADDED = CHANNELS, COLUMNS = COLUMNS_, KH = KH_, KW = KW_;
    static constexpr bool BIAS = BIAS_;
    static constexpr int TAP_ROWS = TAP_ROWS_, TAP_COLUMNS = TAP_COLUMNS_, N = TAP_ROWS * CHANNELS;
    static constexpr int BN = 64, THREADS = 128, CREWS = 2, BLOCK_THREADS = THREADS * CREWS, STAGES = STAGES_;
    static constexpr int HALF = TAP_COLUMNS * TAP_ROWS * CHANNELS / 4 + (BIAS ? 1 : 0);  // sums of a thread of 8 columns of dz
    static constexpr int ROWS = KH * KW * CHANNELS + (BIAS ? 1 : 0);  // of dw
    static constexpr int WINDOW_WIDTH = PATCH_WIDTH + KW - 1;
    static constexpr int PLANE_X = (WINDOW_WIDTH + 1) * PIECE, PLANE_DZ = (PATCH_WIDTH + 1) * PIECE;
    static constexpr int ROW_X = CHANNELS / PIECE * PLANE_X, ROW_DZ = BN / PIECE * PLANE_DZ;
    static __device__ constexpr int place_x(int pixel, int channel) {
        return channel / PIECE * PLANE_X + pixel * PIECE + channel % PIECE;
    }
    static __device__ constexpr int place_dz(int pixel, int column) {
        return column / PIECE * PLANE_DZ + pixel * PIECE + column % PIECE;
    }
    static_assert(KH % 2 == 1 && KW % 2 == 1, "a window reaches as far to either side");
    static_assert(STAGES >= 2, "a patch arrives while another is multiplied");
    static_assert(KH % TAP_ROWS == 0 && KW % TAP_COLUMNS == 0, "groups of taps are equal");
    static_assert(CHANNELS % PIECE == 0 && COLUMNS % PIECE == 0, "pixels are copied 16 bytes at a time");
};

// What a thread holds of the products: columns of dz along the rows of D.
template <class Tile>
struct TapSums {
    float taps[Tile::TAP_COLUMNS][Tile::N / 8][4];
    float bias[1][4];

    __device__ __forceinline__ TapSums() {
#pragma unroll
        for (int dx = 0; dx < Tile::TAP_COLUMNS; ++dx)
#pragma unroll
            for (int i = 0; i < Tile::N / 2; ++i) taps[dx][i / 4][i % 4] = 0.0f;
#pragma unroll
        for (int i = 0; i < 4; ++i) bias[0][i] = 0.0f;
    }
    __device__ __forceinline__ void hold_all() {
#pragma unroll
        for (int dx = 0; dx < Tile::TAP_COLUMNS; ++dx) hold(taps[dx]);
        if constexpr (Tile::BIAS) hold(bias);
    }
    // sum += dz^T * x moved by each tap, 16 pixels: one group of products, of the fragment of dz and the window's taps.
    __device__ __forceinline__ void add(const uint32_t (&dz)[4], uint64_t window, uint64_t ones) {
        wgmma_fence();
#pragma unroll
        for (int dx = 0; dx < Tile::TAP_COLUMNS; ++dx) wgmma_bf16<Tile::N, true>(taps[dx], dz, window + dx);
        if constexpr (Tile::BIAS) wgmma_bf16<8, true>(bias, dz, ones);
        wgmma_commit();
    }
};

// visit(i, value, row of dw), i < HALF, for the sums of a thread that are of columns g (half 0) or g + 8 (half 1) of its
// warp's 16.
template <int half, class Tile, class Visit>
__device__ __forceinline__ void for_each_sum(TapSums<Tile>& sum, int first_dy, int first_dx, Visit visit) {
    int i = 0;
#pragma unroll
    for (int dx = 0; dx < Tile::TAP_COLUMNS; ++dx)
#pragma unroll
        for (int column = 0; column < Tile::N; column += 8) {
            const int tap = (first_dy + column / Tile::CHANNELS) * Tile::KW + first_dx + dx;
            const int r = tap * Tile::CHANNELS + column % Tile::CHANNELS + threadIdx.x % 4 * 2;
            visit(i++, sum.taps[dx][column / 8][2 * half], r);
            visit(i++, sum.taps[dx][column / 8][2 * half + 1], r + 1);
        }
    if constexpr (Tile::BIAS) visit(i++, sum.bias[0][2 * half], Tile::ROWS - 1);
}

// The sums of both crews are added up: each hands one half to the other and writes the other one, its own. Between the two
// lies a barrier of the block.
//   exchange  (CREWS, HALF, THREADS), which nobody uses any more
template <int CREW, class Tile>
__device__ __forceinline__ void hand_over(TapSums<Tile>& sum, float* exchange, int first_dy, int first_dx) {
    float* to = exchange + (1 - CREW) * Tile::HALF * Tile::THREADS + threadIdx.x % Tile::THREADS;
    for_each_sum<1 - CREW>(sum, first_dy, first_dx, [&](int i, float value, int) { to[i * Tile::THREADS] = value; });
}

//   partial   (ROWS, COLUMNS) of one slice. Lanes of a warp write eight neighbours of four rows: whole sectors.
template <int CREW, class Tile>
__device__ __forceinline__ void write_half(TapSums<Tile>& sum, const float* exchange, float* partial, int first_dy,
                                           int first_dx) {
    const int thread = threadIdx.x % Tile::THREADS, lane = thread % 32;
    const int n = blockIdx.y * Tile::BN + thread / 32 * 16 + 8 * CREW + lane / 4;
    const float* from = exchange + CREW * Tile::HALF * Tile::THREADS + thread;
    if (n >= Tile::COLUMNS) return;
    for_each_sum<CREW>(sum, first_dy, first_dx, [&](int i, float value, int r) {
        if (r < Tile::ROWS - 1 || !Tile::BIAS || (blockIdx.x == 0 && lane % 4 == 0))  // the bias has one row
            partial[r * Tile::COLUMNS + n] = value + from[i * Tile::THREADS];
    });
}

// Stage 1. Slice blockIdx.z takes patches_per_slice patches.
//   x        (frames.images, height, width, CHANNELS);  dz (the same pixels, COLUMNS)
//   partial  (slices, ROWS, COLUMNS)
//   patch_rows  a multiple of PAIR_ROWS; STAGES of so many fit in shared memory for each crew, behind 128 bytes of ones
template <class Tile>
__device__ __forceinline__ void warpgroup_gradient(char* shared, const bf16* x, const bf16* dz, float* partial,
                                                   Frames frames, int patch_rows, int patches_per_slice, int patches) {
    const int pairs = patch_rows / PAIR_ROWS, rows = patch_rows + Tile::KH - 1;
    const int window_size = rows * Tile::ROW_X, stage_size = window_size + patch_rows * Tile::ROW_DZ;
    const int crew = threadIdx.x / Tile::THREADS, thread = threadIdx.x % Tile::THREADS;
    bf16* stages = (bf16*)shared + 8 * PIECE + crew * Tile::STAGES * stage_size;
    const int of_slice = blockIdx.z * patches_per_slice, last = min(of_slice + patches_per_slice, patches);
    const int first = of_slice + crew, count = (last - first + Tile::CREWS - 1) / Tile::CREWS;  // of this crew's patches
    const int across = Tile::KW / Tile::TAP_COLUMNS;
    const int first_dy = blockIdx.x / across * Tile::TAP_ROWS, first_dx = blockIdx.x % across * Tile::TAP_COLUMNS;
    const int lane = thread % 32;
    const int corner_dz = lane / 16 * Tile::ROW_DZ + Tile::place_dz(lane % 8, thread / 32 * 16 + lane / 8 % 2 * 8);
    const uint64_t ones = matrix_descriptor(shared, 0, 0);
    if (threadIdx.x < 4 * PIECE) ((uint32_t*)shared)[threadIdx.x] = cvt_bf16x2(1.0f, 1.0f);
    fence_proxy_async();
    __syncthreads();  // the ones are there, for both crews
    Pieces<Tile> pieces(x, dz, frames.width, patch_rows, thread);
    TapSums<Tile> sum;
    // The second crew begins half a patch later, so that one copies while the other multiplies.
    if (crew == 1) pass_time(patch_rows * PATCH_WIDTH / 32 * Tile::TAP_COLUMNS * Tile::N / 2);

    // Rows of this crew's i-th patch are copied next.
    auto begin = [&](int i) {
        bf16* stage = stages + i % Tile::STAGES * stage_size;
        pieces.begin(stage, stage + window_size, frames, Corner(first + i * Tile::CREWS, frames, patch_rows));
    };
#pragma unroll 1
    for (int i = 0; i < Tile::STAGES - 1; ++i) {
        begin(i);
        pieces.copy(0, i < count ? rows : 0, frames.height);
        cp_async_commit();
    }
    const int rows_a_pair = rows_a_turn(rows, pairs);  // copied beside the products
#pragma unroll 1
    for (int i = 0; i < count; ++i) {
        cp_async_wait<Tile::STAGES - 2>();
        fence_proxy_async();
        // The patch has arrived for the whole crew, and no product of it still reads the stage that is filled next.
        barrier_sync(1 + crew, Tile::THREADS);
        const bf16* now = stages + i % Tile::STAGES * stage_size;
        const bf16* corner = now + window_size + corner_dz;
        uint64_t window = matrix_descriptor(now + first_dy * Tile::ROW_X + first_dx * PIECE,
                                            Tile::ROW_X * int(sizeof(bf16)), Tile::PLANE_X * int(sizeof(bf16)));
        begin(i + Tile::STAGES - 1);
        const int to_copy = i + Tile::STAGES - 1 < count ? rows : 0;
        sum.hold_all();
#pragma unroll 1
        for (int pair = 0; pair < pairs; ++pair) {
            uint32_t even[4], odd[4];
            ldmatrix_x4_trans(even, corner);
            sum.add(even, window, ones);
            pieces.copy(pair * rows_a_pair, min((pair + 1) * rows_a_pair, to_copy), frames.height);
            wgmma_wait<1>();
            ldmatrix_x4_trans(odd, corner + STEP_ROWS * Tile::ROW_DZ);
            sum.add(odd, window + STEP_ROWS * Tile::ROW_X / PIECE, ones);
            wgmma_wait<1>();
            corner += PAIR_ROWS * Tile::ROW_DZ;
            window += PAIR_ROWS * Tile::ROW_X / PIECE;
        }
        cp_async_commit();
        wgmma_wait<0>();
        sum.hold_all();
    }
    __syncthreads();  // no product reads a stage any more
    float* exchange = (float*)((bf16*)shared + 8 * PIECE);
    float* target = partial + (long long)blockIdx.z * Tile::ROWS * Tile::COLUMNS;
    if (crew == 0) {  // no register has a number that only the running program knows
        hand_over<0>(sum, exchange, first_dy, first_dx);
    } else {
        hand_over<1>(sum, exchange, first_dy, first_dx);
    }
    __syncthreads();
    if (crew == 0) {
        write_half<0>(sum, exchange, target, first_dy, first_dx);
    } else {
        write_half<1>(sum, exchange, target, first_dy, first_dx);
    }
}
