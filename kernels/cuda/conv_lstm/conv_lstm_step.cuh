// One frame of the recurrence for a tile of pixels, from the sums of its recurrent convolution: what kernels with one
// launch a frame share. Numbers of equations are those of conv_lstm.cu.
#pragma once

#include "batch_norm/batch_norm_link.cuh"
#include "conv_lstm/conv_lstm_cell.cuh"

// (2) .. (5), from the sums of (1); place tells the pixel of a row of the tile.
//   z (B,H,W,F,4); c_prev (B,H,W,F) or null (zeros); c, h (B,H,W,F), c may be c_prev
//   gates (B,H,W,F,4), kept_c (B,H,W,F): the activations i, f, g, o, which may be z, and c for backward; null keeps none
template <class Tile, class Place>
__device__ __forceinline__ void advance_tile(const Sums<Tile>& sum, Place place, int pixels, const GATE* z,
                                             const float* c_prev, GATE* gates, GATE* kept_c, float* c, OPERAND* h) {
    for_each_channel<Tile>(sum, place, pixels, [&](int m, int channel, float4 v) {
        long long at = (long long)m * F + channel;
        const float4 input = get4(z + 4 * at);
        const float4 sums = make_float4(input.x + v.x, input.y + v.y, input.z + v.z, input.w + v.w);
        const Cell cell = cell_forward(sums, c_prev == nullptr ? 0.0f : c_prev[at]);  // (2) .. (5)
        if (gates != nullptr) {
            put4(gates + 4 * at, cell.gates);
            put(kept_c + at, cell.c);
        }
        c[at] = cell.c;
        put(h + at, cell.h);
    });
}

// What a linked BatchNormalization wants of the h that the block has just written there: partial (tiles, 2, F), where
// earlier frames may have left theirs. shared: StateSums::BYTES that no one uses. Begins with a barrier.
template <class Tile, class Place>
__device__ __forceinline__ void sum_tile(char* shared, const OPERAND* h, int tile, Place place, int pixels,
                                         double* partial, bool earlier) {
    const StateSums<Tile, Tile::BN / 4> sums(shared);
    Crew<Tile>::barrier();
    sums.clear();
    sums.add(h, place, pixels);
    sums.finish(partial, tile, earlier);
}

// Backward of (5) .. (2), from the sums of (1): column n of the block is filter first + n, if n < filters.
//   gates (B,H,W,F,4) and kept_c (B,H,W,F) as forward left them; kept_c_prev (B,H,W,F), or null, then c0 (B,H,W,F) or null
//   (zeros); dh (B,H,W,F)
//   coefficients (F, 4), h (B,H,W,F): of a linked BatchNormalization, whose dy dh then is (batch_norm_link.cuh); or null
//   dc_next (B,H,W,F), or null (zeros): gradient of c from what comes after; dc (B,H,W,F), which may be the same: of c_prev
//   dz (B,H,W,F,4)
template <class Tile, class Place>
__device__ __forceinline__ void retreat_tile(const Sums<Tile>& sum, Place place, int pixels, int first, int filters,
                                             const GATE* gates, const GATE* kept_c,
                                             const GATE* kept_c_prev, const float* c0, const OPERAND* dh,
                                             const float* coefficients, const OPERAND* h, const float* dc_next,
                                             float* dc, OPERAND* dz) {
    auto gate_gradient = [&](int m, int channel, float dh_next) {
        long long at = (long long)m * F + channel;
        const float before = kept_c_prev != nullptr ? widen(kept_c_prev[at]) : c0 == nullptr ? 0.0f : c0[at];
        const float dc_t = dc_next == nullptr ? 0.0f : dc_next[at];
        float dh_t = widen(dh[at]);
        if (h != nullptr) dh_t = norm_backward(get4(coefficients + 4 * channel), dh_t, widen(h[at]));
        const CellGradient d =
            cell_backward(get4(gates + 4 * at), widen(kept_c[at]), before, dh_t + dh_next, dc_t);  // (5) .. (2)
        dc[at] = d.dc_prev;
        put4(dz + 4 * at, d.dz);
    };
    for_each_own_pair<Tile>(sum, place, [&](int m, int n, float left, float right) {
        if (m >= pixels || n >= filters) return;
        gate_gradient(m, first + n, left);
        if (n + 1 < filters) gate_gradient(m, first + n + 1, right);
    });
}
