// The backward recurrence of a ConvLSTM, all steps in one launch. The same equations, arithmetic and arrays as
// step_backward of conv_lstm.cu; how the blocks work together is told in persistent.cuh.
//
//     forward, t = 0 .. T-1                                     here, t = T-1 .. 0
//     (1)        z = input + conv(h_prev, recurrent_kernel)     dh = dh_t + conv^T(dz_next, recurrent_kernel)
//     (2)..(5)   gates, c, h from z and c_prev                  dz, dc_prev from dh, dc_next, the gates, c and c_prev
//
// dc and c stay in the registers of the thread that owns them; dz goes through memory, where the gradients of weights
// and inputs, one product each over all frames, find it afterwards.
//
// Constants: those of conv_lstm_cell.cuh; TF32, BF16, OPERAND; and TILE and BACKWARD, the kind of
// tile and the tile of persistent_tiles.py.

#include "batch_norm/batch_norm_link.cuh"
#include "conv_lstm/conv_lstm_cell.cuh"
#include "products/convolution.cuh"
#include "conv_lstm/persistent.cuh"

using Tile = TILE<4 * F, KH, KW, BACKWARD>;
constexpr int ROWS = 2 * Tile::OWN_MT;  // pixels of a thread
constexpr int STATES = 2 * Tile::NT;    // filters of each
// Rows that are read while the products run. The others follow in their turns: each while the one before it is computed, where
// sums, c, dc and two rows leave registers for the rest; in bf16 compilers were seen to spill for it.
constexpr int AHEAD = BY_GROUPS<Tile> ? 1 : 0;
constexpr int REGISTERS = Tile::BLOCK_THREADS > 384 ? 128 : Tile::BLOCK_THREADS > 256 ? 168 : 255;
constexpr bool BESIDE = !BF16 && 4 * Tile::MT * Tile::NT + 2 * ROWS * STATES + 2 * STATES * 5 + 40 <= REGISTERS;
static_assert(8 * Tile::NT == Tile::BN, "a warp has all columns of its block");

// The first filter of a block.
__device__ __forceinline__ int first_filter() { return Tile::SPLIT > 1 ? 0 : blockIdx.y * Tile::COLUMNS; }

// The column of the block whose sums stand in column n of its products. On warpgroup products a thread has columns 4 apart
// of each eight: those of four neighbouring lanes are then neighbours, and so are their gates in memory.
__device__ __forceinline__ int column_of(int n) { return BY_GROUPS<Tile> ? n / 8 * 8 + n % 2 * 4 + n % 8 / 2 : n; }

// recurrent_kernel (kh,kw,F,4F) -> packed, as the tile wants it.
extern "C" __global__ void pack_persistent_backward(const float* recurrent_kernel, OPERAND* packed, int groups) {
    pack_tile<Tile>(packed, groups, [&](int tap, int gate_channel, int group, int n) {
        return flipped_weight(recurrent_kernel, F, tap, gate_channel, group * Tile::COLUMNS + column_of(n));
    });
}

// Which states a thread owns: row r, state s is column(s) of pixel(r), if it has(s); its sum stands in tile s / 2.
struct Owned {
    OwnPixels<Tile> pixel;
    int first;  // filter of the block
    template <class Place>
    __device__ __forceinline__ Owned(Place place) : pixel(place), first(first_filter()) {}
    static __device__ __forceinline__ int column(int s) {
        return column_of(s / 2 * 8 + threadIdx.x % 4 * 2 + s % 2);
    }
    __device__ __forceinline__ bool has(int s) const { return column(s) < Tile::COLUMNS && first + column(s) < F; }
    __device__ __forceinline__ long long at(int r, int s) const {
        return (long long)pixel(r) * F + first + column(s);
    }
    static __device__ __forceinline__ float sum_of(const Sums<Tile>& sum, int r, int s) {
        return sum.v[r / 2][s / 2][r % 2 * 2 + s % 2];
    }
};

// What one row of pixels of this thread reads, as it stands in memory: nobody waits for it before it is needed.
struct Row {
    Quad<GATE> gates[STATES];
    GATE c_prev[STATES];
    OPERAND dh[STATES], h[STATES];
};

// Each access stands under a condition of its own, and the arithmetic under none: a row that is no pixel is computed too,
// and no branch keeps the compiler from computing one row beside another.

// c_prev null: that is c0, which null is zeros. h null: dh is what it says, else dy of a linked BatchNormalization.
__device__ __forceinline__ void read_row(Row& row, const Owned& own, int r, const GATE* gates, const GATE* c_prev,
                                         const float* c0, const OPERAND* dh, const OPERAND* h, int pixels) {
    const bool exists = own.pixel(r) < pixels;
#pragma unroll
    for (int s = 0; s < STATES; ++s) {
        row.gates[s] = exists && own.has(s) ? quad(gates + 4 * own.at(r, s)) : Quad<GATE>{};
        row.c_prev[s] = c_prev != nullptr && exists && own.has(s) ? c_prev[own.at(r, s)] : GATE{};
        if (c_prev == nullptr && c0 != nullptr && exists && own.has(s)) put(row.c_prev + s, c0[own.at(r, s)]);
        row.dh[s] = exists && own.has(s) ? dh[own.at(r, s)] : OPERAND{};
        row.h[s] = h != nullptr && exists && own.has(s) ? h[own.at(r, s)] : OPERAND{};
    }
}

// dz of that row and this frame; c -> c_prev, dc -> its gradient. coefficients null: nothing is linked.
__device__ __forceinline__ void retreat_row(const Sums<Tile>& sum, const Owned& own, int r, const Row& row, float* c,
                                            float* dc, const float4* coefficients, OPERAND* dz, int pixels) {
#pragma unroll
    for (int s = 0; s < STATES; ++s) {
        const float dh_next = Owned::sum_of(sum, r, s);
        float dh_t = widen(row.dh[s]);
        if (coefficients != nullptr && own.has(s))
            dh_t = norm_backward(coefficients[own.column(s)], dh_t, widen(row.h[s]));
        const CellGradient d =
            cell_backward(widen(row.gates[s]), c[s], widen(row.c_prev[s]), dh_t + dh_next, dc[s]);  // (5) .. (2)
        c[s] = widen(row.c_prev[s]);
        dc[s] = d.dc_prev;
        if (own.pixel(r) < pixels && own.has(s)) put4(dz + 4 * own.at(r, s), d.dz);
    }
}

// Backward of (1), the recurrent term, then of (5) .. (2), frames T-1 .. 0.
//   gates  (T,B,H,W,F,4) and kept_c (T,B,H,W,F) as forward left them; c0 (B,H,W,F) or null (zeros); dh (T,B,H,W,F)
//   coefficients (F, 4), h (T,B,H,W,F): of a linked BatchNormalization, whose dy dh then is (batch_norm_link.cuh); or
//          null, both. The block's coefficients stand in shared memory, in front of what persistent.cuh keeps there.
//   dz     (T,B,H,W,F,4)
//   dc_last (B,H,W,F): the gradient that reaches the last c, or null (zeros)
//   dc0, dh0  (B,H,W,F): the gradients of the state before the first frame; null, both, if nobody asks for them
//   flags  one for each block (persistent.cuh), 0 before the first launch; exchange: see there, or null
extern "C" __global__ void __launch_bounds__(Tile::BLOCK_THREADS, 1)
    persistent_backward(const OPERAND* packed, const GATE* gates, const GATE* kept_c, const float* c0,
                        const OPERAND* dh, const float* coefficients, const OPERAND* h, OPERAND* dz,
                        const float* dc_last, float* dc0, float* dh0, uint32_t* flags, float* exchange, int steps, int images, int height, int width) {
    DYNAMIC_SHARED(char, shared);
    const Frames frames{images, images, height, width};
    float4* own_coefficients = (float4*)shared;
    if (h != nullptr)
#pragma unroll 1
        for (int i = threadIdx.x; i < min(Tile::COLUMNS, F - first_filter()); i += Tile::BLOCK_THREADS)
            own_coefficients[i] = get4(coefficients + 4 * (first_filter() + i));
    if (!BY_GROUPS<Tile>) __syncthreads();  // with groups one follows, behind which crews begin one after another
    const Recurrence<Tile> recurrence(shared + Tile::COLUMNS * sizeof(float4), packed, flags, exchange, frames);
    const long long states = (long long)frames.pixels() * F;
    const int first = first_filter(), filters = min(Tile::COLUMNS, F - first);
    if (!recurrence.works()) return;
    const auto place = recurrence.place();
    const Owned own(place);
    float cell[ROWS][STATES], dc[ROWS][STATES];
    auto begin = [&](float(&value)[ROWS][STATES], auto read) {
#pragma unroll
        for (int r = 0; r < ROWS; ++r)
#pragma unroll
            for (int s = 0; s < STATES; ++s)
                value[r][s] = own.pixel(r) < frames.pixels() && own.has(s) ? read(own.at(r, s)) : 0.0f;
    };
    begin(dc, [&](long long at) { return dc_last == nullptr ? 0.0f : dc_last[at]; });
    begin(cell, [&](long long at) { return widen(kept_c[(steps - 1) * states + at]); });
#pragma unroll 1
    for (int t = steps - 1; t >= 0; --t) {
        Sums<Tile> sum;
        clear(sum);
        Row rows[2];
        const GATE* c_prev = t > 0 ? kept_c + (t - 1) * states : nullptr;
        auto read = [&](int r) {
            read_row(rows[r % 2], own, r, gates + 4 * t * states, c_prev, c0, dh + t * states,
                     h == nullptr ? nullptr : h + t * states, frames.pixels());
        };
#pragma unroll
        for (int r = 0; r < AHEAD; ++r) read(r);
        if (t > 0) {  // what the next step reads
            auto prefetch = [&](const auto* array) {
                prefetch_tile<Tile, Tile::COLUMNS>(array, place, frames.pixels(), F, first, filters);
            };
            prefetch_tile<Tile, 4 * Tile::COLUMNS>(gates + 4 * (t - 1) * states, place, frames.pixels(), 4 * F,
                                                   4 * first, 4 * filters);
            prefetch(dh + (t - 1) * states);
            if (h != nullptr) prefetch(h + (t - 1) * states);
            if (t > 1) prefetch(kept_c + (t - 2) * states);
        }
        if (t + 1 < steps) {
            recurrence.wait_for(steps - 1 - t);
            recurrence.convolve<false>(sum, dz + 4 * (t + 1) * states, steps - 1 - t);  // (1)
        }
#pragma unroll
        for (int r = 0; r < ROWS; ++r) {
            if ((BESIDE || AHEAD == 0) && r + AHEAD < ROWS) read(r + AHEAD);
            retreat_row(sum, own, r, rows[r % 2], cell[r], dc[r], h == nullptr ? nullptr : own_coefficients,
                        dz + 4 * t * states, frames.pixels());
            if (!BESIDE && AHEAD == 1 && r + 1 < ROWS) read(r + 1);
        }
        recurrence.publish(steps - t);
    }
    if (dh0 == nullptr) return;
    Sums<Tile> sum;
    clear(sum);
    recurrence.wait_for(steps);
    recurrence.convolve<false>(sum, dz, steps);  // (1), what reaches the state before the first frame
#pragma unroll
    for (int r = 0; r < ROWS; ++r)
#pragma unroll
        for (int s = 0; s < STATES; ++s)
            if (own.pixel(r) < frames.pixels() && own.has(s)) {
                dh0[own.at(r, s)] = Owned::sum_of(sum, r, s);
                dc0[own.at(r, s)] = dc[r][s];
            }
}
