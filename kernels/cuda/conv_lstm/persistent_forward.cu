// The forward recurrence of a ConvLSTM, all steps in one launch. The same equations, arithmetic and arrays as
// step_forward of conv_lstm.cu; how the blocks work together is told in persistent.cuh.
//
//     t = 0 .. T-1     (1)  z = input + conv(h_prev, recurrent_kernel)        (2) .. (5)  gates, c, h from z and c_prev
//
// c stays in the registers of the thread that owns it. A block has all four gates of its filters
// (conv_lstm_cell.cuh), so h is all that blocks exchange, through memory, where it has to go anyway.
//
// Constants: those of conv_lstm_cell.cuh; TF32, BF16, OPERAND; and TILE and FORWARD, the kind of
// tile and the tile of persistent_tiles.py.

#include "batch_norm/batch_norm_link.cuh"
#include "conv_lstm/conv_lstm_cell.cuh"
#include "products/convolution.cuh"
#include "conv_lstm/persistent.cuh"

using Tile = TILE<F, KH, KW, FORWARD>;
constexpr int PAIRS = Tile::NT / 2;       // of accumulator tiles: a pair holds the gates of one filter of this thread
constexpr int ROWS = 2 * Tile::OWN_MT;    // pixels of a thread
constexpr int FILTERS = Tile::BN / 4;     // of a block
// Whether two rows of z are read while the products run, and each other one when the second before it is done.
constexpr bool AHEAD = BY_GROUPS<Tile>;
static_assert(Tile::NT % 2 == 0 && Tile::COLUMNS == Tile::BN, "a block has all four gates of its filters");
using Statistics = StateSums<Tile, FILTERS>;

// recurrent_kernel (kh,kw,F,4F) -> packed, as the tile wants it.
extern "C" __global__ void pack_persistent_forward(const float* recurrent_kernel, OPERAND* packed, int groups) {
    pack_tile<Tile>(packed, groups, [&](int tap, int channel, int group, int n) {
        return gate_weight(recurrent_kernel, F, tap, channel, group * Tile::BN + n);
    });
}

// Which states a thread owns: row r, pair p is filter(p) of pixel(r), and its sums stand in tiles 2p and 2p + 1.
struct Owned {
    OwnPixels<Tile> pixel;
    int first_filter;
    template <class Place>
    __device__ __forceinline__ Owned(Place place) : pixel(place) {
        first_filter = WarpPlace<Tile>().own_column() / 16 * 4 + threadIdx.x % 4;
    }
    __device__ __forceinline__ int filter(int p) const { return first_filter + 4 * p; }
    __device__ __forceinline__ bool has(int p) const { return F % FILTERS == 0 || filter(p) < F; }
    __device__ __forceinline__ long long at(int r, int p) const { return (long long)pixel(r) * F + filter(p); }
};

// Each access stands under a condition of its own, and the arithmetic under none: a row that is no pixel is computed too,
// and no branch keeps the compiler from computing one row beside another.

// z of one row of pixels of this thread.
__device__ __forceinline__ void read_row(Quad<GATE>* input, const Owned& own, int r, const GATE* z, int pixels) {
#pragma unroll
    for (int p = 0; p < PAIRS; ++p)
        input[p] = own.pixel(r) < pixels && own.has(p) ? quad(z + 4 * own.at(r, p)) : Quad<GATE>{};
}

// That row: its sums become the gates, cell is advanced, h is written.
__device__ __forceinline__ void advance_row(Sums<Tile>& sum, const Owned& own, int r, const Quad<GATE>* input,
                                            float* cell, OPERAND* h, int pixels) {
#pragma unroll
    for (int p = 0; p < PAIRS; ++p) {
        float* left = &sum.v[r / 2][2 * p][r % 2 * 2];
        float* right = &sum.v[r / 2][2 * p + 1][r % 2 * 2];
        const float4 v = widen(input[p]);
        const Cell next = cell_forward(
            make_float4(v.x + left[0], v.y + left[1], v.z + right[0], v.w + right[1]), cell[p]);  // (2) .. (5)
        cell[p] = next.c;
        left[0] = next.gates.x;
        left[1] = next.gates.y;
        right[0] = next.gates.z;
        right[1] = next.gates.w;
        if (own.pixel(r) < pixels && own.has(p)) put(h + own.at(r, p), next.h);
    }
}

// The gates and c of that row, for backward.
__device__ __forceinline__ void keep_row(const Sums<Tile>& sum, const Owned& own, int r, const float* cell, GATE* z,
                                         GATE* kept_c, int pixels) {
#pragma unroll
    for (int p = 0; p < PAIRS; ++p) {
        const float* left = &sum.v[r / 2][2 * p][r % 2 * 2];
        const float* right = &sum.v[r / 2][2 * p + 1][r % 2 * 2];
        if (own.pixel(r) >= pixels || !own.has(p)) continue;
        put4(z + 4 * own.at(r, p), make_float4(left[0], left[1], right[0], right[1]));
        put(kept_c + own.at(r, p), cell[p]);
    }
}

// (1), the recurrent term, then (2) .. (5), frames 0 .. T-1.
//   h0, c0  (B,H,W,F) or null (zeros)
//   z       (T,B,H,W,F,4): the input term -> with kept_c the gates, for backward
//   kept_c  (T,B,H,W,F): c, for backward; null: nobody wants it
//   c       (B,H,W,F): the last one
//   h       (T,B,H,W,F)
//   partial (tiles, 2, F): the sums of h and h^2 for a linked BatchNormalization (batch_norm_link.cuh); null: nobody
//           wants them. They wait in shared memory, in front of what persistent.cuh keeps there.
//   flags   one for each block (persistent.cuh), 0 before the first launch
extern "C" __global__ void __launch_bounds__(Tile::BLOCK_THREADS, 1)
    persistent_forward(const OPERAND* h0, const OPERAND* packed, GATE* z, const float* c0, GATE* kept_c, float* c,
                       OPERAND* h, double* partial, uint32_t* flags, int steps, int images, int height, int width) {
    DYNAMIC_SHARED(char, shared);
    const Frames frames{images, images, height, width};
    const Statistics statistics(shared);
    const Recurrence<Tile> recurrence(shared + Statistics::BYTES, packed, flags, nullptr, frames);
    const long long states = (long long)frames.pixels() * F;
    const int first_gate = blockIdx.y * FILTERS * 4, gates = min(FILTERS * 4, 4 * F - first_gate);
    if (!recurrence.works()) return;
    const auto place = recurrence.place();
    const Owned own(place);
    float cell[ROWS][PAIRS];
#pragma unroll
    for (int r = 0; r < ROWS; ++r)
#pragma unroll
        for (int p = 0; p < PAIRS; ++p) {
            bool inside = own.pixel(r) < frames.pixels() && own.has(p);
            cell[r][p] = c0 != nullptr && inside ? c0[own.at(r, p)] : 0.0f;
        }
    statistics.clear();
#pragma unroll 1
    for (int t = 0; t < steps; ++t, z += 4 * states) {
        Sums<Tile> sum;
        clear(sum);
        Quad<GATE> input[2][PAIRS];
#pragma unroll
        for (int r = 0; AHEAD && r < 2; ++r) read_row(input[r], own, r, z, frames.pixels());
        if (t + 1 < steps)
            prefetch_tile<Tile, Tile::BN>(z + 4 * states, place, frames.pixels(), 4 * F, first_gate, gates);
        if (t > 0) recurrence.wait_for(t);
        const OPERAND* h_prev = t > 0 ? h + (t - 1) * states : h0;
        if (h_prev != nullptr) recurrence.convolve<true>(sum, h_prev, t);  // (1)
#pragma unroll
        for (int r = 0; r < ROWS; ++r) {
            if (!AHEAD) read_row(input[r % 2], own, r, z, frames.pixels());
            advance_row(sum, own, r, input[r % 2], cell[r], h + t * states, frames.pixels());
            if (AHEAD && r + 2 < ROWS) read_row(input[r % 2], own, r + 2, z, frames.pixels());
        }
        recurrence.publish(t + 1);
        // Flags are on their way: what no other block waits for comes now.
        if (kept_c != nullptr) {
#pragma unroll
            for (int r = 0; r < ROWS; ++r) keep_row(sum, own, r, cell[r], z, kept_c + t * states, frames.pixels());
        }
        if (partial != nullptr) statistics.add(h + t * states, place, frames.pixels());
    }
    if (partial != nullptr) statistics.finish(partial, recurrence.tile, false);
#pragma unroll
    for (int r = 0; r < ROWS; ++r)
#pragma unroll
        for (int p = 0; p < PAIRS; ++p)
            if (own.pixel(r) < frames.pixels() && own.has(p)) c[own.at(r, p)] = cell[r][p];
}
