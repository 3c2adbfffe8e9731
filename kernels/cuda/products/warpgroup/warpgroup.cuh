// Convolution on Hopper's warpgroup products (wgmma.cuh): a block copies its pixels, with those that their windows reach,
// to shared memory once, and the tensor cores read both factors from there. What windowed.cuh does with mma.sync.
//
//     y[r][n] = sum over taps and channels of window[r + tap][channel] * w[tap][channel][n]
//
// In shared memory a window is planes of 16 bytes a pixel, one for every 16 bytes of its channels (a chunk):
//
//     window[CHUNKS][plane]     plane: the window's rows and one more where they are even: planes start in different banks
//     weights[STEPS][2][BN]     for the two chunks of each product, BN columns of 16 bytes
//
// so a tap is a number that is added to where the product begins to read. Taps that look outside the image must find zeros
// there, so rows of the product are not pixels in the order of memory but of padded images: KW / 2 zeros end each row of
// pixels and begin the next, KH / 2 rows of zeros end each image. Rows that are no pixels are computed and thrown away,
// 5 % of 40 x 40.
//
//     row r   image r / area, y = r % area / pitch, x = r % pitch       pitch = width + KW / 2, area = (height + KH / 2) * pitch
//
// Where frames are wide a tile may be STRIP pixels wide, of one image, padded on both sides: pitch = STRIP + KW - 1.
//
// A product is two chunks deep: chunks 2q and 2q + 1 of one tap, plane apart; the last one of an odd number for two taps,
// which are as far apart as the taps are.
//
// SPLIT blocks may share the channels of a tile, each with a part of them and all columns (persistent.cuh exchanges their sums):
// half the window and half the weights, where more columns a product read less of shared memory for each.
//
// A block has CREWS crews of GROUPS warpgroups. They share the weights, and nothing else: each has tiles and windows of its
// own and waits for itself, so that one multiplies while another copies, waits for its neighbours or is in its cell.
//
//     shared memory: weights[HELD][WEIGHT_SLAB] | windows[CREWS][BUFFERS][CHUNKS][plane]  a slab is CHUNKS chunks of channels
//                    reached[CREWS][1 or 2][rows, whole 16 bytes]   int, the pixel of each row of the window
#pragma once

#include "common/accumulators.cuh"
#include "products/warpgroup/wgmma.cuh"
#include "common/window.cuh"

template <int CHANNELS_, int KH_, int KW_, int COLUMNS_, int CHUNKS_, int HELD_, int BUFFERS_, int STRIP_, int SPLIT_,
          int CREWS_, int GROUPS_, int MT_>
struct GroupTile {
    static constexpr int CHANNELS = CHANNELS_, KH = KH_, KW = KW_, TAPS = KH * KW, COLUMNS = COLUMNS_, CHUNKS = CHUNKS_;
    static constexpr int HELD = HELD_, BUFFERS = BUFFERS_, STRIP = STRIP_, SPLIT = SPLIT_;
    static constexpr int CREWS = CREWS_, GROUPS = GROUPS_, MT = MT_;
    static constexpr int NT = (COLUMNS + 7) / 8, OWN_MT = MT / SPLIT, BM = 64 * MT * GROUPS, BN = 8 * NT;
    static constexpr int OWN_ROWS = BM / SPLIT;  // that a crew ends up with
    static constexpr int THREADS = 128 * GROUPS, BLOCK_THREADS = THREADS * CREWS;
    static constexpr int CHUNK = 16 / int(sizeof(OPERAND));  // channels of one
    static constexpr int PART = CHANNELS / SPLIT;            // channels of a block
    static constexpr int SLABS = (PART + CHUNKS * CHUNK - 1) / (CHUNKS * CHUNK);
    static constexpr int PAIRS = CHUNKS / 2 * TAPS, STEPS = PAIRS + CHUNKS % 2 * ((TAPS + 1) / 2);
    static constexpr int WEIGHT_SLAB = STEPS * 2 * BN * CHUNK;
    static constexpr int PITCH = STRIP == 0 ? 1 : STRIP + KW - 1, HEIGHT = BM / PITCH;
    static constexpr bool RESIDENT = HELD == SLABS;
    // What the products of a tile take, which read both factors from shared memory.
    static constexpr int CLOCKS = SLABS * STEPS * MT * GROUPS * (BN / 2 > 16 + BN / 4 ? BN / 2 : 16 + BN / 4);
    static_assert(CHANNELS % (SPLIT * CHUNK) == 0, "chunks are copied 16 bytes at a time");
    static_assert(SPLIT == 1 || (MT % SPLIT == 0 && GROUPS == 1), "parts end up with as many rows of tiles");
    static_assert(RESIDENT || (HELD == BUFFERS && CREWS == 1), "weights stay, or come with the windows of one crew");
};

template <class Tile>
constexpr bool BY_GROUPS = false;
template <int... N>
constexpr bool BY_GROUPS<GroupTile<N...>> = true;

// Blocks along y are groups of columns, or parts of the channels.
template <class Tile>
__device__ __forceinline__ int part_of() { return Tile::SPLIT > 1 ? blockIdx.y : 0; }
template <class Tile>
__device__ __forceinline__ int first_column() { return Tile::SPLIT > 1 ? 0 : blockIdx.y * Tile::BN; }

template <int... N>
struct Crew<GroupTile<N...>> {
    using Tile = GroupTile<N...>;
    static __device__ __forceinline__ int number() { return threadIdx.x / Tile::THREADS; }
    static __device__ __forceinline__ int thread() { return threadIdx.x % Tile::THREADS; }
    static __device__ __forceinline__ void barrier() {
        if constexpr (Tile::CREWS == 1) {
            __syncthreads();
        } else {
            barrier_sync(1 + number(), Tile::THREADS);
        }
    }
};

// Crews that begin together would go on together, each waiting for the tensor cores when the others do. A tile takes more
// than twice its products, so crew after crew begins twice those later. No barrier of the block may stand behind it.
template <class Tile>
__device__ __forceinline__ void stagger() {
    if (Tile::CREWS > 1) pass_time(Tile::CLOCKS * Crew<Tile>::number());  // at two clocks a nanosecond, or nearly
}

// What a thread of a warpgroup owns: as WarpPlace has it for warps that multiply by themselves.
template <int... N>
struct WarpPlace<GroupTile<N...>> {
    using Tile = GroupTile<N...>;
    __device__ __forceinline__ int row(int r) const {
        return part_of<Tile>() * Tile::OWN_ROWS + Crew<Tile>::thread() / 128 * (64 * Tile::OWN_MT) + 64 * (r / 2) +
               threadIdx.x % 128 / 32 * 16 + threadIdx.x % 32 / 4 + r % 2 * 8;
    }
    __device__ __forceinline__ int column_in_block() const { return threadIdx.x % 4 * 2; }
    __device__ __forceinline__ int own_column() const { return first_column<Tile>() + column_in_block(); }
};

// Rows of a window: from one row of pixels to the next, and in all; a plane has that many, or one more.
template <class Tile>
__device__ __forceinline__ int group_pitch(int width) { return Tile::STRIP == 0 ? width + Tile::KW / 2 : Tile::PITCH; }

template <class Tile>
__device__ __forceinline__ int window_rows(int width) {
    return Tile::BM + (Tile::KH - 1) * group_pitch<Tile>(width) + Tile::KW - 1;
}

// Elements of a table of them.
template <class Tile>
__device__ __forceinline__ int table_size(int width) { return (window_rows<Tile>(width) + 3) / 4 * 4; }

// The pixels of a tile.
template <class Tile>
struct TilePlace;

template <int... N>
struct TilePlace<GroupTile<N...>> {
    using Tile = GroupTile<N...>;
    Frames frames;
    int pitch, first, image, y, x;  // row 0 of the window: as it is numbered, or its image and where it is there

    static __device__ __forceinline__ int across(Frames frames) {
        return (frames.width + max(Tile::STRIP, 1) - 1) / max(Tile::STRIP, 1);
    }
    static __device__ __forceinline__ int down(Frames frames) {
        return (frames.height + Tile::HEIGHT - 1) / Tile::HEIGHT;
    }
    static __device__ __forceinline__ int tiles(Frames frames) {
        if constexpr (Tile::STRIP > 0) return frames.images * across(frames) * down(frames);
        int area = (frames.height + Tile::KH / 2) * group_pitch<Tile>(frames.width);
        return (frames.images * area + Tile::BM - 1) / Tile::BM;
    }

    __device__ __forceinline__ TilePlace(int tile, Frames frames_)
        : frames(frames_), pitch(group_pitch<Tile>(frames_.width)) {
        if constexpr (Tile::STRIP == 0) {
            first = tile * Tile::BM - own_row(0);
        } else {
            image = tile / (across(frames) * down(frames));
            y = tile / across(frames) % down(frames) * Tile::HEIGHT - Tile::KH / 2;
            x = tile % across(frames) * Tile::STRIP - Tile::KW / 2;
        }
    }

    // The row of the window where row `row` of the tile stands.
    __device__ __forceinline__ int own_row(int row) const { return row + Tile::KH / 2 * pitch + Tile::KW / 2; }

    // The number of the pixel in a row of the window; frames.pixels() where there is none.
    __device__ __forceinline__ int reached(int row) const {
        int in_image = image, py, px;
        if constexpr (Tile::STRIP == 0) {
            int place = first + row, line = place / pitch;
            in_image = place < 0 ? frames.images : line / (frames.height + Tile::KH / 2);
            py = line - in_image * (frames.height + Tile::KH / 2);
            px = place - line * pitch;
        } else {
            py = y + row / Tile::PITCH;
            px = x + row % Tile::PITCH;
        }
        bool exists = in_image < frames.images && unsigned(py) < unsigned(frames.height) &&
                      unsigned(px) < unsigned(frames.width);
        return exists ? (in_image * frames.height + py) * frames.width + px : frames.pixels();
    }

    // The same of a row of the tile.
    __device__ __forceinline__ int operator()(int row) const {
        if (Tile::STRIP > 0 && (row % Tile::PITCH >= Tile::STRIP || row / Tile::PITCH >= Tile::HEIGHT))
            return frames.pixels();
        return reached(own_row(row));
    }
};

// A slab of x (images, height, width, CHANNELS) -> window; reached[rows] are the pixels of its rows. A thread has one chunk
// of every so many rows: few instructions a copy count, since few warps are there to hide them. Of BATCH rows the table is read
// before the first is asked for: the compiler keeps reads of shared memory and copies to it in order. Past L1: each byte is
// copied once, and L1 knows nothing of what other blocks write meanwhile.
template <class Tile>
__device__ __forceinline__ void load_planes(OPERAND* window, const OPERAND* x, int slab, int rows, int pixels,
                                            const int* reached) {
    constexpr int TOGETHER = Tile::THREADS / Tile::CHUNKS, BATCH = 4;
    static_assert(TOGETHER > 0, "a thread for each chunk of a row");
    const int chunk = Crew<Tile>::thread() % Tile::CHUNKS, first = Crew<Tile>::thread() / Tile::CHUNKS;
    if (first >= TOGETHER) return;
    const int channel = (slab * Tile::CHUNKS + chunk) * Tile::CHUNK;
    const bool exists = channel < Tile::PART;
    const OPERAND* source = x + (exists ? part_of<Tile>() * Tile::PART + channel : 0);
    OPERAND* target = window + (chunk * (rows | 1) + first) * Tile::CHUNK;
#pragma unroll 1
    for (int row = first; row < rows; row += BATCH * TOGETHER) {
        int pixel[BATCH];
#pragma unroll
        for (int i = 0; i < BATCH; ++i) pixel[i] = row + i * TOGETHER < rows ? reached[row + i * TOGETHER] : -1;
#pragma unroll
        for (int i = 0; i < BATCH; ++i, target += TOGETHER * Tile::CHUNK) {
            const bool inside = pixel[i] < pixels && exists;
            if (pixel[i] >= 0)
                cp_async16_zfill_l2(target, source + (inside ? (long long)pixel[i] * Tile::CHANNELS : 0), inside ? 16 : 0);
        }
    }
}

// reached[rows] of a tile's window, by its crew.
template <class Tile>
__device__ __forceinline__ void reach(int* reached, const TilePlace<Tile>& place, int rows) {
    for (int row = Crew<Tile>::thread(); row < rows; row += Tile::THREADS) reached[row] = place.reached(row);
}

// Slabs [slab, slab + count) of this block's weights, by all its threads; packed (groups, SLABS, WEIGHT_SLAB), from pack_groups.
template <class Tile>
__device__ __forceinline__ void load_group_weights(OPERAND* weights, const OPERAND* packed, int slab, int count) {
    const OPERAND* source = packed + (long long)(blockIdx.y * Tile::SLABS + slab) * Tile::WEIGHT_SLAB;
    for (int i = threadIdx.x * Tile::CHUNK; i < count * Tile::WEIGHT_SLAB; i += Tile::BLOCK_THREADS * Tile::CHUNK)
        cp_async16(weights + i, source + i);
}

// All slabs of them, to stay: they have arrived for every thread of the block.
template <class Tile>
__device__ __forceinline__ void bring_weights(OPERAND* weights, const OPERAND* packed) {
    load_group_weights<Tile>(weights, packed, 0, Tile::SLABS);
    cp_async_commit();
    cp_async_wait<0>();
    fence_proxy_async();
    __syncthreads();
}

// D (64 x 8 * NT) += A * B of one product.
template <int NT>
__device__ __forceinline__ void multiply_pair(float (&d)[NT][4], uint64_t a, uint64_t b) {
#if BF16
    wgmma_bf16<8 * NT, false, false>(d, a, b);
#else
    wgmma_tf32<8 * NT>(d, a, b);
#endif
}

template <int MT, int NT>
__device__ __forceinline__ void hold(Accumulators<MT, NT>& sum) {
#pragma unroll
    for (int i = 0; i < MT; ++i) hold(sum.v[i]);
}

// sum += window * weights of one slab, both in shared memory for the crew; queued, not waited for. The caller holds sum
// before the first slab, and again when it has waited for the last.
template <class Tile>
__device__ __forceinline__ void multiply_planes(Accumulators<Tile::MT, Tile::NT>& sum, const OPERAND* window,
                                                const OPERAND* weights, int width) {
    const int plane = window_rows<Tile>(width) | 1, pitch = group_pitch<Tile>(width);
    uint64_t a = matrix_descriptor(window, 16 * plane, 128) + Crew<Tile>::thread() / 128 * (64 * Tile::MT);
    uint64_t b = matrix_descriptor(weights, 16 * Tile::BN, 128);
    wgmma_fence();
#pragma unroll 1
    for (int pair = 0; pair < Tile::CHUNKS / 2; ++pair, a += 2 * plane) {
#pragma unroll
        for (int tap = 0; tap < Tile::TAPS; ++tap, b += 2 * Tile::BN)
#pragma unroll
            for (int i = 0; i < Tile::MT; ++i)
                multiply_pair(sum.v[i], a + (tap / Tile::KW * pitch + tap % Tile::KW + 64 * i), b);
    }
    if constexpr (Tile::CHUNKS % 2 == 1) {
        a &= ~(uint64_t(0x3fff) << 16);
#pragma unroll
        for (int tap = 0; tap < Tile::TAPS; tap += 2, b += 2 * Tile::BN) {
            const int next = min(tap + 1, Tile::TAPS - 1);  // the second half of the last one has no weights
            const int at = tap / Tile::KW * pitch + tap % Tile::KW, then = next / Tile::KW * pitch + next % Tile::KW;
#pragma unroll
            for (int i = 0; i < Tile::MT; ++i)
                multiply_pair(sum.v[i], (a + (at + 64 * i)) | uint64_t(then - at) << 16, b);
        }
    }
    wgmma_commit();
}

// packed (groups or parts, SLABS, STEPS, 2, BN, CHUNK): weight(tap, channel, group, n) for column n of a group, rounded here
// for the product; zero where k is padding. Columns past COLUMNS are another group's, or padding: nobody reads their sums.
template <class Tile, class Weight>
__device__ __forceinline__ void pack_groups(OPERAND* packed, int groups, Weight weight) {
    for (int i = blockIdx.x * blockDim.x + threadIdx.x; i < groups * Tile::SLABS * Tile::WEIGHT_SLAB;
         i += gridDim.x * blockDim.x) {
        int n = i / Tile::CHUNK % Tile::BN, half = i / (Tile::CHUNK * Tile::BN) % 2;
        int step = i / (Tile::CHUNK * Tile::BN * 2) % Tile::STEPS, slab = i / Tile::WEIGHT_SLAB % Tile::SLABS;
        bool pair = step < Tile::PAIRS;
        int tap = pair ? step % Tile::TAPS : 2 * (step - Tile::PAIRS) + half;
        int chunk = pair ? step / Tile::TAPS * 2 + half : Tile::CHUNKS - 1;
        int channel = (slab * Tile::CHUNKS + chunk) * Tile::CHUNK + i % Tile::CHUNK;
        bool inside = tap < Tile::TAPS && channel < Tile::PART;
        int group = i / (Tile::SLABS * Tile::WEIGHT_SLAB);  // or the part
        int first = Tile::SPLIT > 1 ? group * Tile::PART : 0;
        put(packed + i, inside ? rounded(weight(tap, first + channel, Tile::SPLIT > 1 ? 0 : group, n)) : 0.0f);
    }
}
