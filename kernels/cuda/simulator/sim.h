// The simulator's own data: who the threads are and what they wait for. One OS thread runs everything.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "device.h"
#include "device_wgmma.h"

struct Site {
    const char* file;
    int line;
};

// ------------------------------------------------------------------------------------------------ fibers (fiber.cpp)

struct Fiber {
    void* stack_pointer;
    unsigned char* stack;
};
Fiber* fiber_start(void (*body)());    // a fiber ready to be switched to; body must not return
void fiber_free(Fiber* fiber);         // back to the pool; the running fiber may free itself just before it switches away
void fiber_free_all();                 // after a failed launch, whatever the fibers were doing
bool fiber_overflowed(const Fiber* fiber, const void* address);  // whether this address is below its stack
extern "C" void sim_switch(void** save_stack_pointer, void* load_stack_pointer);

// ------------------------------------------------------------------------------------------------ threads

struct AsyncCopy {
    unsigned char* shared;
    const unsigned char* global;
    uint8_t bytes, size;
    uint32_t group;
    Site site;
};

enum class State : uint8_t { unstarted, ready, running, at_barrier, at_named_barrier, at_collective, exited };

struct Block;
struct Warp;

struct Thread : SimCoordinates {
    Block* block;
    Warp* warp;
    Fiber* fiber;
    State state;
    Site site;         // where it waits
    uint32_t number;   // in the grid: block number * threads of a block + number in the block
    int predicate;
    AsyncCopy* copies;  // in flight, oldest first (async.cpp)
    int n_copies, copy_capacity;
    uint32_t open_group;  // the group that the next commit closes
    uint16_t proxy_fences;  // calls of fence_proxy_async
    int named_barrier;      // where it waits, if at one
};

struct Collective {
    unsigned mask, arrived;
    SimOp op;
    Site site;
    void* operands[32];
};

struct Product {  // one warp's part of a wgmma that has been issued (wgmma.cpp)
    SimWgmma lanes[32];
    uint32_t a[32][4];
    std::vector<float> sums;  // d of all lanes before it; empty while an earlier product of the same d is in flight
    uint32_t group;
    Site site;
};

struct Warp {
    Block* block;
    Thread* lanes;  // the first of `size` threads
    int size;
    unsigned exists, exited;
    uint32_t epoch;      // since its last __syncwarp or named barrier; numbers as of Block::epoch
    uint32_t known[32];  // by warp of the block: what it did in epochs before this one is ordered before this warp
    std::vector<Product> products;  // in flight, oldest first
    uint32_t open_products;         // the group that the next wgmma_commit closes
    uint32_t n_products;            // issued since its start
    bool fenced;                    // wgmma_fence since the last wgmma_wait
    int n_pending;
    Collective pending[16];
};

struct NamedBarrier {
    int threads, arrived;
};

struct Block {
    uint32_t number;
    int n_threads, arrived, exited, predicates, result;
    Site barrier;
    NamedBarrier named[16];
    uint32_t epoch, first_epoch;  // epochs are unique over all blocks, warps and launches, and grow
    Thread* threads;
    Warp* warps;
    unsigned char* shared;
};

struct Region {  // one array argument, as Python passes it
    const char* name;
    unsigned char* host;
    uint64_t bytes;
    int32_t granule, writable;
};

struct Launch {  // laid out as in kernels/cuda/simulator/shared_library.py
    const char* kernel;
    void (*entry)(void**);
    void** args;
    const int32_t* arg_region;  // per argument: its region, or -1 for a value
    const uint64_t* arg_offset;
    int32_t n_args, n_regions;
    const Region* regions;
    uint32_t grid[3], block[3];
    uint64_t shared_bytes, seed;
    int32_t cooperative, checked;
    char* message;
    uint64_t message_size;
    double seconds;  // of processor time, after which the launch is taken to hang
};

extern const Launch* launch;
extern uint32_t last_epoch;
inline Thread* self() { return static_cast<Thread*>(sim_here); }

// ------------------------------------------------------------------------------------------------ scheduling (launch.cpp, scheduler.cpp)

[[noreturn]] void fail(const char* format, ...) __attribute__((format(printf, 1, 2)));  // end the launch with this message
const char* describe(const Thread* thread);  // "block (1,0,0) thread (3,0,0)"; good until the eighth next call
uint64_t random_below(uint64_t n);
void run_threads(const std::vector<Thread*>& threads);  // all of them, to their ends
void wait_here(State state, Site site);      // until make_ready
void make_ready(Thread* thread);             // to run next
void progress();                             // something happened that a polling loop may see

void warp_exit(Thread* thread);                      // warp.cpp
void warp_next_epoch(Warp* warp);                    // orders what its lanes did before their next accesses
const Thread* warp_missing(const Thread* waiting);   // a lane that the collective of `waiting` waits for
void run_tensor(SimOp op, void** operands, Site site, const Thread* lanes);  // tensor.cpp
void run_wgmma(SimOp op, void** operands, Site site, Warp* warp);            // wgmma.cpp
void wgmma_start(Warp* warp);
void wgmma_exit(const Thread* thread);

// ------------------------------------------------------------------------------------------------ operands of tensor cores

inline float as_float(uint32_t bits) {
    float value;
    __builtin_memcpy(&value, &bits, 4);
    return value;
}
inline float tf32(uint32_t bits) { return as_float(bits & ~0x1fffu); }
inline float bf16_low(uint32_t bits) { return as_float(bits << 16); }
inline float bf16_high(uint32_t bits) { return as_float(bits & 0xffff0000u); }

// ------------------------------------------------------------------------------------------------ memory (memory.cpp, races.cpp)

void memory_begin(void** args);  // copy the arrays between guards (checked launches) and point args at the copies
void memory_end();               // copy written arrays back
void memory_abandon();
void memory_map_shared(uint32_t blocks);
unsigned char* memory_shared(uint32_t slot);  // a poisoned buffer of shared_bytes
enum class Access { read, write, atomic, async_write, product_read };
void memory_access(const void* address, size_t bytes, Access access, Site site, const void* pc);
void memory_describe_crash(const void* address);
void async_exit(Thread* thread);

constexpr uint32_t poison = 0x7ff17ff1u;  // a NaN as float, as the upper half of a double, and as bfloat16
