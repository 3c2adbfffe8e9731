// Who runs: threads as fibers that run until they must wait, and barriers.
//
// A fiber takes threads one after another while none of them waits, so a kernel without barriers runs as a plain loop.
// A warp that its collective releases runs on before other warps do: warps drift as far apart as barriers allow.
#include <cstring>
#include <vector>

#include "races.h"

extern "C" {
SimCoordinates* sim_here;
}

static void* main_stack_pointer;
static std::vector<Thread*> all;        // the threads of the blocks that are alive, in the order in which they start
static size_t next_unstarted;           // those of `all` from here on have not started
static std::vector<Thread*> ready;      // a ring
static size_t ready_first, ready_count;
static uint64_t idle_spins;

// ------------------------------------------------------------------------------------------------ switching

static void enter(Thread* thread) {
    thread->state = State::running;
    sim_here = thread;
}

static Thread* take_ready() {
    Thread* thread = ready[ready_first];
    ready_first = (ready_first + 1) % ready.size();
    --ready_count;
    return thread;
}

void make_ready(Thread* thread) {
    thread->state = State::ready;
    ready_first = (ready_first + ready.size() - 1) % ready.size();
    ready[ready_first] = thread;
    ++ready_count;
}

[[noreturn]] static void fail_stuck() {
    const Thread* first = nullptr;
    for (const Thread* thread : all) {
        if (thread->state == State::at_collective)
            if (const Thread* missing = warp_missing(thread)) {
                const char* where = missing->state == State::at_barrier ? "waits at __syncthreads" : "waits";
                fail("divergence in a warp: %s waits at %s:%d for %s, which %s at %s:%d", describe(thread),
                     thread->site.file, thread->site.line, describe(missing), where, missing->site.file, missing->site.line);
            }
        const bool waits = thread->state != State::exited;
        if (waits && (first == nullptr || first->state == State::at_barrier)) first = thread;
    }
    if (first->state == State::at_named_barrier) {
        const NamedBarrier& barrier = first->block->named[first->named_barrier];
        fail("deadlock: %s waits at %s:%d at named barrier %d, where %d of %d threads are", describe(first),
             first->site.file, first->site.line, first->named_barrier, barrier.arrived, barrier.threads);
    }
    fail("deadlock: %s waits at %s:%d and nothing can release it", describe(first), first->site.file, first->site.line);
}

static void run_thread(Thread* thread);

static void fiber_body() {
    Thread* thread = all[next_unstarted++];
    Fiber* const fiber = thread->fiber;
    for (;;) {
        run_thread(thread);
        if (ready_count > 0) {
            Thread* next = take_ready();
            enter(next);
            fiber_free(fiber);
            void* unused;
            sim_switch(&unused, next->fiber->stack_pointer);
        } else if (next_unstarted < all.size()) {
            thread = all[next_unstarted++];
            thread->fiber = fiber;
        } else {
            for (const Thread* other : all)
                if (other->state != State::exited) fail_stuck();
            fiber_free(fiber);
            sim_here = nullptr;
            void* unused;
            sim_switch(&unused, main_stack_pointer);
        }
    }
}

static Fiber* fiber_for_next_unstarted() {
    Fiber* fiber = fiber_start(fiber_body);
    all[next_unstarted]->fiber = fiber;
    return fiber;
}

static void switch_away(bool prefer_unstarted) {
    Fiber* const mine = self()->fiber;
    const bool can_start = next_unstarted < all.size();
    if (can_start && (prefer_unstarted || ready_count == 0)) {
        Fiber* fiber = fiber_for_next_unstarted();
        sim_switch(&mine->stack_pointer, fiber->stack_pointer);
    } else if (ready_count > 0) {
        Thread* next = take_ready();
        enter(next);
        if (next->fiber != mine) sim_switch(&mine->stack_pointer, next->fiber->stack_pointer);
    } else {
        fail_stuck();
    }
}

void wait_here(State state, Site site) {
    self()->state = state;
    self()->site = site;
    switch_away(false);
}

void progress() { idle_spins = 0; }

extern "C" void sim_spin(const char* file, int line) {
    Thread* const me = self();
    me->site = {file, line};
    if (++idle_spins > 64 * (ready_count + 1) && next_unstarted == all.size())
        fail("deadlock: %s polls at %s:%d and no thread that could release it is left to run%s", describe(me), file, line,
             launch->cooperative ? "" : " (the blocks of an ordinary launch may run one after another)");
    me->state = State::ready;
    ready[(ready_first + ready_count++) % ready.size()] = me;
    switch_away(true);
}

// ------------------------------------------------------------------------------------------------ threads and barriers

static void run_thread(Thread* thread) {
    enter(thread);
    progress();
    launch->entry(launch->args);
    thread = self();
    thread->state = State::exited;
    async_exit(thread);
    Block* const block = thread->block;
    if (block->arrived > 0)
        fail("divergence: %s returned while other threads of its block wait at __syncthreads at %s:%d", describe(thread),
             block->barrier.file, block->barrier.line);
    ++block->exited;
    warp_exit(thread);
    wgmma_exit(thread);
    progress();
}

// All lanes of these warps but the running one, which has released them; a warp at a time, beginning with any.
static void release_warps(Block* block, uint32_t warps) {
    const int n_warps = (block->n_threads + 31) / 32;
    const int first = static_cast<int>(random_below(n_warps));
    for (int i = n_warps - 1; i >= 0; --i) {
        const int w = (first + i) % n_warps;
        if (!(warps >> w & 1u)) continue;
        Warp& warp = block->warps[w];
        for (int lane = warp.size - 1; lane >= 0; --lane)
            if (&warp.lanes[lane] != self()) make_ready(&warp.lanes[lane]);
    }
}

extern "C" int sim_barrier(int predicate, const char* file, int line) {
    Thread* const me = self();
    Block* const block = me->block;
    progress();
    if (block->exited > 0)
        for (int i = 0; i < block->n_threads; ++i)
            if (block->threads[i].state == State::exited)
                fail("divergence: %s waits at __syncthreads at %s:%d, but %s of its block has returned", describe(me), file,
                     line, describe(&block->threads[i]));
    if (block->arrived > 0 && (block->barrier.line != line || strcmp(block->barrier.file, file) != 0))
        fail("divergence: %s is at __syncthreads at %s:%d while other threads of its block wait at %s:%d", describe(me),
             file, line, block->barrier.file, block->barrier.line);
    block->barrier = {file, line};
    block->predicates += predicate;
    if (++block->arrived < block->n_threads) {
        wait_here(State::at_barrier, {file, line});
        return block->result;
    }
    block->result = block->predicates;
    block->arrived = block->predicates = 0;
    block->epoch = ++last_epoch;
    if (launch->checked) clocks_barrier(block);
    release_warps(block, 0xffffffffu);
    return block->result;
}

// The lanes of a warp come together, as the hardware counts whole warps.
extern "C" void sim_named_barrier(int id, int threads, const char* file, int line) {
    Thread* const me = self();
    Block* const block = me->block;
    if (id < 1 || id > 15)
        fail("%s: named barrier %d at %s:%d; their numbers are 1 to 15", describe(me), id, file, line);
    if (threads <= 0 || threads % 32 != 0 || threads > block->n_threads)
        fail("%s: named barrier %d at %s:%d is for %d threads, which are not whole warps of a block of %d", describe(me), id,
             file, line, threads, block->n_threads);
    sim_collective(SIM_NAMED_BARRIER, 0xffffffffu, nullptr, file, line);
    NamedBarrier& barrier = block->named[id];
    if (barrier.arrived > 0 && barrier.threads != threads)
        fail("%s is at named barrier %d at %s:%d with %d threads, where other threads wait for %d", describe(me), id, file,
             line, threads, barrier.threads);
    barrier.threads = threads;
    me->named_barrier = id;
    if (++barrier.arrived < threads) return wait_here(State::at_named_barrier, {file, line});
    barrier.arrived = 0;
    uint32_t warps = 1u << (me->warp - block->warps);
    for (int i = 0; i < block->n_threads; i += 32)
        if (block->threads[i].state == State::at_named_barrier && block->threads[i].named_barrier == id)
            warps |= 1u << i / 32;
    if (launch->checked) clocks_named_barrier(block, warps);
    release_warps(block, warps);
}

extern "C" int sim_block_threads() { return self()->block->n_threads; }

void run_threads(const std::vector<Thread*>& threads) {
    all = threads;
    next_unstarted = ready_first = ready_count = idle_spins = 0;
    if (ready.size() < all.size()) ready.resize(all.size());
    sim_switch(&main_stack_pointer, fiber_for_next_unstarted()->stack_pointer);
}
