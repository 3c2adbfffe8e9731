// The forward recurrence of a ConvLSTM, all steps in one launch. The same equations, arithmetic and arrays as
// step_forward of conv_lstm.cu; how the blocks work together is told in persistent.cuh.
//
//     t = 0 .. T-1     (1)  z = input + conv(h_prev, recurrent_kernel)        (2) .. (5)  gates, c, h from z and c_prev
//
// c stays in the registers of the thread that owns it. A block has all four gates of its filters
// (conv_lstm_cell.cuh), so h is all that blocks exchange, through memory, where it has to go anyway.
//
// Constants: those of conv_lstm_cell.cuh; TF32, BF16, OPERAND; and FORWARD, the tile of persistent_tiles.py.

#include "batch_norm_link.cuh"
#include "conv_lstm_cell.cuh"
#include "persistent.cuh"

using Tile = WindowTile<F, KH, KW, FORWARD>;
constexpr int PAIRS = Tile::NT / 2;       // of accumulator tiles: a pair holds the gates of one filter of this thread
constexpr int ROWS = 2 * Tile::OWN_MT;    // pixels of a thread
constexpr int FILTERS = Tile::BN / 4;     // of a block
static_assert(Tile::NT % 2 == 0 && Tile::COLUMNS == Tile::BN, "a block has all four gates of its filters");
using Statistics = StateSums<Tile::BM, FILTERS, Tile::THREADS>;

// recurrent_kernel (kh,kw,F,4F) -> packed (groups, SLABS, COLUMNS, WEIGHT_STRIDE).
extern "C" __global__ void pack_persistent_forward(const float* recurrent_kernel, OPERAND* packed, int groups) {
    pack_windows<Tile>(packed, groups, [&](int tap, int channel, int group, int n) {
        return gate_weight(recurrent_kernel, F, tap, channel, group * Tile::BN + n);
    });
}

// Which states a thread owns: row r, pair p is filter(p) of pixel(r), and its sums stand in tiles 2p and 2p + 1.
struct Owned {
    int first_pixel, first_filter;
    __device__ __forceinline__ Owned() {
        WarpPlace<Tile> warp;
        first_pixel = warp.own_row();
        first_filter = warp.own_column() / 16 * 4 + threadIdx.x % 4;
    }
    __device__ __forceinline__ int pixel(int r) const { return first_pixel + 8 * r; }
    __device__ __forceinline__ int filter(int p) const { return first_filter + 4 * p; }
    __device__ __forceinline__ long long at(int r, int p) const { return (long long)pixel(r) * F + filter(p); }
};

// One row of pixels of this thread: z -> gates (in the place of z, if they are kept), c (if it is kept) and h.
__device__ __forceinline__ void advance_row(const Sums<Tile>& sum, Owned own, int r, float* cell, OPERAND* z, float* c,
                                            OPERAND* h, bool keep) {
    float4 input[PAIRS];  // read before anything is written: one wait for memory, not one for each pair
#pragma unroll
    for (int p = 0; p < PAIRS; ++p)
        if (own.filter(p) < F) input[p] = get4(z + 4 * own.at(r, p));
#pragma unroll
    for (int p = 0; p < PAIRS; ++p) {
        if (own.filter(p) >= F) continue;
        long long at = own.at(r, p);
        const float* left = &sum.v[r / 2][2 * p][r % 2 * 2];
        const float* right = &sum.v[r / 2][2 * p + 1][r % 2 * 2];
        const float4 v = input[p];
        const Cell next = cell_forward(
            make_float4(v.x + left[0], v.y + left[1], v.z + right[0], v.w + right[1]), cell[p]);  // (2) .. (5)
        cell[p] = next.c;
        if (keep) {
            put4(z + 4 * at, next.gates);
            c[at] = next.c;
        }
        put(h + at, next.h);
    }
}

// (1), the recurrent term, then (2) .. (5), frames 0 .. T-1.
//   h0, c0  (B,H,W,F) or null (zeros)
//   z       (T,B,H,W,F,4): the input term -> with keep the gates, for backward
//   c       (T,B,H,W,F) with keep; else (B,H,W,F), the last one
//   h       (T,B,H,W,F)
//   partial (tiles, 2, F): the sums of h and h^2 for a linked BatchNormalization (batch_norm_link.cuh); null: nobody
//           wants them. They wait in shared memory, in front of what persistent.cuh keeps there.
//   flags   one for each block (persistent.cuh), 0 before the first launch
extern "C" __global__ void __launch_bounds__(Tile::THREADS, 1)
    persistent_forward(const OPERAND* h0, const OPERAND* packed, OPERAND* z, const float* c0, float* c, OPERAND* h,
                       double* partial, uint32_t* flags, int steps, int keep, int images, int height, int width) {
    DYNAMIC_SHARED(char, shared);
    const Frames frames{images, images, height, width};
    const Statistics statistics{(double*)shared};
    const Recurrence<Tile> recurrence(shared + Statistics::BYTES, packed, flags, frames);
    const long long states = (long long)frames.pixels() * F;
    const int first_gate = blockIdx.y * FILTERS * 4, gates = min(FILTERS * 4, 4 * F - first_gate);
    const Owned own;
    const InOrder place{int(blockIdx.x) * Tile::BM};
    float cell[ROWS][PAIRS];
#pragma unroll
    for (int r = 0; r < ROWS; ++r)
#pragma unroll
        for (int p = 0; p < PAIRS; ++p) {
            bool inside = own.pixel(r) < frames.pixels() && own.filter(p) < F;
            cell[r][p] = c0 != nullptr && inside ? c0[own.at(r, p)] : 0.0f;
        }
    statistics.clear();
#pragma unroll 1
    for (int t = 0; t < steps; ++t, z += 4 * states) {
        Sums<Tile> sum;
        clear(sum);
        prefetch_tile<Tile>(z, place, frames.pixels(), 4 * F, first_gate, gates);
        if (t > 0) recurrence.wait_for(t);
        const OPERAND* h_prev = t > 0 ? h + (t - 1) * states : h0;
        if (h_prev != nullptr) recurrence.convolve<true>(sum, h_prev);  // (1)
#pragma unroll
        for (int r = 0; r < ROWS; ++r)
            if (own.pixel(r) < frames.pixels())
                advance_row(sum, own, r, cell[r], z, keep ? c + t * states : nullptr, h + t * states, keep);
        recurrence.publish(t + 1);
        if (partial != nullptr) statistics.add(h + t * states, place, frames.pixels());  // flags are on their way
    }
    if (partial != nullptr) statistics.finish(partial, blockIdx.x, false);
    if (keep) return;
#pragma unroll
    for (int r = 0; r < ROWS; ++r)
#pragma unroll
        for (int p = 0; p < PAIRS; ++p)
            if (own.pixel(r) < frames.pixels() && own.filter(p) < F) c[own.at(r, p)] = cell[r][p];
}
