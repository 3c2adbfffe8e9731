// A launch: the grid's blocks in shuffled order, all alive at once in a cooperative launch and else one by one.
#include <setjmp.h>
#include <signal.h>
#include <sys/time.h>

#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <vector>

#include "sim.h"

extern "C" {
dim3 sim_block_dim, sim_grid_dim;
}
const Launch* launch;
uint32_t last_epoch = 1;

static sigjmp_buf failed;
static std::vector<Thread> threads;
static std::vector<Warp> warps;
static std::vector<Block> blocks;
static std::vector<Thread*> order_of_threads;
static uint64_t random_state;

uint64_t random_below(uint64_t n) {
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
        for (uint32_t& known : warp.known) known = 0;
        warp.n_pending = 0;
        wgmma_start(&warp);
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
        thread.proxy_fences = 0;
    }
    std::vector<int> order(n_warps);
    for (int w = 0; w < n_warps; ++w) order[w] = w;
    shuffle(order);
    for (const int w : order)
        for (int lane = 0; lane < block.warps[w].size; ++lane) order_of_threads.push_back(&block.warps[w].lanes[lane]);
}

static void run_blocks(const uint32_t* numbers, uint32_t count) {
    order_of_threads.clear();
    for (uint32_t slot = 0; slot < count; ++slot) set_up_block(slot, numbers[slot]);
    run_threads(order_of_threads);
}

static void run_grid() {
    const size_t n_blocks = size_t(sim_grid_dim.x) * sim_grid_dim.y * sim_grid_dim.z;
    const size_t alive = launch->cooperative ? n_blocks : 1;
    const size_t n_threads = size_t(sim_block_dim.x) * sim_block_dim.y * sim_block_dim.z;
    std::vector<uint32_t> order(n_blocks);
    for (size_t i = 0; i < n_blocks; ++i) order[i] = static_cast<uint32_t>(i);
    shuffle(order);
    if (threads.size() < alive * n_threads) threads.resize(alive * n_threads);
    if (warps.size() < alive * ((n_threads + 31) / 32)) warps.resize(alive * ((n_threads + 31) / 32));
    if (blocks.size() < alive) blocks.resize(alive);
    memory_map_shared(static_cast<uint32_t>(alive));
    for (size_t done = 0; done < n_blocks; done += alive) run_blocks(&order[done], static_cast<uint32_t>(alive));
}

static void on_timeout(int) {
    if (sim_here != nullptr)
        fail("%s has not ended after %g s of processor time (a loop that waits for a thread must call spin_pause)",
             describe(self()), launch->seconds);
}

static void set_timer(double seconds) {
    const time_t whole = static_cast<time_t>(seconds);
    const itimerval limit = {{}, {whole, static_cast<suseconds_t>(1e6 * (seconds - whole))}};
    setitimer(ITIMER_VIRTUAL, &limit, nullptr);
}

// Runs the launch; returns 0, or 1 with launch->message filled in.
extern "C" int sim_launch(const Launch* l) {
    static unsigned char* const signal_stack = static_cast<unsigned char*>(malloc(65536));
    launch = l;
    sim_grid_dim = {l->grid[0], l->grid[1], l->grid[2]};
    sim_block_dim = {l->block[0], l->block[1], l->block[2]};
    random_state = l->seed * 0x9e3779b97f4a7c15u + 1;
    struct sigaction action = {}, timeout = {}, old_segv, old_bus, old_alarm;
    action.sa_sigaction = on_crash;
    action.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER;
    stack_t stack = {}, old_stack;
    stack.ss_sp = signal_stack;
    stack.ss_size = 65536;
    sigaltstack(&stack, &old_stack);
    sigaction(SIGSEGV, &action, &old_segv);
    sigaction(SIGBUS, &action, &old_bus);
    timeout.sa_handler = on_timeout;
    timeout.sa_flags = SA_ONSTACK;
    sigaction(SIGVTALRM, &timeout, &old_alarm);
    set_timer(l->seconds);
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
    set_timer(0);
    sigaction(SIGVTALRM, &old_alarm, nullptr);
    sigaction(SIGSEGV, &old_segv, nullptr);
    sigaction(SIGBUS, &old_bus, nullptr);
    sigaltstack(&old_stack, nullptr);
    return status;
}
