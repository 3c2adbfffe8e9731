// The sums of a tiled product as the threads of a block hold them, shared by conv.cuh and weight_gradient.cuh.
//
// A block owns BM = 16 * MT * WARPS_M rows and BN = 8 * NT * WARPS_N columns; a warp MT x NT tiles of 16 x 8, held as
// the accumulator of mma.m16n8k8: with g = lane / 4, t = lane % 4,
//
//              column 2t     2t+1
//     row g    v[.][.][0]  v[.][.][1]          float32 mode multiplies in FFMA with the very same ownership, so all
//     row g+8  v[.][.][2]  v[.][.][3]          precisions share every line but the product itself
#pragma once

#include "common/block_sums.cuh"
#include "common/operand.cuh"

// The distance between rows of so many elements in shared memory, which spreads the rows that a warp reads together
// over all 32 banks (docs/cuda/products.md): floats 8 or 24 modulo 32, bf16 an odd number of 16 bytes. size is a multiple of 8.
__device__ constexpr int shared_stride(int size) { return size % 16 == 8 ? size : size + 8; }

template <int ROWS, int COLUMNS>
struct Accumulators {
    float v[ROWS][COLUMNS][4];
};

// The threads that share a tile: all of a block, but for tiles that say otherwise (warpgroup.cuh).
template <class Tile>
struct Crew : WholeBlock {
    static __device__ __forceinline__ int number() { return 0; }
};

// What a warp holds when the product is complete.
template <class Tile>
using Sums = Accumulators<Tile::OWN_MT, Tile::NT>;

template <int ROWS, int COLUMNS>
__device__ __forceinline__ void clear(Accumulators<ROWS, COLUMNS>& sum) {
#pragma unroll
    for (int i = 0; i < ROWS; ++i)
#pragma unroll
        for (int j = 0; j < COLUMNS; ++j)
#pragma unroll
            for (int q = 0; q < 4; ++q) sum.v[i][j][q] = 0.0f;
}

// Which warp of the block this is, along each direction.
template <class Tile>
struct WarpPlace {
    int m, n, k;
    __device__ __forceinline__ WarpPlace() {
        int warp = threadIdx.x / 32;
        n = warp % Tile::WARPS_N;
        m = warp / Tile::WARPS_N % Tile::WARPS_M;
        k = warp / (Tile::WARPS_N * Tile::WARPS_M);
    }
    // The row and column of the block in this thread's corner of its first tile.
    __device__ __forceinline__ int row_in_block() const {
        return (m * Tile::MT + k * Tile::OWN_MT) * 16 + threadIdx.x % 32 / 4;
    }
    // The row of the block in which this thread's row r of 2 * OWN_MT stands.
    __device__ __forceinline__ int row(int r) const { return row_in_block() + 8 * r; }
    __device__ __forceinline__ int column_in_block() const { return n * Tile::NT * 8 + threadIdx.x % 4 * 2; }
    // The same of the product, where a block has one tile of it.
    __device__ __forceinline__ int own_column() const { return blockIdx.y * Tile::BN + column_in_block(); }
};

// Which row of the product a row of the block is, where a tile's rows follow one another.
struct InOrder {
    int first;
    __device__ __forceinline__ int operator()(int row) const { return first + row; }
};

// visit(m, n, y[m][n], y[m][n+1]) for every pair of neighbouring columns that this thread owns: row m of the product,
// which place tells of a row of the block; column n of the block, which is even.
template <class Tile, class Place, class Visit>
__device__ __forceinline__ void for_each_own_pair(const Sums<Tile>& own, Place place, Visit visit) {
    WarpPlace<Tile> warp;
#pragma unroll
    for (int i = 0; i < Tile::OWN_MT; ++i) {
#pragma unroll
        for (int half = 0; half < 2; ++half) {
            int m = place(warp.row(2 * i + half));
#pragma unroll
            for (int j = 0; j < Tile::NT; ++j)
                visit(m, warp.column_in_block() + 8 * j, own.v[i][j][2 * half], own.v[i][j][2 * half + 1]);
        }
    }
}

// The same where the grid covers the product: visit(m, n, ..) with column n of the product, m < rows and n < COLUMNS.
template <class Tile, class Visit>
__device__ __forceinline__ void for_each_pair(const Sums<Tile>& own, int rows, Visit visit) {
    for_each_own_pair<Tile>(own, InOrder{int(blockIdx.x) * Tile::BM}, [&](int m, int column, float first, float second) {
        int n = blockIdx.y * Tile::BN + column;
        if (m < rows && n < Tile::COLUMNS) visit(m, n, first, second);
    });
}

// Columns n and n + 1 of a row: target points at n, which is even; both: whether n + 1 is one. WIDTH: of the row.
template <int WIDTH, class Element>
__device__ __forceinline__ void put_pair(Element* target, bool both, float first, float second) {
    if constexpr (WIDTH % 2 == 0) {
        put2(target, first, second);
    } else {
        put(target, first);
        if (both) put(target + 1, second);
    }
}
