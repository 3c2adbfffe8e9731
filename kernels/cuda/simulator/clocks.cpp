// What each block knows of the other blocks' past, through flags in global memory; and what named barriers order.
//
// A release publishes, under the flag's address, what the releasing thread knows: every access of its block before the
// block's last __syncthreads, its own accesses, and all that it had acquired. An acquire of that flag lets the acquiring
// thread know it at once, and the rest of its block from the next __syncthreads on. Atomics count as both. A named barrier
// does the same for its warps alone.
#include <cstring>
#include <unordered_map>
#include <vector>

#include "races.h"

struct Known {  // of `block`: what it did before `epoch`, and what `thread` did
    uint32_t block, epoch, thread;
    std::vector<uint32_t> warps;  // and each warp before this epoch of its own; empty without named barriers
};
using Clock = std::vector<Known>;

constexpr uint32_t no_thread = 0xffffffffu;

struct Acquired {
    uint32_t thread, warps;  // by whom: one thread, or with no_thread the warps whose bits are set
    Clock clock;
    bool by(const Thread* me) const { return thread == me->number || warps >> (me->warp - me->block->warps) & 1u; }
};

struct BlockClocks {
    Clock known;
    std::vector<Acquired> fresh;  // since the last __syncthreads
    bool has_named_barriers;
};

static std::unordered_map<uint32_t, BlockClocks> of_blocks;
static std::unordered_map<const void*, Clock> of_flags;

static void join(Clock& clock, const Known& news) {
    for (Known& known : clock)
        if (known.block == news.block) {
            if (news.epoch < known.epoch) return;
            std::vector<uint32_t> before;
            if (news.epoch == known.epoch) before.swap(known.warps);
            known = news;
            if (known.warps.size() < before.size()) known.warps.resize(before.size());
            for (size_t i = 0; i < before.size(); ++i)
                if (known.warps[i] < before[i]) known.warps[i] = before[i];
            return;
        }
    clock.push_back(news);
}
static void join(Clock& clock, const Clock& news) {
    for (const Known& known : news) join(clock, known);
}

static bool covers(const Clock& clock, uint32_t block, const Past& past) {
    const uint32_t warp = past.thread % static_cast<uint32_t>(self()->block->n_threads) / 32;
    for (const Known& known : clock)
        if (known.block == block)
            return past.epoch < known.epoch || past.thread == known.thread ||
                   (past.epoch == known.epoch && warp < known.warps.size() && past.warp_epoch < known.warps[warp]);
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

void clocks_named_barrier(const Block* block, uint32_t warps) {
    const int n_warps = (block->n_threads + 31) / 32;
    uint32_t known[32] = {};
    for (int w = 0; w < n_warps; ++w)
        if (warps >> w & 1u) {
            warp_next_epoch(&block->warps[w]);
            for (int v = 0; v < n_warps; ++v)
                if (known[v] < block->warps[w].known[v]) known[v] = block->warps[w].known[v];
        }
    for (int w = 0; w < n_warps; ++w)
        if (warps >> w & 1u) memcpy(block->warps[w].known, known, sizeof known);

    BlockClocks& mine = of_blocks[block->number];
    mine.has_named_barriers = true;
    Acquired together = {no_thread, warps, {}};
    std::vector<Acquired> others;
    for (const Acquired& acquired : mine.fresh) {
        const uint32_t who =
            acquired.thread == no_thread ? acquired.warps : 1u << acquired.thread % block->n_threads / 32;
        if (who & warps) join(together.clock, acquired.clock);
        if (who & ~warps) others.push_back(acquired);
    }
    if (!together.clock.empty()) others.push_back(together);
    mine.fresh.swap(others);
}

void clocks_release(const void* flag) {
    const Thread* const me = self();
    Clock& clock = of_flags[flag];
    const BlockClocks& mine = of_blocks[me->block->number];
    join(clock, mine.known);
    for (const Acquired& acquired : mine.fresh)
        if (acquired.by(me)) join(clock, acquired.clock);
    Known own = {me->block->number, me->block->epoch, me->number, {}};
    if (mine.has_named_barriers) own.warps.assign(me->warp->known, me->warp->known + (me->block->n_threads + 31) / 32);
    join(clock, own);
}

void clocks_acquire(const void* flag) {
    const auto found = of_flags.find(flag);
    if (found == of_flags.end()) return;
    const Thread* const me = self();
    BlockClocks& mine = of_blocks[me->block->number];
    for (Acquired& acquired : mine.fresh)
        if (acquired.thread == me->number) return join(acquired.clock, found->second);
    mine.fresh.push_back({me->number, 0, found->second});
}

bool clocks_cover(const Past& past, const Thread* me) {
    const auto found = of_blocks.find(me->block->number);
    if (found == of_blocks.end()) return false;
    const uint32_t block = past.thread / me->block->n_threads;
    if (covers(found->second.known, block, past)) return true;
    for (const Acquired& acquired : found->second.fresh)
        if (acquired.by(me) && covers(acquired.clock, block, past)) return true;
    return false;
}
