// What each block knows of the other blocks' past, through flags in global memory.
//
// A release publishes, under the flag's address, what the releasing thread knows: every access of its block before the
// block's last __syncthreads, its own accesses, and all that it had acquired. An acquire of that flag lets the acquiring
// thread know it at once, and the rest of its block from the next __syncthreads on. Atomics count as both.
#include <unordered_map>
#include <vector>

#include "races.h"

struct Known {  // of `block`: what it did before `epoch`, and what `thread` did
    uint32_t block, epoch, thread;
};
using Clock = std::vector<Known>;

struct Acquired {
    uint32_t thread;
    Clock clock;
};

struct BlockClocks {
    Clock known;
    std::vector<Acquired> fresh;  // since the last __syncthreads
};

static std::unordered_map<uint32_t, BlockClocks> of_blocks;
static std::unordered_map<const void*, Clock> of_flags;

static void join(Clock& clock, const Known& news) {
    for (Known& known : clock)
        if (known.block == news.block) {
            if (news.epoch >= known.epoch) known = news;
            return;
        }
    clock.push_back(news);
}
static void join(Clock& clock, const Clock& news) {
    for (const Known& known : news) join(clock, known);
}

static bool covers(const Clock& clock, uint32_t block, const Past& past) {
    for (const Known& known : clock)
        if (known.block == block) return past.epoch < known.epoch || past.thread == known.thread;
    return false;
}

void clocks_begin() {
    of_blocks.clear();
    of_flags.clear();
}

void clocks_barrier(const Block* block) {
    const auto found = of_blocks.find(block->number);
    if (found == of_blocks.end()) return;
    for (const Acquired& acquired : found->second.fresh) join(found->second.known, acquired.clock);
    found->second.fresh.clear();
}

void clocks_release(const void* flag) {
    const Thread* const me = self();
    Clock& clock = of_flags[flag];
    const BlockClocks& mine = of_blocks[me->block->number];
    join(clock, mine.known);
    for (const Acquired& acquired : mine.fresh)
        if (acquired.thread == me->number) join(clock, acquired.clock);
    join(clock, Known{me->block->number, me->block->epoch, me->number});
}

void clocks_acquire(const void* flag) {
    const auto found = of_flags.find(flag);
    if (found == of_flags.end()) return;
    const Thread* const me = self();
    BlockClocks& mine = of_blocks[me->block->number];
    for (Acquired& acquired : mine.fresh)
        if (acquired.thread == me->number) return join(acquired.clock, found->second);
    mine.fresh.push_back({me->number, found->second});
}

bool clocks_cover(const Past& past, const Thread* me) {
    const auto found = of_blocks.find(me->block->number);
    if (found == of_blocks.end()) return false;
    const uint32_t block = past.thread / me->block->n_threads;
    if (covers(found->second.known, block, past)) return true;
    for (const Acquired& acquired : found->second.fresh)
        if (acquired.thread == me->number && covers(acquired.clock, block, past)) return true;
    return false;
}
