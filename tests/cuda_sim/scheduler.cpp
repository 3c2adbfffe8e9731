// A launch: blocks in shuffled order, threads as fibers that run until they must wait, barriers, and the end of a launch.
//
// A fiber takes threads one after another while none of them waits, so a kernel without barriers runs as a plain loop.
// A warp that its collective releases runs on before other warps do: warps drift as far apart as barriers allow.
#include <setjmp.h>
#include <signal.h>

#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "sim.h"

extern "C" {
SimCoordinates* sim_here;
dim3 sim_block_dim, sim_grid_dim;
}
const Launch* launch;
uint32_t last_epoch = 1;

static sigjmp_buf failed;
static void* main_stack_pointer;
static std::vector<Thread> threads;
static std::vector<Warp> warps;
static std::vector<Block> blocks;
static std::vector<Thread*> unstarted;  // in order from next_unstarted on
static size_t next_unstarted;
static std::vector<Thread*> ready;  // a ring
static size_t ready_first, ready_count;
static uint64_t random_state, idle_spins;

static uint64_t random_below(uint64_t n) {
    random_state ^= random_state << 13, random_state ^= random_state >> 7, random_state ^= random_state << 17;
    return random_state % n;
}

template <class T>
static void shuffle(std::vector<T>& items) {
    for (size_t i = items.size(); i > 1; --i) {
        const size_t j = random_below(i);
        const T item = items[i - 1];
        items[i - 1] = items[j], items[j] = item;
    }
}

// ------------------------------------------------------------------------------------------------ failing

void fail(const char* format, ...) {
    const size_t used = snprintf(launch->message, launch->message_size, "%s: ", launch->kernel);
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(launch->message + used, launch->message_size - used, format, arguments);
    va_end(arguments);
    siglongjmp(failed, 1);
}

const char* describe(const Thread* thread) {
    static char texts[8][96];
    static int next;
    char* text = texts[next++ % 8];
    const uint3 b = thread->block_index, t = thread->thread_index;
    snprintf(text, sizeof texts[0], "block (%u,%u,%u) thread (%u,%u,%u)", b.x, b.y, b.z, t.x, t.y, t.z);
    return text;
}

static void on_crash(int, siginfo_t* info, void*) {
    if (sim_here == nullptr) {  // not a kernel: let it crash as it would have
        signal(SIGSEGV, SIG_DFL);
        signal(SIGBUS, SIG_DFL);
        return;
    }
    if (fiber_overflowed(self()->fiber, info->si_addr))
        fail("%s: the thread's stack overflowed (a large local array, or a recursion)", describe(self()));
    memory_describe_crash(info->si_addr);
}

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
    for (const Thread& thread : threads) {
        if (thread.state == State::at_collective)
            if (const Thread* missing = warp_missing(&thread)) {
                const char* where = missing->state == State::at_barrier ? "waits at __syncthreads" : "waits";
                fail("divergence in a warp: %s waits at %s:%d for %s, which %s at %s:%d", describe(&thread),
                     thread.site.file, thread.site.line, describe(missing), where, missing->site.file, missing->site.line);
            }
        if (thread.state != State::exited && first == nullptr) first = &thread;
    }
    for (const Thread& thread : threads)
        if (thread.state != State::exited && thread.state != State::at_barrier)
            fail("deadlock: %s waits at %s:%d and nothing can release it", describe(&thread), thread.site.file,
                 thread.site.line);
    fail("deadlock: %s waits at %s:%d and nothing can release it", describe(first), first->site.file, first->site.line);
}

static void run_thread(Thread* thread);

static void fiber_body() {
    Thread* thread = unstarted[next_unstarted++];
    Fiber* const fiber = thread->fiber;
    for (;;) {
        run_thread(thread);
        if (ready_count > 0) {
            Thread* next = take_ready();
            enter(next);
            fiber_free(fiber);
            void* unused;
            sim_switch(&unused, next->fiber->stack_pointer);
        } else if (next_unstarted < unstarted.size()) {
            thread = unstarted[next_unstarted++];
            thread->fiber = fiber;
        } else {
            for (const Thread& other : threads)
                if (other.state != State::exited) fail_stuck();
            fiber_free(fiber);
            sim_here = nullptr;
            void* unused;
            sim_switch(&unused, main_stack_pointer);
        }
    }
}

static Fiber* fiber_for_next_unstarted() {
    Fiber* fiber = fiber_start(fiber_body);
    unstarted[next_unstarted]->fiber = fiber;
    return fiber;
}

static void switch_away(bool prefer_unstarted) {
    Fiber* const mine = self()->fiber;
    const bool can_start = next_unstarted < unstarted.size();
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
    if (++idle_spins > 64 * (ready_count + 1) && next_unstarted == unstarted.size())
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
    progress();
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
    const int n_warps = (block->n_threads + 31) / 32;
    const int first = static_cast<int>(random_below(n_warps));
    for (int i = n_warps - 1; i >= 0; --i) {
        Warp& warp = block->warps[(first + i) % n_warps];
        for (int lane = warp.size - 1; lane >= 0; --lane)
            if (&warp.lanes[lane] != me) make_ready(&warp.lanes[lane]);
    }
    return block->result;
}

extern "C" int sim_block_threads() { return self()->block->n_threads; }

// ------------------------------------------------------------------------------------------------ launching

static void set_up_block(uint32_t slot, uint32_t number) {
    const int n = static_cast<int>(sim_block_dim.x * sim_block_dim.y * sim_block_dim.z), n_warps = (n + 31) / 32;
    Block& block = blocks[slot];
    block = Block{};
    block.number = number;
    block.n_threads = n;
    block.epoch = block.first_epoch = ++last_epoch;
    block.threads = &threads[size_t(slot) * n];
    block.warps = &warps[size_t(slot) * n_warps];
    block.shared = memory_shared(slot);
    const uint3 index = {number % sim_grid_dim.x, number / sim_grid_dim.x % sim_grid_dim.y,
                         number / sim_grid_dim.x / sim_grid_dim.y};
    for (int w = 0; w < n_warps; ++w) {
        Warp& warp = block.warps[w];
        warp.block = &block;
        warp.lanes = block.threads + 32 * w;
        warp.size = n - 32 * w < 32 ? n - 32 * w : 32;
        warp.exists = 0xffffffffu >> (32 - warp.size);
        warp.exited = warp.epoch = 0;
        warp.n_pending = 0;
    }
    for (int i = 0; i < n; ++i) {
        Thread& thread = block.threads[i];
        thread.thread_index = {i % sim_block_dim.x, i / sim_block_dim.x % sim_block_dim.y,
                               i / sim_block_dim.x / sim_block_dim.y};
        thread.block_index = index;
        thread.lane = i % 32;
        thread.shared = block.shared;
        thread.block = &block;
        thread.warp = &block.warps[i / 32];
        thread.state = State::unstarted;
        thread.number = number * n + i;
        thread.site = {"its start", 0};
        thread.n_copies = 0;
        thread.open_group = 0;
    }
    std::vector<int> order(n_warps);
    for (int w = 0; w < n_warps; ++w) order[w] = w;
    shuffle(order);
    for (const int w : order)
        for (int lane = 0; lane < block.warps[w].size; ++lane) unstarted.push_back(&block.warps[w].lanes[lane]);
}

static void run_blocks(const uint32_t* numbers, uint32_t count) {
    unstarted.clear();
    next_unstarted = 0;
    ready_first = ready_count = idle_spins = 0;
    for (uint32_t slot = 0; slot < count; ++slot) set_up_block(slot, numbers[slot]);
    sim_switch(&main_stack_pointer, fiber_for_next_unstarted()->stack_pointer);
}

static void run_grid() {
    const size_t n_blocks = size_t(sim_grid_dim.x) * sim_grid_dim.y * sim_grid_dim.z;
    const size_t alive = launch->cooperative ? n_blocks : 1;
    const size_t n_threads = size_t(sim_block_dim.x) * sim_block_dim.y * sim_block_dim.z;
    std::vector<uint32_t> order(n_blocks);
    for (size_t i = 0; i < n_blocks; ++i) order[i] = static_cast<uint32_t>(i);
    shuffle(order);
    if (threads.size() < alive * n_threads) threads.resize(alive * n_threads);
    for (Thread& thread : threads) thread.state = State::exited;
    if (warps.size() < alive * ((n_threads + 31) / 32)) warps.resize(alive * ((n_threads + 31) / 32));
    if (blocks.size() < alive) blocks.resize(alive);
    if (ready.size() < alive * n_threads) ready.resize(alive * n_threads);
    memory_map_shared(static_cast<uint32_t>(alive));
    for (size_t done = 0; done < n_blocks; done += alive) run_blocks(&order[done], static_cast<uint32_t>(alive));
}

// Runs the launch; returns 0, or 1 with launch->message filled in.
extern "C" int sim_launch(const Launch* l) {
    static unsigned char* const signal_stack = static_cast<unsigned char*>(malloc(65536));
    launch = l;
    sim_grid_dim = {l->grid[0], l->grid[1], l->grid[2]};
    sim_block_dim = {l->block[0], l->block[1], l->block[2]};
    random_state = l->seed * 0x9e3779b97f4a7c15u + 1;
    struct sigaction action = {}, old_segv, old_bus;
    action.sa_sigaction = on_crash;
    action.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER;
    stack_t stack = {}, old_stack;
    stack.ss_sp = signal_stack;
    stack.ss_size = 65536;
    sigaltstack(&stack, &old_stack);
    sigaction(SIGSEGV, &action, &old_segv);
    sigaction(SIGBUS, &action, &old_bus);
    const int status = sigsetjmp(failed, 1);
    if (status == 0) {
        memory_begin(l->args);
        run_grid();
        memory_end();
    } else {
        sim_here = nullptr;
        fiber_free_all();
        memory_abandon();
    }
    sigaction(SIGSEGV, &old_segv, nullptr);
    sigaction(SIGBUS, &old_bus, nullptr);
    sigaltstack(&old_stack, nullptr);
    return status;
}
