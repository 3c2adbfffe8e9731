// What a ConvLSTM does for the BatchNormalization behind it, where that alone reads h: two passes over h that
// batch_norm.cu then leaves out. The equations are those of batch_norm.cu with x = h, n = T*B*H*W.
//
//     forward, where h is written                       backward, where dh is read, from dy of the BatchNormalization
//     (1), (2)  sum(h), sum(h^2)                        dh = dx = a * (dy - b - (h - mean) * e)
//
//                                                       a = gamma / deviation            b = dbeta / n
//                                                       e = dgamma / (n * deviation)     deviation = sqrt(variance
//                                                                                                         + epsilon)
//
// The mean stays apart: multiplied out, dy and h would have one factor each and one shift, and a large mean would cost
// the digits that h differs in.
//
// Constants: SPEC_F, the filters.
#pragma once

#include "common/accumulators.cuh"

// (1), (2): the sums over what a block writes of h, a tile of BM pixels x FILTERS filters, in float64, frame after
// frame. h is read back from where it has just been written, as it is stored, and a thread sums one filter of every
// GROUPS-th pixel: those that computed h hold parts of several filters, whose sums would take more registers than there
// are.
template <class Tile, int FILTERS>
struct StateSums {
    static constexpr int THREADS = Tile::THREADS, GROUPS = THREADS / FILTERS;
    static constexpr int BYTES = 2 * int(sizeof(double)) * Tile::BLOCK_THREADS;
    static_assert(GROUPS > 0, "a thread for each filter");
    int thread;
    double* shared;  // (2, THREADS) of this crew

    __device__ __forceinline__ explicit StateSums(char* of_all_crews)
        : thread(Crew<Tile>::thread()), shared((double*)of_all_crews + 2 * THREADS * Crew<Tile>::number()) {}

    __device__ __forceinline__ void clear() const { shared[thread] = shared[THREADS + thread] = 0.0; }

    // Adds a tile of a frame, h (pixels, F); place tells the pixel of a row of the tile. A barrier lies between what the
    // block wrote of it and this.
    template <class Place>
    __device__ __forceinline__ void add(const OPERAND* h, Place place, int pixels) const {
        const int group = thread / FILTERS, filter = blockIdx.y * FILTERS + thread % FILTERS;
        if (group >= GROUPS || filter >= SPEC_F) return;
        constexpr int EACH = (Tile::BM + GROUPS - 1) / GROUPS, ASKED = EACH < 12 ? EACH : 8;  // for together
        double sum = shared[thread], squares = shared[THREADS + thread];
#pragma unroll 1
        for (int first = group; first < Tile::BM; first += ASKED * GROUPS) {
            float values[ASKED];
#pragma unroll
            for (int i = 0; i < ASKED; ++i) {
                const int row = first + i * GROUPS, m = row < Tile::BM ? place(row) : pixels;
                values[i] = m < pixels ? widen(h[(long long)m * SPEC_F + filter]) : 0.0f;
            }
#pragma unroll
            for (int i = 0; i < ASKED; ++i) {
                const double value = values[i];
                sum += value;
                squares += value * value;
            }
        }
        shared[thread] = sum;
        shared[THREADS + thread] = squares;
    }

    // partial (tiles, 2, F), each tile's own: written, or added to what earlier frames have left there.
    __device__ __forceinline__ void finish(double* partial, int tile, bool earlier) const {
        sum_rows<2, GROUPS, FILTERS, THREADS, Crew<Tile>>(shared);
        const int filter = blockIdx.y * FILTERS + thread;
        if (thread >= FILTERS || filter >= SPEC_F) return;
#pragma unroll
        for (int q = 0; q < 2; ++q) {
            double* target = partial + (2LL * tile + q) * SPEC_F + filter;
            *target = (earlier ? *target : 0.0) + shared[q * THREADS + thread];
        }
    }
};

// dh from the coefficients a, b, mean, e of its filter.
__device__ __forceinline__ float norm_backward(float4 coefficients, float dy, float h) {
    return coefficients.x * (dy - coefficients.y - (h - coefficients.z) * coefficients.w);
}
