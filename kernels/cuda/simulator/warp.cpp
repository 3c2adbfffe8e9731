// Warp collectives: each lane hands its operands in and waits; the last lane of the mask computes for all of them.
#include <cstring>

#include "sim.h"

static const char* name(SimOp op) {
    static const char* const names[] = {"__syncwarp", "a shuffle", "a ballot or vote", "a reduction", "a reduction",
                                        "a reduction", "a vote", "a vote", "a reduction", "mma_m16n8k8_tf32",
                                        "mma_m16n8k16_bf16", "mma_m16n8k8_bf16", "ldmatrix", "barrier_sync",
                                        "a wgmma", "wgmma_fence", "wgmma_commit", "wgmma_wait"};
    return names[op];
}

static void run_shuffle(Collective& group, const Warp* warp) {
    for (int lane = 0; lane < 32; ++lane)
        if (group.mask >> lane & 1u) {
            SimShuffle* mine = static_cast<SimShuffle*>(group.operands[lane]);
            if (!(group.mask >> mine->source & 1u))
                fail("%s reads lane %u in a shuffle at %s:%d, but the mask 0x%08x leaves that lane out",
                     describe(&warp->lanes[lane]), mine->source, group.site.file, group.site.line, group.mask);
            mine->result = static_cast<const SimShuffle*>(group.operands[mine->source])->value;
        }
}

static void run_reduce(Collective& group) {
    bool first = true;
    unsigned result = 0;
    for (int lane = 0; lane < 32; ++lane)
        if (group.mask >> lane & 1u) {
            const unsigned value = static_cast<const SimReduce*>(group.operands[lane])->value;
            switch (group.op) {
                case SIM_BALLOT: result |= value << lane; break;
                case SIM_ADD: result += value; break;
                case SIM_MIN: result = first || value < result ? value : result; break;
                case SIM_MAX: result = first || value > result ? value : result; break;
                case SIM_AND: result = first ? value : result & value; break;
                case SIM_OR: result |= value; break;
                default: result ^= value;
            }
            first = false;
        }
    for (int lane = 0; lane < 32; ++lane)
        if (group.mask >> lane & 1u) static_cast<SimReduce*>(group.operands[lane])->result = result;
}

static void run(Collective& group, Warp* warp) {
    if (group.op == SIM_SYNCWARP) {
        warp_next_epoch(warp);
    } else if (group.op == SIM_SHUFFLE) {
        run_shuffle(group, warp);
    } else if (group.op < SIM_MMA_TF32) {
        run_reduce(group);
    } else {
        if (group.mask != 0xffffffffu)
            fail("%s: %s at %s:%d needs all 32 lanes of a warp; this one has %d threads", describe(warp->lanes),
                 name(group.op), group.site.file, group.site.line, warp->size);
        if (group.op >= SIM_WGMMA)
            run_wgmma(group.op, group.operands, group.site, warp);
        else if (group.op != SIM_NAMED_BARRIER)  // the warp is complete: scheduler.cpp goes on
            run_tensor(group.op, group.operands, group.site, warp->lanes);
    }
}

extern "C" void sim_collective(SimOp op, unsigned mask, void* operands, const char* file, int line) {
    Thread* const me = self();
    Warp* const warp = me->warp;
    const unsigned bit = 1u << me->lane;
    mask &= warp->exists;
    progress();
    if (!(mask & bit))
        fail("%s calls %s at %s:%d with a mask that leaves itself out", describe(me), name(op), file, line);
    if (mask & warp->exited)
        fail("divergence in a warp: %s waits at %s at %s:%d for %s, which has returned", describe(me), name(op), file, line,
             describe(&warp->lanes[__builtin_ctz(mask & warp->exited)]));
    Collective* group = nullptr;
    for (int i = 0; i < warp->n_pending; ++i) {
        Collective& other = warp->pending[i];
        if (!(other.mask & mask)) continue;
        if (other.mask != mask || other.op != op || other.site.line != line || strcmp(other.site.file, file) != 0)
            fail("divergence in a warp: %s is at %s at %s:%d (mask 0x%08x) while %s waits at %s at %s:%d (mask 0x%08x)",
                 describe(me), name(op), file, line, mask, describe(&warp->lanes[__builtin_ctz(other.arrived)]),
                 name(other.op), other.site.file, other.site.line, other.mask);
        group = &other;
    }
    if (group == nullptr) {
        group = &warp->pending[warp->n_pending++];
        group->mask = mask, group->arrived = 0, group->op = op, group->site = {file, line};
    }
    group->operands[me->lane] = operands;
    group->arrived |= bit;
    if (group->arrived != mask) {
        wait_here(State::at_collective, {file, line});
        return;
    }
    run(*group, warp);
    const unsigned others = mask & ~bit;
    *group = warp->pending[--warp->n_pending];
    for (int lane = 31; lane >= 0; --lane)
        if (others >> lane & 1u) make_ready(&warp->lanes[lane]);
}

void warp_next_epoch(Warp* warp) { warp->epoch = warp->known[warp - warp->block->warps] = ++last_epoch; }

void warp_exit(Thread* thread) {
    Warp* const warp = thread->warp;
    warp->exited |= 1u << thread->lane;
    for (int i = 0; i < warp->n_pending; ++i)
        if (warp->pending[i].mask & warp->exited)
            fail("divergence in a warp: %s returned while %s waits for it at %s at %s:%d", describe(thread),
                 describe(&warp->lanes[__builtin_ctz(warp->pending[i].arrived)]), name(warp->pending[i].op),
                 warp->pending[i].site.file, warp->pending[i].site.line);
}

const Thread* warp_missing(const Thread* waiting) {
    const Warp* const warp = waiting->warp;
    for (int i = 0; i < warp->n_pending; ++i) {
        const Collective& group = warp->pending[i];
        if (group.arrived >> waiting->lane & 1u) return &warp->lanes[__builtin_ctz(group.mask & ~group.arrived)];
    }
    return nullptr;
}
