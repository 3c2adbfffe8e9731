// Fibers: pooled stacks with a guard below, and a context switch that saves what the calling convention asks for.
#include <sys/mman.h>

#include <cstdio>
#include <cstdlib>
#include <vector>

#include "sim.h"

constexpr size_t page = 16384, stack_bytes = 4 * page;
constexpr size_t guard = 16 * page;  // a local array of 200 KB must not reach over it, into memory that is someone else's

#if defined(__x86_64__)
asm(R"(
    .text
    .globl sim_switch
    .type sim_switch, @function
sim_switch:
    pushq %rbp
    pushq %rbx
    pushq %r12
    pushq %r13
    pushq %r14
    pushq %r15
    movq %rsp, (%rdi)
    movq %rsi, %rsp
    popq %r15
    popq %r14
    popq %r13
    popq %r12
    popq %rbx
    popq %rbp
    ret
)");

static void prepare(Fiber* fiber, void (*body)()) {
    void** top = reinterpret_cast<void**>(fiber->stack + guard + stack_bytes);
    *--top = nullptr;  // where body would return to; keeps the stack 16-byte aligned at its first instruction
    *--top = reinterpret_cast<void*>(body);
    fiber->stack_pointer = top - 6;
}
#elif defined(__aarch64__)
asm(R"(
    .text
    .globl sim_switch
    .type sim_switch, %function
sim_switch:
    sub sp, sp, #160
    stp x19, x20, [sp]
    stp x21, x22, [sp, #16]
    stp x23, x24, [sp, #32]
    stp x25, x26, [sp, #48]
    stp x27, x28, [sp, #64]
    stp x29, x30, [sp, #80]
    stp d8, d9, [sp, #96]
    stp d10, d11, [sp, #112]
    stp d12, d13, [sp, #128]
    stp d14, d15, [sp, #144]
    mov x9, sp
    str x9, [x0]
    mov sp, x1
    ldp x19, x20, [sp]
    ldp x21, x22, [sp, #16]
    ldp x23, x24, [sp, #32]
    ldp x25, x26, [sp, #48]
    ldp x27, x28, [sp, #64]
    ldp x29, x30, [sp, #80]
    ldp d8, d9, [sp, #96]
    ldp d10, d11, [sp, #112]
    ldp d12, d13, [sp, #128]
    ldp d14, d15, [sp, #144]
    add sp, sp, #160
    ret
)");

static void prepare(Fiber* fiber, void (*body)()) {
    void** frame = reinterpret_cast<void**>(fiber->stack + guard + stack_bytes - 160);
    frame[11] = reinterpret_cast<void*>(body);  // x30, the link register
    fiber->stack_pointer = frame;
}
#else
#error "the simulator switches fibers on x86-64 and aarch64"
#endif

static std::vector<Fiber*> fibers, idle;

Fiber* fiber_start(void (*body)()) {
    if (idle.empty()) {
        void* stack = mmap(nullptr, guard + stack_bytes, PROT_READ | PROT_WRITE,
                           MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (stack == MAP_FAILED || mprotect(stack, guard, PROT_NONE) != 0)
            fail("the simulator found no memory for another thread's stack; launch fewer threads at a time");
        fibers.push_back(new Fiber{nullptr, static_cast<unsigned char*>(stack)});
        idle.push_back(fibers.back());
    }
    Fiber* fiber = idle.back();
    idle.pop_back();
    prepare(fiber, body);
    return fiber;
}

void fiber_free(Fiber* fiber) { idle.push_back(fiber); }

void fiber_free_all() { idle = fibers; }

bool fiber_overflowed(const Fiber* fiber, const void* address) {
    const ptrdiff_t above_guard = static_cast<const unsigned char*>(address) - (fiber->stack + guard);
    return above_guard < 0 && above_guard > -(ptrdiff_t(1) << 24);
}
