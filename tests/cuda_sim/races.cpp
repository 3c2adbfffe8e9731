// Races, missing waits and uninitialised shared memory, found by comparing each access with the last ones to its bytes.
//
// Two accesses to the same bytes, one of them a write, are ordered when one thread made both, or a __syncthreads lies
// between them (their block's epochs differ), or both are of one warp and a __syncwarp lies between them. Shuffles and
// mma order no memory. Between blocks only flags order accesses (clocks.cpp).
#include <sys/mman.h>

#include <cstring>
#include <unordered_map>
#include <vector>

#include "races.h"

enum Readers : uint8_t { none, one, lanes_of_warp, warps_of_block, blocks_of_grid };

struct Cell {
    Past write, read;
    uint8_t readers;
    bool pending;  // an asynchronous copy is on its way here
};

struct Shadow {
    Cell* cells;
    size_t bytes;
    int granule;
};

static bool halves_differ;  // see for_each_cell
static std::vector<Shadow> of_arrays, of_shared;
static std::unordered_map<const Cell*, std::vector<Past>> earlier_readers;  // of other blocks, in cooperative launches
static uint32_t launch_first_epoch, oldest;  // what happened before `oldest` is of no account to this access

static Shadow map(size_t memory_bytes, int granule) {
    const size_t bytes = (memory_bytes / granule + 1) * sizeof(Cell);
    void* cells = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (cells == MAP_FAILED) fail("the simulator found no memory for its shadow of %zu bytes", memory_bytes);
    return {static_cast<Cell*>(cells), bytes, granule};
}

static void unmap(std::vector<Shadow>& shadows) {
    for (const Shadow& shadow : shadows)
        if (shadow.cells != nullptr) munmap(shadow.cells, shadow.bytes);
    shadows.clear();
}

void races_begin() {
    launch_first_epoch = last_epoch + 1;
    clocks_begin();
    for (int i = 0; i < launch->n_regions; ++i)
        of_arrays.push_back(map(launch->regions[i].bytes, launch->regions[i].granule));
}

void races_end() {
    unmap(of_arrays);
    unmap(of_shared);
    earlier_readers.clear();
    halves_differ = false;
}

static bool same_block(uint32_t thread, const Thread* me) {
    return thread / me->block->n_threads == me->block->number;
}
static bool same_warp(uint32_t thread, const Thread* me) {
    const uint32_t mine = me->number % me->block->n_threads, other = thread % me->block->n_threads;
    return same_block(thread, me) && mine / 32 == other / 32;
}

static bool ordered(const Past& past, const Thread* me) {
    if (past.epoch < oldest || past.thread == me->number) return true;
    if (!same_block(past.thread, me)) return clocks_cover(past, me);
    return past.epoch != me->block->epoch || (same_warp(past.thread, me) && past.warp_epoch != me->warp->epoch);
}

// The reader that is not ordered before me, or null.
static const Past* unordered_reader(const Cell& cell, const Thread* me) {
    if (cell.readers == none || cell.read.epoch < oldest) return nullptr;
    if (cell.readers == one || !same_block(cell.read.thread, me)) {
        if (!ordered(cell.read, me)) return &cell.read;
    } else if (cell.readers != blocks_of_grid && cell.read.epoch == me->block->epoch) {
        const bool warp_synced = same_warp(cell.read.thread, me) && cell.read.warp_epoch != me->warp->epoch;
        if (cell.readers == warps_of_block || !warp_synced) return &cell.read;
    }
    if (cell.readers != blocks_of_grid) return nullptr;
    if (!launch->cooperative) return &cell.read;
    for (const Past& past : earlier_readers[&cell])
        if (!ordered(past, me)) return &past;
    return ordered(cell.read, me) ? nullptr : &cell.read;
}

static void remember_reader(const Cell& cell, const Thread* me) {
    if (!launch->cooperative) return;
    std::vector<Past>& others = earlier_readers[&cell];
    for (Past& past : others)
        if (past.thread / me->block->n_threads == cell.read.thread / me->block->n_threads) {
            past = cell.read;
            return;
        }
    others.push_back(cell.read);
}

static Readers merge_readers(const Cell& cell, const Thread* me) {
    if (cell.readers == none || cell.read.epoch < oldest) return one;
    if (!same_block(cell.read.thread, me)) {
        if (cell.readers != blocks_of_grid && ordered(cell.read, me)) return one;
        remember_reader(cell, me);
        return blocks_of_grid;
    }
    if (cell.readers == blocks_of_grid) return blocks_of_grid;
    if (cell.read.epoch != me->block->epoch) return one;
    if (cell.readers == warps_of_block || !same_warp(cell.read.thread, me)) return warps_of_block;
    if (cell.read.warp_epoch != me->warp->epoch) return one;
    return cell.readers == one && cell.read.thread == me->number ? one : lanes_of_warp;
}

static const char* describe_number(uint32_t number) {
    Thread thread;
    const uint32_t n = sim_block_dim.x * sim_block_dim.y * sim_block_dim.z, block = number / n, i = number % n;
    thread.block_index = {block % sim_grid_dim.x, block / sim_grid_dim.x % sim_grid_dim.y,
                          block / sim_grid_dim.x / sim_grid_dim.y};
    thread.thread_index = {i % sim_block_dim.x, i / sim_block_dim.x % sim_block_dim.y,
                           i / sim_block_dim.x / sim_block_dim.y};
    return describe(&thread);
}

[[noreturn]] static void fail_race(const char* where, size_t offset, bool is_write, const char* was, const Past& past,
                                   Site site, const void* pc) {
    fail("race on %s, byte %zu: %s %s it at %s, and %s %s it at %s with no barrier or flag between", where, offset,
         describe(self()), is_write ? "writes" : "reads", describe_place(site, pc), describe_number(past.thread), was,
         describe_past_place(past.place));
}

// Nothing to check or to note: this thread, or for shared memory many warps of its block, read since the last write.
static bool seen_before(const Cell& cell, const Thread* me, bool is_shared) {
    if (cell.read.epoch != me->block->epoch) return false;
    if (cell.readers == one) return cell.read.thread == me->number && cell.read.warp_epoch == me->warp->epoch;
    return is_shared && cell.readers == warps_of_block && cell.write.epoch != me->block->epoch;
}

static void access_cell(Cell& cell, const char* where, size_t offset, bool is_write, Site site, const void* pc) {
    const Thread* const me = self();
    if (!ordered(cell.write, me)) fail_race(where, offset, is_write, "wrote", cell.write, site, pc);
    const Past now = {me->number, me->block->epoch, me->warp->epoch, place_of(site, pc)};
    if (is_write) {
        if (const Past* reader = unordered_reader(cell, me)) fail_race(where, offset, true, "read", *reader, site, pc);
        if (cell.readers == blocks_of_grid) earlier_readers.erase(&cell);
        cell.write = now;
        cell.readers = none;
    } else {
        cell.readers = merge_readers(cell, me);
        cell.read = now;
    }
}

void races_array(int region, size_t offset, size_t bytes, bool is_write, Site site, const void* pc) {
    const Shadow& shadow = of_arrays[region];
    oldest = launch_first_epoch;
    for (size_t i = offset / shadow.granule; i <= (offset + bytes - 1) / shadow.granule; ++i)
        if (is_write || !seen_before(shadow.cells[i], self(), false))
            access_cell(shadow.cells[i], launch->regions[region].name, i * shadow.granule, is_write, site, pc);
}

// ------------------------------------------------------------------------------------------------ shared memory

static size_t words() { return launch->shared_bytes / 4 + 1; }

static Cell* shared_cells(const Block* block) {
    const size_t slot = launch->cooperative ? block->number : 0;
    if (of_shared.size() <= slot) of_shared.resize(slot + 1);
    if (of_shared[slot].cells == nullptr) of_shared[slot] = map(2 * launch->shared_bytes + 8, 4);
    return of_shared[slot].cells;
}

static void split_words() {
    halves_differ = true;
    for (const Shadow& shadow : of_shared)
        if (shadow.cells != nullptr) memcpy(shadow.cells + words(), shadow.cells, words() * sizeof(Cell));
}

// A word of four bytes has one cell until a launch touches half a word; from then on each half has its own.
template <class Visit>
static void for_each_cell(const Block* block, size_t offset, size_t bytes, Visit visit) {
    Cell* const cells = shared_cells(block);
    if ((offset % 4 != 0 || bytes % 4 != 0) && !halves_differ) split_words();
    for (size_t half = offset / 2; half <= (offset + bytes - 1) / 2; half += halves_differ ? 1 : 2)
        visit(cells[half / 2 + half % 2 * words()], 2 * half);
}

void races_shared(const Block* block, size_t offset, size_t bytes, Access access, Site site, const void* pc) {
    oldest = block->first_epoch;
    for_each_cell(block, offset, bytes, [=](Cell& cell, size_t byte) {
        if (cell.pending && cell.write.epoch >= block->first_epoch)
            fail("missing wait: %s touches byte %zu of shared memory at %s, where an asynchronous copy of %s is in flight",
                 describe(self()), byte, describe_place(site, pc), describe_number(cell.write.thread));
        if (access == Access::read) {
            if (cell.write.epoch < block->first_epoch)
                fail("uninitialised shared memory: %s reads byte %zu at %s, which nothing has written", describe(self()),
                     byte, describe_place(site, pc));
            if (seen_before(cell, self(), true)) return;
        }
        if (access == Access::atomic) {  // counts as written long ago: atomics do not race
            cell.write = {self()->number, block->first_epoch, 0, 0};
            return;
        }
        access_cell(cell, "shared memory", byte, access != Access::read, site, pc);
        cell.pending = access == Access::async_write;
    });
}

void races_async_done(const Block* block, size_t offset, size_t bytes) {
    for_each_cell(block, offset, bytes, [](Cell& cell, size_t) {
        cell.pending = false;
        cell.write = {self()->number, self()->block->epoch, self()->warp->epoch, cell.write.place};
    });
}
