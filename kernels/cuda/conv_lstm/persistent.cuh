// A recurrent convolution that runs a whole sequence in one launch: what conv_lstm.cu does in one launch a step.
//
//     state_t = cell(input_t, conv(state of t-1, w))      forward h over t = 0 .. T-1, backward dz over t = T-1 .. 0
//
// A block owns a tile of pixels (windowed.cuh) times COLUMNS columns for all steps, keeps its weights in shared memory, and
// all blocks are on the device at a time. On Hopper (warpgroup.cuh) each crew of a block owns a tile. A step:
//
//     wait until the blocks whose pixels it looks at have written the step before        flags, below
//     copy those pixels to shared memory: the window
//     sums = window * w^T
//     the cell, in registers: what it carries from step to step never leaves them        the kernel's own epilogue
//     write its part of the state; raise its flag
//
// Nothing is read past the images that the block's pixels are of, so images wait for one another only where a block has
// pixels of both.
//
// Flags. flags[tile * groups + group] of the block (tile, group) counts the steps it has completed, over all launches:
// each adds as many to every flag, so the launch begins where its own flag stands and nothing is ever reset (a recorded
// graph replays as it is). A difference of 32 bits decides who is ahead, so the count may wrap.
#pragma once

#include "products/warpgroup/warpgroup.cuh"
#include "products/windowed/windowed.cuh"

// The flags of all tiles, to a crew (all threads of a block, or a part of them that has its own tile).
template <class Tile>
struct Flags {
    int first, count, own;   // of the crews that write what this one reads, and of this one
    uint32_t* flags;
    uint32_t epoch;          // steps completed before this launch

    // tiles [begin, end) are read.
    __device__ __forceinline__ Flags(uint32_t* flags_, int tile, int begin, int end)
        : first(begin * gridDim.y), count((end - begin) * gridDim.y), own(tile * gridDim.y + blockIdx.y), flags(flags_) {
        epoch = count > 0 ? ld_acquire(flags + own) : 0;
    }

    // Until every crew that this one reads from has completed so many steps of this launch.
    __device__ __forceinline__ void wait_for(int steps) const {
        for (int i = Crew<Tile>::thread(); i < count; i += Tile::THREADS)
            while (int(ld_acquire(flags + first + i) - (epoch + steps)) < 0) spin_pause();
        Crew<Tile>::barrier();
    }

    // So many steps of this crew are in memory, for every thread that acquires its flag. Also the end of all reading
    // of the window.
    __device__ __forceinline__ void publish(int steps) const {
        Crew<Tile>::barrier();
        if (Crew<Tile>::thread() == 0) st_release(flags + own, epoch + steps);
    }
};

// A crew of the recurrence: flags, and the convolution of a frame of the state at its own pixels.
template <class Tile>
struct Recurrence : Flags<Tile> {
    static_assert(Tile::RESIDENT && Tile::STRIP == 0, "the weights stay, and blocks are neighbours in order");
    Frames frames;    // one step: B images
    Span<Tile> span;  // the pixels that this block reads
    const int tile = blockIdx.x;
    uint32_t* inside;
    OPERAND *zeros, *weights, *window;

    // packed: from pack_windows.
    __device__ __forceinline__ Recurrence(char* shared, const OPERAND* packed, uint32_t* flags_, float*, Frames frames_)
        : Recurrence(shared, packed, flags_, frames_, Span<Tile>(blockIdx.x, frames_)) {}

    // Whether this crew has a tile.
    __device__ __forceinline__ bool works() const { return true; }

    // Which pixel a row of the tile is.
    __device__ __forceinline__ InOrder place() const { return InOrder{int(blockIdx.x) * Tile::BM}; }

    // own = this block's rows and columns of the convolution of state; ROUND whether state needs rounding to tf32.
    template <bool ROUND>
    __device__ __forceinline__ void convolve(Sums<Tile>& own, const OPERAND* state, int) const {
        const int buffer = window_pixels<Tile>(frames.width) * Tile::STRIDE;
        Accumulators<Tile::MT, Tile::NT> sum;
        clear(sum);
        load_window<Tile>(window, state, 0, span);
        cp_async_commit();
#pragma unroll 1
        for (int slab = 0; slab < Tile::SLABS; ++slab) {
            cp_async_wait<0>();
            __syncthreads();  // the slab has arrived for everyone, and no one reads the buffer that is filled next
            if (slab + 1 < Tile::SLABS) load_window<Tile>(window + (slab + 1) % 2 * buffer, state, slab + 1, span);
            cp_async_commit();
            multiply_window<Tile, ROUND>(sum, window + slab % 2 * buffer, weights + slab * Tile::WEIGHT_SLAB, inside,
                                         zeros, frames.width);
        }
        if constexpr (Tile::WARPS_K == 1) {
            own = sum;
        } else {
            add_groups<Tile>(own, sum, (float*)window, WarpPlace<Tile>().k);
        }
    }

  private:
    __device__ __forceinline__ Recurrence(char* shared, const OPERAND* packed, uint32_t* flags_, Frames frames_,
                                          Span<Tile> span_)
        : Flags<Tile>(flags_, blockIdx.x, span_.begin / Tile::BM, (span_.end - 1) / Tile::BM + 1), frames(frames_),
          span(span_) {
        inside = (uint32_t*)shared;
        zeros = (OPERAND*)(inside + Tile::BM);
        weights = zeros + Tile::STRIDE;
        window = weights + Tile::SLABS * Tile::WEIGHT_SLAB;
        mark_inside<Tile>(inside, TilePlace<Tile>(blockIdx.x, frames));
        for (int i = threadIdx.x; i < Tile::STRIDE; i += Tile::THREADS) zeros[i] = OPERAND{};
        load_weights<Tile>(weights, packed, 0, Tile::SLABS);
        cp_async_commit();
    }
};

// The same on warpgroup products; shared memory as warpgroup.cuh tells.
template <int... N>
struct Recurrence<GroupTile<N...>> : Flags<GroupTile<N...>> {
    using Tile = GroupTile<N...>;
    static_assert(Tile::RESIDENT && Tile::STRIP == 0, "the weights stay, and tiles are neighbours in order");
    Frames frames;
    int tile, rows;  // of the window
    int* reached;
    OPERAND *weights, *windows;
    float4* exchange;
    uint32_t* exchanged;  // flags of the exchange, this crew's and its partner's
    uint32_t turns;       // before this launch

    struct Place {
        const int* reached;
        __device__ __forceinline__ int operator()(int row) const { return reached[row]; }
    };

    // A barrier of the block, then crews begin one after another. packed: from pack_groups. exchange (tiles, SPLIT, OWN_MT * NT, THREADS, 4) where blocks share the channels of a tile, with
    // a flag for each block of a tile behind the others.
    __device__ __forceinline__ Recurrence(char* shared, const OPERAND* packed, uint32_t* flags_, float* exchange_,
                                          Frames frames_)
        : Recurrence(shared, packed, flags_, (float4*)exchange_, Reach(frames_)) {}

    __device__ __forceinline__ bool works() const { return this->count > 0; }

    __device__ __forceinline__ Place place() const {
        return Place{reached + Tile::KH / 2 * group_pitch<Tile>(frames.width) + Tile::KW / 2};
    }

    // own = this crew's rows and columns of the convolution of state, which in tf32 is rounded; the turn-th of this launch,
    // from 1 on. own is zero before.
    template <bool ROUND>
    __device__ __forceinline__ void convolve(Sums<Tile>& own, const OPERAND* state, int turn) const {
        if constexpr (Tile::SPLIT == 1) {
            multiply(own, state);
        } else {
            static_assert(Tile::SPLIT == 2, "a crew has one partner");
            Accumulators<Tile::MT, Tile::NT> sum;
            clear(sum);
            multiply(sum, state);
            if (part_of<Tile>() == 0) {  // no register has a number that only the running program knows
                add_parts<0>(own, sum, turn);
            } else {
                add_parts<1>(own, sum, turn);
            }
        }
    }

  private:
    // The rows of tiles of this part from both blocks: those of the other part are handed over in the order of threads.
    // The buffer is free: who reads a frame of the state has waited for the partner's flag of the frame before.
    template <int PART>
    __device__ __forceinline__ void add_parts(Sums<Tile>& own, const Accumulators<Tile::MT, Tile::NT>& sum,
                                              int turn) const {
        constexpr int VALUES = Tile::OWN_MT * Tile::NT, SIZE = VALUES * Tile::THREADS;
        float4* of_tile = exchange + (long long)tile * 2 * SIZE + Crew<Tile>::thread();
#pragma unroll
        for (int v = 0; v < VALUES; ++v) {
            const float* other = sum.v[(1 - PART) * Tile::OWN_MT + v / Tile::NT][v % Tile::NT];
            of_tile[(1 - PART) * SIZE + v * Tile::THREADS] = make_float4(other[0], other[1], other[2], other[3]);
        }
        Crew<Tile>::barrier();
        if (Crew<Tile>::thread() == 0) {
            st_release(exchanged + PART, turns + turn);
            while (int(ld_acquire(exchanged + 1 - PART) - (turns + turn)) < 0) spin_pause();
        }
        Crew<Tile>::barrier();
#pragma unroll
        for (int v = 0; v < VALUES; ++v) {
            const float4 other = load_l2(of_tile + PART * SIZE + v * Tile::THREADS);
            const float* mine = sum.v[PART * Tile::OWN_MT + v / Tile::NT][v % Tile::NT];
            float* target = own.v[v / Tile::NT][v % Tile::NT];
            target[0] = mine[0] + other.x;
            target[1] = mine[1] + other.y;
            target[2] = mine[2] + other.z;
            target[3] = mine[3] + other.w;
        }
    }

    // sum += the convolution of this block's channels of state.
    __device__ __forceinline__ void multiply(Accumulators<Tile::MT, Tile::NT>& sum, const OPERAND* state) const {
        const int buffer = Tile::CHUNKS * (rows | 1) * Tile::CHUNK;
        auto load = [&](int slab) {
            load_planes<Tile>(windows + slab % Tile::BUFFERS * buffer, state, slab, rows, frames.pixels(), reached);
        };
        for (int slab = 0; slab < Tile::BUFFERS; ++slab) {
            load(slab);
            cp_async_commit();
        }
        hold(sum);
#pragma unroll 1
        for (int slab = 0; slab < Tile::SLABS; ++slab) {
            cp_async_wait<Tile::BUFFERS - 1>();
            fence_proxy_async();
            Crew<Tile>::barrier();  // the slab has arrived for everyone
            multiply_planes<Tile>(sum, windows + slab % Tile::BUFFERS * buffer, weights + slab * Tile::WEIGHT_SLAB,
                                  frames.width);
            if (slab + Tile::BUFFERS < Tile::SLABS) {
                wgmma_wait<0>();
                Crew<Tile>::barrier();  // no one reads the buffer that is filled next
                load(slab + Tile::BUFFERS);
            }
            cp_async_commit();
        }
        wgmma_wait<0>();
        hold(sum);
    }

    // Which rows of the padded images the window of a tile reaches, and which of them it needs: its own images'. So images
    // wait for one another only where a tile has pixels of both. A crew past the last tile needs none. The crews of a block
    // have tiles far apart: neighbours wait for each other at every step, and would multiply, copy and wait together.
    struct Reach {
        TilePlace<Tile> place;
        int tile, begin, end;
        __device__ __forceinline__ explicit Reach(Frames frames)
            : place(blockIdx.x + Crew<Tile>::number() * gridDim.x, frames),
              tile(blockIdx.x + Crew<Tile>::number() * gridDim.x) {
            const int area = (frames.height + Tile::KH / 2) * place.pitch, own = tile * Tile::BM;
            const int last = min(own + Tile::BM, frames.images * area) - 1;
            begin = max(place.first, own / area * area);
            end = max(begin, min(place.first + window_rows<Tile>(frames.width), (last / area + 1) * area));
            if (last < own) end = begin;
        }
        __device__ __forceinline__ int first_tile() const { return begin / Tile::BM; }
        __device__ __forceinline__ int end_tile() const { return begin == end ? first_tile() : (end - 1) / Tile::BM + 1; }
    };

    __device__ __forceinline__ Recurrence(char* shared, const OPERAND* packed, uint32_t* flags_, float4* exchange_,
                                          const Reach& reach)
        : Flags<Tile>(flags_, reach.tile, reach.first_tile(), reach.end_tile()), frames(reach.place.frames),
          tile(reach.tile), rows(window_rows<Tile>(frames.width)), exchange(exchange_) {
        if constexpr (Tile::SPLIT > 1) {
            exchanged = flags_ + 2 * TilePlace<Tile>::tiles(frames) + 2 * tile;
            turns = this->count > 0 ? ld_acquire(exchanged + blockIdx.y) : 0;
        }
        const int windows_of_crew = Tile::BUFFERS * Tile::CHUNKS * (rows | 1) * Tile::CHUNK;
        weights = (OPERAND*)shared;
        windows = weights + Tile::SLABS * Tile::WEIGHT_SLAB + Crew<Tile>::number() * windows_of_crew;
        reached = (int*)(weights + Tile::SLABS * Tile::WEIGHT_SLAB + Tile::CREWS * windows_of_crew) +
                  Crew<Tile>::number() * table_size<Tile>(frames.width);
        for (int row = Crew<Tile>::thread(); row < rows; row += Tile::THREADS) {
            const int at = reach.place.first + row;
            reached[row] = at >= reach.begin && at < reach.end ? reach.place.reached(row) : frames.pixels();
        }
        bring_weights<Tile>(weights, packed);
        stagger<Tile>();
    }
};

// The pixels of a thread, r = 0 .. 2 * OWN_MT - 1; frames.pixels() or more where there is none.
template <class Tile>
struct OwnPixels {
    int first;
    __device__ __forceinline__ OwnPixels(InOrder place) : first(place(WarpPlace<Tile>().row(0))) {}
    __device__ __forceinline__ int operator()(int r) const { return first + 8 * r; }
};

template <int... N>
struct OwnPixels<GroupTile<N...>> {
    using Tile = GroupTile<N...>;
    int pixels[2 * Tile::OWN_MT];
    template <class Place>
    __device__ __forceinline__ OwnPixels(Place place) {
#pragma unroll
        for (int r = 0; r < 2 * Tile::OWN_MT; ++r) pixels[r] = place(WarpPlace<Tile>().row(r));
    }
    __device__ __forceinline__ int operator()(int r) const { return pixels[r]; }
};
