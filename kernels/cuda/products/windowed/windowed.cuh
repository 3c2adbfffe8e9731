// Convolution over windows that stand in shared memory: a block copies its pixels, with those that their windows reach,
// once, and multiplies them tap by tap. The product is that of conv.cuh; there each tap of a pixel is gathered anew.
// Serves the recurrences of a whole sequence (persistent.cuh) and the convolutions of windowed_frames.cuh.
//
// A tile is BM pixels, neighbours in the order of memory across rows and images. What its windows reach lies in memory
// in one piece, HALO pixels on either side, and so it does in shared memory: for one tap, row r of A is row
// r + HALO + dy * width + dx of that piece, or a row of zeros where the tap looks outside the image.
//
//     memory      ... | image b-1 | image b ............................ | image b+1
//     tile                               [ own: BM pixels ]
//     window                    [ HALO ][ own            ][ HALO ]           clipped to the images of its pixels
//
// HALO = KH / 2 * width + KW / 2 pixels: many where frames are wide. There a tile may be STRIP pixels wide and BM / STRIP
// high, of one image; its window is KH - 1 pixels higher and KW - 1 wider, and takes the place of an image of that width.
//
//     shared memory
//     +--------------------------------+
//     | inside[BM]             uint32  |  of each pixel, a bit for each tap: whether it reads inside the image; twice
//     |                                |  where a block has one tile after another
//     | zeros[STRIDE]                  |
//     | weights[HELD][COLUMNS]         |  rows of WEIGHT_STRIDE, k = (tap, channel of the slab): all slabs, or two in turn
//     | window[BUFFERS][BM + 2 * HALO] |  rows of STRIDE: BK channels, a slab; with two of them the next slab arrives
//     +--------------------------------+  while one is multiplied. Later the sums that WARPS_K warps exchange.
#pragma once

#include "products/conv.cuh"

template <int CHANNELS_, int KH_, int KW_, int COLUMNS_, int BK_, int HELD_, int BUFFERS_, int STRIP_, int WARPS_M_,
          int WARPS_N_, int WARPS_K_, int MT_, int NT_>
struct WindowTile {
    static constexpr int CHANNELS = CHANNELS_, KH = KH_, KW = KW_, TAPS = KH * KW, COLUMNS = COLUMNS_, BK = BK_;
    static constexpr int HELD = HELD_, BUFFERS = BUFFERS_, STRIP = STRIP_;
    static constexpr int WARPS_M = WARPS_M_, WARPS_N = WARPS_N_, WARPS_K = WARPS_K_, MT = MT_, NT = NT_;
    static constexpr int OWN_MT = MT / WARPS_K;
    static constexpr int BM = 16 * MT * WARPS_M, BN = 8 * NT * WARPS_N, THREADS = 32 * WARPS_M * WARPS_N * WARPS_K;
    static constexpr int BLOCK_THREADS = THREADS, OWN_ROWS = BM, SPLIT = 1;
    static constexpr int HEIGHT = STRIP == 0 ? 0 : BM / STRIP, PITCH = STRIP + KW - 1;
    static constexpr int SLABS = (CHANNELS + BK - 1) / BK;
    static constexpr bool RESIDENT = HELD == SLABS;
    static constexpr int STRIDE = shared_stride(BK), WEIGHT_STRIDE = shared_stride(TAPS * BK);
    static constexpr int WEIGHT_SLAB = COLUMNS * WEIGHT_STRIDE;
    static constexpr int VECTOR = copied_together(CHANNELS);
    static_assert(BK % 8 == 0 && (WARPS_K == 1 || BK % (MMA_DEPTH * WARPS_K) == 0),
                  "every warp gets as many mma steps of a slab");
    static_assert(MT % WARPS_K == 0, "every warp ends up with as many rows of tiles");
    static_assert(COLUMNS <= BN, "the block's columns are covered");
    static_assert(TAPS <= 32, "a bit for each tap");
    static_assert(RESIDENT || HELD == 2, "weights stay, or two slabs of them take turns");
    static_assert(STRIP == 0 || BM % STRIP == 0, "a tile has whole rows of its strip");
    static_assert(SLABS == 1 || BUFFERS == 2, "a slab arrives while another is multiplied");
};

// Pixels from one row of the window to the next, from its first to the tile's first, and in all.
template <class Tile>
__device__ __forceinline__ int pitch_of(int width) { return Tile::STRIP == 0 ? width : Tile::PITCH; }

template <class Tile>
__device__ __forceinline__ int halo_of(int width) { return Tile::KH / 2 * pitch_of<Tile>(width) + Tile::KW / 2; }

template <class Tile>
__device__ __forceinline__ int window_pixels(int width) {
    return Tile::STRIP == 0 ? Tile::BM + 2 * halo_of<Tile>(width) : (Tile::HEIGHT + Tile::KH - 1) * Tile::PITCH;
}

// The pixels of a tile.
template <class Tile>
struct TilePlace {
    Frames frames;
    int first, image, y, x;  // the first one: as it is numbered, or its image and where it is there

    static __device__ __forceinline__ int across(Frames frames) {
        return (frames.width + Tile::STRIP - 1) / Tile::STRIP;
    }
    static __device__ __forceinline__ int down(Frames frames) {
        return (frames.height + Tile::HEIGHT - 1) / Tile::HEIGHT;
    }
    static __device__ __forceinline__ int tiles(Frames frames) {
        if constexpr (Tile::STRIP == 0) {
            return (frames.pixels() + Tile::BM - 1) / Tile::BM;
        } else {
            return frames.images * across(frames) * down(frames);
        }
    }

    __device__ __forceinline__ TilePlace(int tile, Frames frames_) : frames(frames_), first(tile * Tile::BM) {
        if constexpr (Tile::STRIP > 0) {
            image = tile / (across(frames) * down(frames));
            y = tile / across(frames) % down(frames) * Tile::HEIGHT;
            x = tile % across(frames) * Tile::STRIP;
        }
    }

    // Row `row` of the tile; its image is NO_IMAGE where it is no pixel.
    __device__ __forceinline__ Pixel pixel(int row) const {
        if constexpr (Tile::STRIP == 0) {
            return pixel_at(first + row, frames);
        } else {
            int py = y + row / Tile::STRIP, px = x + row % Tile::STRIP;
            bool exists = py < frames.height && px < frames.width;
            return Pixel{(image * frames.height + py) * frames.width + px, exists ? image : NO_IMAGE, py, px};
        }
    }

    // Its number, at least frames.pixels() where it is none.
    __device__ __forceinline__ int operator()(int row) const {
        if constexpr (Tile::STRIP == 0) {
            return first + row;
        } else {
            const Pixel p = pixel(row);
            return p.image == NO_IMAGE ? frames.pixels() : p.linear;
        }
    }
};

// Where tiles are numbers in order, the pixels that the windows of one reach: first is where the window begins if nothing
// of it is clipped, [begin, end) is what is left.
template <class Tile>
struct Span {
    int first, begin, end;
    __device__ __forceinline__ Span(int tile, Frames frames) {
        int area = frames.height * frames.width, halo = halo_of<Tile>(frames.width);
        int own = tile * Tile::BM, last = min(own + Tile::BM, frames.pixels()) - 1;
        first = own - halo;
        begin = max(first, own / area * area);
        end = min(last + 1 + halo, (last / area + 1) * area);
    }
};

// inside[BM] of a tile.
template <class Tile>
__device__ __forceinline__ void mark_inside(uint32_t* inside, TilePlace<Tile> place) {
    const Frames frames = place.frames;
    for (int i = threadIdx.x; i < Tile::BM; i += Tile::THREADS) {
        const Pixel pixel = place.pixel(i);
        uint32_t bits = 0;
        for (int tap = 0; tap < Tile::TAPS && pixel.image != NO_IMAGE; ++tap)
            if (unsigned(pixel.y + tap / Tile::KW - Tile::KH / 2) < unsigned(frames.height) &&
                unsigned(pixel.x + tap % Tile::KW - Tile::KW / 2) < unsigned(frames.width))
                bits |= 1u << tap;
        inside[i] = bits;
    }
}

// Piece i of a window, of channels from slab * BK on: a part of pixel `pixel` of x (images, height, width, CHANNELS).
// Past L1: each byte is copied once, and L1 knows nothing of what other blocks write meanwhile.
template <class Tile>
__device__ __forceinline__ void load_piece(OPERAND* window, const OPERAND* x, int slab, int i, int pixel) {
    constexpr int VECTOR = Tile::VECTOR, PIECES = Tile::BK / VECTOR;
    int k = i % PIECES * VECTOR, channel = slab * Tile::BK + k;
    const bool inside = channel < Tile::CHANNELS;
    OPERAND* target = window + i / PIECES * Tile::STRIDE + k;
    const OPERAND* source = x + (long long)pixel * Tile::CHANNELS + (inside ? channel : 0);
    if constexpr (VECTOR > 1) {
        cp_async16_zfill_l2(target, source, inside ? 16 : 0);
    } else {
        *target = inside ? *source : OPERAND{};
    }
}

// A slab of x -> window.
template <class Tile>
__device__ __forceinline__ void load_window(OPERAND* window, const OPERAND* x, int slab, Span<Tile> span) {
    constexpr int PIECES = Tile::BK / Tile::VECTOR;
    for (int i = threadIdx.x + (span.begin - span.first) * PIECES; i < (span.end - span.first) * PIECES;
         i += Tile::THREADS)
        load_piece<Tile>(window, x, slab, i, span.first + i / PIECES);
}

// The same of a strip's tile. What lies outside the image stays as it is: nobody reads it.
template <class Tile>
__device__ __forceinline__ void load_window(OPERAND* window, const OPERAND* x, int slab, TilePlace<Tile> place) {
    constexpr int PIECES = Tile::BK / Tile::VECTOR;
    const Frames frames = place.frames;
    const int corner = (place.image * frames.height + place.y - Tile::KH / 2) * frames.width + place.x - Tile::KW / 2;
    for (int i = threadIdx.x; i < (Tile::HEIGHT + Tile::KH - 1) * Tile::PITCH * PIECES; i += Tile::THREADS) {
        int down = i / PIECES / Tile::PITCH, across = i / PIECES % Tile::PITCH;
        if (unsigned(place.y - Tile::KH / 2 + down) < unsigned(frames.height) &&
            unsigned(place.x - Tile::KW / 2 + across) < unsigned(frames.width))
            load_piece<Tile>(window, x, slab, i, corner + down * frames.width + across);
    }
}

// Slabs [slab, slab + count) of this block's weights; packed (groups, SLABS, COLUMNS, WEIGHT_STRIDE), from pack_windows.
template <class Tile>
__device__ __forceinline__ void load_weights(OPERAND* weights, const OPERAND* packed, int slab, int count) {
    constexpr int WIDTH = copied_together(8);
    const OPERAND* source = packed + (long long)(blockIdx.y * Tile::SLABS + slab) * Tile::WEIGHT_SLAB;
    for (int i = threadIdx.x * WIDTH; i < count * Tile::WEIGHT_SLAB; i += Tile::THREADS * WIDTH)
        cp_async16(weights + i, source + i);
}

// sum += window * weights^T, both of one slab. ROUND: whether the window needs rounding to tf32.
template <class Tile, bool ROUND>
__device__ __forceinline__ void multiply_window(Accumulators<Tile::MT, Tile::NT>& sum, const OPERAND* window,
                                                const OPERAND* weights, const uint32_t* inside, const OPERAND* zeros,
                                                int width) {
    WarpPlace<Tile> warp;
    const int first_row = warp.m * (16 * Tile::MT), first_column = warp.n * (8 * Tile::NT);
    const int pitch = pitch_of<Tile>(width), halo = halo_of<Tile>(width);
    auto row_of = [=](int r) {
        return Tile::STRIP == 0 ? r : r / max(Tile::STRIP, 1) * Tile::PITCH + r % max(Tile::STRIP, 1);
    };
#pragma unroll 1
    for (int tap = 0; tap < Tile::TAPS; ++tap, weights += Tile::BK) {
        int dy = tap / Tile::KW - Tile::KH / 2, dx = tap % Tile::KW - Tile::KW / 2;
        const OPERAND* moved = window + (halo + dy * pitch + dx) * Tile::STRIDE;
        multiply_chunk<Tile, ROUND>(
            sum,
            [&](int r) {
                r += first_row;
                return inside[r] >> tap & 1u ? moved + row_of(r) * Tile::STRIDE : zeros;
            },
            [&](int n) { return weights + min(first_column + n, Tile::COLUMNS - 1) * Tile::WEIGHT_STRIDE; }, warp.k);
    }
}

// The first of a block's own rows of its tile: of a part of it, where blocks share one (warpgroup.cuh).
template <class Tile>
__device__ __forceinline__ int first_row() { return Tile::SPLIT > 1 ? blockIdx.y * Tile::OWN_ROWS : 0; }

// Asks L2 for the own rows of a tile, of an array (pixels, width) or null, columns [column, column + count), at most MOST,
// which a later epilogue reads; place tells the pixel of a row.
template <class Tile, int MOST, class Place, class Element>
__device__ __forceinline__ void prefetch_tile(const Element* array, Place place, int pixels, int width, int column,
                                              int count) {
    constexpr int LINE = 128 / int(sizeof(Element)), LINES = (MOST + LINE - 1) / LINE + 1;  // one more, where it begins within
    if (array == nullptr) return;
    for (int i = Crew<Tile>::thread(); i < Tile::OWN_ROWS * LINES; i += Tile::THREADS) {
        const int m = place(first_row<Tile>() + i / LINES);
        if (m < pixels) prefetch_l2(array + (long long)m * width + column + min(i % LINES * LINE, count - 1));
    }
}

// packed (groups, SLABS, COLUMNS, WEIGHT_STRIDE): weight(tap, channel, group, n) for column n of a group, rounded here
// for the mma; zero where k is padding. weight answers zero for columns that are padding.
template <class Tile, class Weight>
__device__ __forceinline__ void pack_windows(OPERAND* packed, int groups, Weight weight) {
    constexpr int ROW = Tile::WEIGHT_STRIDE;
    for (int i = blockIdx.x * blockDim.x + threadIdx.x; i < groups * Tile::SLABS * Tile::WEIGHT_SLAB;
         i += gridDim.x * blockDim.x) {
        int k = i % ROW, n = i / ROW % Tile::COLUMNS, slab = i / Tile::WEIGHT_SLAB % Tile::SLABS;
        int tap = k / Tile::BK, channel = slab * Tile::BK + k % Tile::BK;
        bool inside = tap < Tile::TAPS && channel < Tile::CHANNELS;
        put(packed + i, inside ? rounded(weight(tap, channel, i / (Tile::SLABS * Tile::WEIGHT_SLAB), n)) : 0.0f);
    }
}
