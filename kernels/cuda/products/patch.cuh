// Patches: what a block of windowed_gradient.cuh or warpgroup_gradient_bf16.cuh copies at a time, x with the pixels around
// it that the taps reach (the window) and dz.
//
// A patch is so many rows of PATCH_WIDTH pixels of one image. For one tap the factor of pixel (y, x) of the patch is
// pixel (y + tap / KW, x + tap % KW) of the window, whatever the frame's width. Outside the image both are zeros.
//
//     one stage of shared memory                           window
//     +---------------------------------------------+      +-- WINDOW_WIDTH -----+
//     | window[rows + KH - 1], rows of ROW_X        |      | KH/2 rows           |   WINDOW_WIDTH =
//     |     elements, in them WINDOW_WIDTH pixels   |      | KW/2 [ patch ] KW/2 |   PATCH_WIDTH + KW - 1
//     | dz[rows], rows of ROW_DZ elements,          |      | KH/2 rows           |
//     |     in them PATCH_WIDTH pixels              |      +---------------------+
//     +---------------------------------------------+
//
// Where in a row an element stands is the tile's to say: place_x(pixel, channel), place_dz(pixel, column).
#pragma once

#include "common/accumulators.cuh"
#include "common/window.cuh"

constexpr int PATCH_WIDTH = 8;

// The first pixel of a patch. Patches are numbered along rows, then down an image, then image by image.
struct Corner {
    int image, y, x;
    __device__ __forceinline__ Corner(int patch, Frames frames, int patch_rows) {
        int across = (frames.width + PATCH_WIDTH - 1) / PATCH_WIDTH;
        int down = (frames.height + patch_rows - 1) / patch_rows;
        image = patch / (across * down);
        y = patch / across % down * patch_rows;
        x = patch % across * PATCH_WIDTH;
    }
};

// NUMBER neighbours, or zeros.
template <int NUMBER>
__device__ __forceinline__ void copy_or_zeros(OPERAND* to, const OPERAND* from, bool exists) {
    if constexpr (NUMBER > 1) {
        cp_async16_zfill_l2(to, from, exists ? 16 : 0);
    } else {
        *to = exists ? *from : OPERAND{};
    }
}

// One copy of 16 bytes of a pixel, of the window or of dz, at the same place in row after row. What depends on that
// place is found once for a block or a patch, so that a copy is a few additions. Pixels that are no multiple of 16
// bytes are copied one element at a time.
template <class Tile>
struct Piece {
    static constexpr int VECTOR = copied_together(Tile::CHANNELS), WIDTH = copied_together(Tile::COLUMNS);
    static constexpr int OF_X = Tile::PADDED / VECTOR, OF_DZ = Tile::BN / WIDTH;  // pieces of one pixel
    static constexpr int IN_WINDOW = Tile::WINDOW_WIDTH * OF_X, IN_ROW = IN_WINDOW + PATCH_WIDTH * OF_DZ;
    static constexpr int NOWHERE = -(1 << 30);

    // Of the block.
    bool of_dz;
    const OPERAND* origin;  // the piece in the array's first pixel
    long long pitch;        // of the array's rows
    int rows;               // that it has in a patch
    int x, place;           // its pixel from the patch's corner, or NOWHERE where it is padding; its place in a row
    // Of the patch and the row that comes next.
    bool column_exists;
    int y;
    const OPERAND* from;
    OPERAND* to;

    __device__ __forceinline__ Piece() {}
    // Piece i of a row.
    __device__ __forceinline__ Piece(int i, const OPERAND* x_, const OPERAND* dz, int width, int patch_rows) {
        of_dz = i >= IN_WINDOW;
        int pixel = of_dz ? (i - IN_WINDOW) / OF_DZ : i / OF_X;
        int element = of_dz ? (i - IN_WINDOW) % OF_DZ * WIDTH : i % OF_X * VECTOR;
        int n = of_dz ? blockIdx.y * Tile::BN + element : element;
        const bool exists = n < (of_dz ? Tile::COLUMNS : Tile::CHANNELS);
        origin = (of_dz ? dz : x_) + (exists ? n : 0);
        pitch = (long long)width * (of_dz ? Tile::COLUMNS : Tile::CHANNELS);
        rows = i >= IN_ROW ? 0 : of_dz ? patch_rows : patch_rows + Tile::KH - 1;
        x = exists ? pixel - (of_dz ? 0 : Tile::KW / 2) : NOWHERE;
        place = of_dz ? Tile::place_dz(pixel, element) : Tile::place_x(pixel, element);
    }

    // To the first row of a patch.
    __device__ __forceinline__ void begin(OPERAND* window, OPERAND* dz_rows, Frames frames, Corner corner) {
        y = corner.y - (of_dz ? 0 : Tile::KH / 2);
        column_exists = unsigned(corner.x + x) < unsigned(frames.width);
        from = origin + ((long long)corner.image * frames.height + y) * pitch +
               (long long)(corner.x + x) * (of_dz ? Tile::COLUMNS : Tile::CHANNELS);
        to = (of_dz ? dz_rows : window) + place;
    }

    // Row `row` of the patch, which comes next.
    __device__ __forceinline__ void copy(int row, int height) {
        if (row >= rows) return;
        const bool exists = column_exists && unsigned(y) < unsigned(height);
        const OPERAND* source = exists ? from : origin;
        if (VECTOR == WIDTH || !of_dz) {
            copy_or_zeros<VECTOR>(to, source, exists);
        } else {
            copy_or_zeros<WIDTH>(to, source, exists);
        }
        from += pitch;
        to += of_dz ? Tile::ROW_DZ : Tile::ROW_X;
        ++y;
    }
};

// Rows that are asked for at each of so many turns of a patch: all in the first three quarters, so that they arrive by its end.
__device__ __forceinline__ int rows_a_turn(int rows, int turns) { return (4 * rows + 3 * turns - 1) / (3 * turns); }

// The pieces of a thread.
template <class Tile>
struct Pieces {
    static constexpr int COUNT = (Piece<Tile>::IN_ROW + Tile::THREADS - 1) / Tile::THREADS;
    Piece<Tile> pieces[COUNT];

    // thread: of THREADS that copy the same patches.
    __device__ __forceinline__ Pieces(const OPERAND* x, const OPERAND* dz, int width, int patch_rows, int thread) {
#pragma unroll
        for (int i = 0; i < COUNT; ++i)
            pieces[i] = Piece<Tile>(thread + i * Tile::THREADS, x, dz, width, patch_rows);
    }
    // Patch `patch` is copied next, to a window and dz.
    __device__ __forceinline__ void begin(OPERAND* window, OPERAND* dz_rows, Frames frames, Corner corner) {
#pragma unroll
        for (int i = 0; i < COUNT; ++i) pieces[i].begin(window, dz_rows, frames, corner);
    }
    // Rows [first, last) of it, which come next.
    __device__ __forceinline__ void copy(int first, int last, int height) {
#pragma unroll 3
        for (int row = first; row < last; ++row)
#pragma unroll
            for (int i = 0; i < COUNT; ++i) pieces[i].copy(row, height);
    }
};
