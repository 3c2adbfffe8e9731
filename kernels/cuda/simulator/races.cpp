// Races, missing waits and uninitialised shared memory, found by comparing each access with the last ones to its bytes.
//
// Two accesses to the same bytes, one of them a write, are ordered when one thread made both, or a __syncthreads lies
// between them (their block's epochs differ), or both are of one warp and a __syncwarp lies between them, or a named
// barrier of both warps does. Shuffles and mma order no memory. Between blocks only flags order accesses (clocks.cpp).
//
// A cell knows its last reader only. Of shared memory it is also noted in which epoch each warp read a word last, since a
// named barrier orders the reads of some warps and not of others. Arrays have no such notes: there a named barrier does
// not order the readers of two warps before a writer.
#include <sys/mman.h>

#include <cstring>
#include <unordered_map>
#include <vector>

#include "races.h"

enum Readers : uint8_t { none, one, lanes_of_warp, warps_of_block, blocks_of_grid };

struct Cell {
    Past write, read;
    uint8_t readers;
    bool pending;     // an asynchronous copy is on its way here
    uint16_t fences;  // the writer's calls of fence_proxy_async before it wrote
};

struct Shadow {
    Cell* cells;
    uint32_t* warp_reads;  // of shared memory: for each cell and warp, the epoch of the warp's last read
    size_t bytes;
    int granule;
};

static bool halves_differ;  // see for_each_cell
static std::vector<Shadow> of_arrays, of_shared;
static std::unordered_map<const Cell*, std::vector<Past>> earlier_readers;  // of other blocks, in cooperative launches
static uint32_t launch_first_epoch, oldest;  // what happened before `oldest` is of no account to this access
static uint32_t* warp_reads;                 // of the cell that this access is to, or null in an array

static Shadow map(size_t memory_bytes, int granule, int n_warps) {
    const size_t n_cells = memory_bytes / granule + 1, bytes = n_cells * (sizeof(Cell) + 4 * n_warps);
    void* cells = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (cells == MAP_FAILED) fail("the simulator found no memory for its shadow of %zu bytes", memory_bytes);
    return {static_cast<Cell*>(cells), reinterpret_cast<uint32_t*>(static_cast<Cell*>(cells) + n_cells), bytes, granule};
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
        of_arrays.push_back(map(launch->regions[i].bytes, launch->regions[i].granule, 0));
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
    return past.epoch != me->block->epoch || past.warp_epoch < me->warp->known[past.thread % me->block->n_threads / 32];
}

static uint32_t epoch_of(const Warp* warp) { return warp->epoch > warp->block->epoch ? warp->epoch : warp->block->epoch; }

// Where several warps have read since the block's last __syncthreads: a reader that is not ordered before me, or null. Of
// a warp that was not the last to read, it names the first lane.
static const Past* unordered_warp(const Cell& cell, const Thread* me) {
    if (warp_reads == nullptr) return &cell.read;
    static Past reader;
    for (int w = 0; 32 * w < me->block->n_threads; ++w)
        if (warp_reads[w] >= me->block->epoch && warp_reads[w] >= me->warp->known[w]) {
            reader = {me->block->threads[32 * w].number, me->block->epoch, warp_reads[w], cell.read.place};
            return same_warp(cell.read.thread, me->block->threads + 32 * w) ? &cell.read : &reader;
        }
    return nullptr;
}

// The reader that is not ordered before me, or null.
static const Past* unordered_reader(const Cell& cell, const Thread* me) {
    if (cell.readers == none || cell.read.epoch < oldest) return nullptr;
    if (cell.readers == one || !same_block(cell.read.thread, me)) {
        if (!ordered(cell.read, me)) return &cell.read;
    } else if (cell.readers != blocks_of_grid && cell.read.epoch == me->block->epoch) {
        if (cell.readers == warps_of_block) return unordered_warp(cell, me);
        if (cell.read.warp_epoch >= me->warp->known[cell.read.thread % me->block->n_threads / 32]) return &cell.read;
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
    if (unordered_reader(cell, me) == nullptr) return one;
    return cell.readers == warps_of_block || !same_warp(cell.read.thread, me) ? warps_of_block : lanes_of_warp;
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

// Nothing to check or to note: this thread, or for shared memory its warp and others, read since the last write.
static bool seen_before(const Cell& cell, const Thread* me) {
    if (cell.read.epoch != me->block->epoch) return false;
    if (cell.readers == one) return cell.read.thread == me->number && cell.read.warp_epoch == me->warp->epoch;
    return warp_reads != nullptr && cell.readers == warps_of_block && cell.write.epoch != me->block->epoch &&
           warp_reads[me->warp - me->block->warps] == epoch_of(me->warp);
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
        cell.fences = me->proxy_fences;
    } else {
        cell.readers = merge_readers(cell, me);
        cell.read = now;
        if (warp_reads != nullptr) warp_reads[me->warp - me->block->warps] = epoch_of(me->warp);
    }
}

void races_array(int region, size_t offset, size_t bytes, bool is_write, Site site, const void* pc) {
    const Shadow& shadow = of_arrays[region];
    oldest = launch_first_epoch;
    warp_reads = nullptr;
    for (size_t i = offset / shadow.granule; i <= (offset + bytes - 1) / shadow.granule; ++i)
        if (is_write || !seen_before(shadow.cells[i], self()))
            access_cell(shadow.cells[i], launch->regions[region].name, i * shadow.granule, is_write, site, pc);
}

// ------------------------------------------------------------------------------------------------ shared memory

static size_t words() { return launch->shared_bytes / 4 + 1; }

static int n_warps(const Block* block) { return (block->n_threads + 31) / 32; }

static const Shadow& shared_shadow(const Block* block) {
    const size_t slot = launch->cooperative ? block->number : 0;
    if (of_shared.size() <= slot) of_shared.resize(slot + 1);
    if (of_shared[slot].cells == nullptr) of_shared[slot] = map(2 * launch->shared_bytes + 8, 4, n_warps(block));
    return of_shared[slot];
}

static void split_words(int n_warps) {
    halves_differ = true;
    for (const Shadow& shadow : of_shared)
        if (shadow.cells != nullptr) {
            memcpy(shadow.cells + words(), shadow.cells, words() * sizeof(Cell));
            memcpy(shadow.warp_reads + words() * n_warps, shadow.warp_reads, words() * n_warps * 4);
        }
}

// A word of four bytes has one cell until a launch touches half a word; from then on each half has its own.
template <class Visit>
static void for_each_cell(const Block* block, size_t offset, size_t bytes, Visit visit) {
    const Shadow& shadow = shared_shadow(block);
    if ((offset % 4 != 0 || bytes % 4 != 0) && !halves_differ) split_words(n_warps(block));
    for (size_t half = offset / 2; half <= (offset + bytes - 1) / 2; half += halves_differ ? 1 : 2) {
        const size_t i = half / 2 + half % 2 * words();
        warp_reads = shadow.warp_reads + i * n_warps(block);
        visit(shadow.cells[i], 2 * half);
    }
}

// wgmma reads by another way than stores write: the writer calls fence_proxy_async between them.
static void check_fence(const Cell& cell, const Block* block, size_t byte, Site site) {
    const Thread* const writer = &block->threads[cell.write.thread % block->n_threads];
    if (cell.fences == writer->proxy_fences)
        fail("missing fence: %s reads byte %zu of shared memory by the wgmma at %s, and %s has not called fence_proxy_async "
             "since it wrote it", describe(self()), byte, describe_place(site, nullptr), describe(writer));
}

void races_shared(const Block* block, size_t offset, size_t bytes, Access access, Site site, const void* pc) {
    oldest = block->first_epoch;
    for_each_cell(block, offset, bytes, [=](Cell& cell, size_t byte) {
        if (cell.pending && cell.write.epoch >= block->first_epoch)
            fail("missing wait: %s touches byte %zu of shared memory at %s, where an asynchronous copy of %s is in flight",
                 describe(self()), byte, describe_place(site, pc), describe_number(cell.write.thread));
        const bool is_read = access == Access::read || access == Access::product_read;
        if (is_read) {
            if (cell.write.epoch < block->first_epoch)
                fail("uninitialised shared memory: %s reads byte %zu at %s, which nothing has written", describe(self()),
                     byte, describe_place(site, pc));
            if (access == Access::product_read) check_fence(cell, block, byte, site);
            if (seen_before(cell, self())) return;
        }
        if (access == Access::atomic) {  // counts as written long ago: atomics do not race
            cell.fences = self()->proxy_fences;
            cell.write = {self()->number, block->first_epoch, 0, 0};
            return;
        }
        access_cell(cell, "shared memory", byte, !is_read, site, pc);
        cell.pending = access == Access::async_write;
    });
}

void races_async_done(const Block* block, size_t offset, size_t bytes) {
    for_each_cell(block, offset, bytes, [](Cell& cell, size_t) {
        cell.pending = false;
        cell.fences = self()->proxy_fences;
        cell.write = {self()->number, self()->block->epoch, self()->warp->epoch, cell.write.place};
    });
}
