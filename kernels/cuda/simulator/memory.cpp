// Where a launch's memory lies, and the check of every access against it.
//
// In a checked launch each array argument is copied between wide guards, so an access that leaves its array lands in no
// other one; arrays that a kernel wrote are copied back. Kernels of a checked launch are compiled with
// -fsanitize=thread, and the __tsan_* functions that the compiler calls at each load and store are defined here.
#include <dlfcn.h>
#include <sys/mman.h>

#include <cstdio>
#include <cstring>
#include <vector>

#include "races.h"
#include "sim.h"

struct Arena {
    unsigned char* start;
    size_t slot, n_slots, margin;  // slot i holds its data from start + i * slot + margin on
    size_t bytes() const { return slot * n_slots; }
    bool has(const void* address) const { return static_cast<const unsigned char*>(address) - start < static_cast<ptrdiff_t>(bytes()) && address >= start; }
    unsigned char* data(size_t i) const { return start + i * slot + margin; }
};

static Arena arrays, shared;
static uintptr_t module_base;
static std::vector<Site> sites;  // see place_of

static void map(Arena& arena, size_t slot, size_t n_slots, size_t margin) {
    if (arena.start != nullptr) munmap(arena.start, arena.bytes());
    arena = {nullptr, slot, n_slots, margin};
    if (n_slots == 0) return;
    void* start = mmap(nullptr, slot * n_slots, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (start == MAP_FAILED) {
        arena = {};
        fail("the simulator found no %zu bytes of address space", slot * n_slots);
    }
    arena.start = static_cast<unsigned char*>(start);
}

void memory_begin(void** args) {
    if (!launch->checked) return;
    Dl_info module;
    module_base = dladdr(reinterpret_cast<void*>(launch->entry), &module) ? uintptr_t(module.dli_fbase) : 0;
    size_t largest = 1 << 16;
    for (int i = 0; i < launch->n_regions; ++i)
        if (launch->regions[i].bytes > largest) largest = launch->regions[i].bytes;
    const size_t margin = (largest + 4095) / 4096 * 4096;
    map(arrays, 3 * margin, launch->n_regions, margin);
    races_begin();
    sites.clear();
    for (int i = 0; i < launch->n_regions; ++i) {
        const Region& region = launch->regions[i];
        const size_t misalignment = uintptr_t(region.host) % 256;  // an address keeps its alignment
        memcpy(arrays.data(i) + misalignment, region.host, region.bytes);
        for (int arg = 0; arg < launch->n_args; ++arg)
            if (launch->arg_region[arg] == i)
                *static_cast<unsigned char**>(args[arg]) = arrays.data(i) + misalignment + launch->arg_offset[arg];
    }
}

void memory_end() {
    if (!launch->checked) return;
    for (int i = 0; i < launch->n_regions; ++i)
        if (launch->regions[i].writable)
            memcpy(launch->regions[i].host, arrays.data(i) + uintptr_t(launch->regions[i].host) % 256,
                   launch->regions[i].bytes);
    memory_abandon();
}

void memory_abandon() {
    if (launch->checked) map(arrays, 0, 0, 0);
    races_end();
}

void memory_map_shared(uint32_t blocks) {
    const size_t slot = (launch->shared_bytes + 4095) / 4096 * 4096 + (1 << 20);
    if (shared.n_slots < blocks || shared.slot < slot) map(shared, slot, blocks, 1 << 19);
}

unsigned char* memory_shared(uint32_t slot) {
    unsigned char* const data = shared.data(slot);
    for (size_t i = 0; i + 4 <= launch->shared_bytes; i += 4) memcpy(data + i, &poison, 4);
    return data;
}

// ------------------------------------------------------------------------------------------------ checking

static const char* verb(Access access) {
    static const char* const verbs[] = {"read", "write", "atomic access", "asynchronous write", "read"};
    return verbs[static_cast<int>(access)];
}

// The place of an access: file and line where a call gave them, else a code address that Python turns into them.
const char* describe_place(Site site, const void* pc) {
    static char texts[4][128];
    static int next;
    char* text = texts[next++ % 4];
    if (pc == nullptr)
        snprintf(text, sizeof texts[0], "%s:%d", site.file, site.line);
    else
        snprintf(text, sizeof texts[0], "{0x%lx}", static_cast<unsigned long>(uintptr_t(pc) - 1 - module_base));
    return text;
}

// A place in four bytes: a code address relative to the kernels' library, or the number of a site with the top bit set.
constexpr uint32_t is_site = 0x80000000u;

uint32_t place_of(Site site, const void* pc) {
    if (pc != nullptr) return uint32_t(uintptr_t(pc) - module_base);
    for (uint32_t i = 0; i < sites.size(); ++i)
        if (sites[i].line == site.line && sites[i].file == site.file) return is_site | i;
    sites.push_back(site);
    return is_site | uint32_t(sites.size() - 1);
}

const char* describe_past_place(uint32_t place) {
    if (place & is_site) return describe_place(sites[place & ~is_site], nullptr);
    return describe_place({}, reinterpret_cast<const void*>(module_base + place));
}

static void check_array(const unsigned char* address, size_t bytes, Access access, Site site, const void* pc) {
    const size_t i = (address - arrays.start) / arrays.slot;
    const Region& region = launch->regions[i];
    const unsigned char* const first = arrays.data(i) + uintptr_t(region.host) % 256;
    const ptrdiff_t offset = address - first;
    if (offset < 0 || offset + bytes > region.bytes)
        fail("%s: out-of-bounds %s of %zu bytes at byte %td of array %s, which has %llu bytes, at %s", describe(self()),
             verb(access), bytes, offset, region.name, static_cast<unsigned long long>(region.bytes),
             describe_place(site, pc));
    if (access != Access::atomic)
        races_array(static_cast<int>(i), offset, bytes, access == Access::write, site, pc);
}

static void check_shared(const unsigned char* address, size_t bytes, Access access, Site site, const void* pc) {
    const ptrdiff_t offset = address - self()->block->shared;
    if (offset < 0 || offset + bytes > launch->shared_bytes)
        fail("%s: out-of-bounds %s of %zu bytes at byte %td of shared memory, which has %llu bytes, at %s", describe(self()),
             verb(access), bytes, offset, static_cast<unsigned long long>(launch->shared_bytes), describe_place(site, pc));
    races_shared(self()->block, offset, bytes, access, site, pc);
}

void memory_access(const void* pointer, size_t bytes, Access access, Site site, const void* pc) {
    if (sim_here == nullptr || !launch->checked) return;
    const unsigned char* const address = static_cast<const unsigned char*>(pointer);
    const bool in_array = arrays.has(address), in_shared = !in_array && shared.has(address);
    if (!in_array && !in_shared) return;  // the thread's own stack; a wild pointer ends in memory_describe_crash
    if (in_array)
        check_array(address, bytes, access, site, pc);
    else
        check_shared(address, bytes, access, site, pc);
}

void memory_describe_crash(const void* address) {
    if (address == nullptr || uintptr_t(address) < 1 << 16)
        fail("%s: access through a null pointer (an optional array that is None?)", describe(self()));
    fail("%s: access to address %p, which belongs to no array", describe(self()), address);
}

extern "C" {
void sim_atomic(const void* address, int bytes, const char* file, int line) {
    progress();
    memory_access(address, bytes, Access::atomic, {file, line}, nullptr);
    if (launch->checked) clocks_release(address), clocks_acquire(address);
}

uint32_t sim_acquire(const uint32_t* flag, const char* file, int line) {
    memory_access(flag, 4, Access::atomic, {file, line}, nullptr);
    if (launch->checked) clocks_acquire(flag);
    return *flag;
}

void sim_release(uint32_t* flag, uint32_t value, int add, const char* file, int line) {
    progress();
    memory_access(flag, 4, Access::atomic, {file, line}, nullptr);
    if (launch->checked) clocks_release(flag);
    *flag = add ? *flag + value : value;
}

#define HOOKS(bytes)                                                                                              \
    void __tsan_read##bytes(void* p) { memory_access(p, bytes, Access::read, {}, __builtin_return_address(0)); }   \
    void __tsan_write##bytes(void* p) { memory_access(p, bytes, Access::write, {}, __builtin_return_address(0)); } \
    void __tsan_unaligned_read##bytes(void* p) {                                                                  \
        memory_access(p, bytes, Access::read, {}, __builtin_return_address(0));                                   \
    }                                                                                                             \
    void __tsan_unaligned_write##bytes(void* p) {                                                                 \
        memory_access(p, bytes, Access::write, {}, __builtin_return_address(0));                                  \
    }
HOOKS(1) HOOKS(2) HOOKS(4) HOOKS(8) HOOKS(16)
void* __tsan_memset(void* p, int value, size_t n) {
    memory_access(p, n, Access::write, {}, __builtin_return_address(0));
    return memset(p, value, n);
}
void* __tsan_memcpy(void* to, const void* from, size_t n) {
    memory_access(from, n, Access::read, {}, __builtin_return_address(0));
    memory_access(to, n, Access::write, {}, __builtin_return_address(0));
    return memcpy(to, from, n);
}
void __tsan_read_range(void* p, size_t n) { memory_access(p, n, Access::read, {}, __builtin_return_address(0)); }
void __tsan_write_range(void* p, size_t n) { memory_access(p, n, Access::write, {}, __builtin_return_address(0)); }

// -fsanitize=alignment: a load or store through a pointer to a type whose alignment the address does not have.
struct Mismatch {
    const char* file;
    uint32_t line, column;
    const void* type;
    uint8_t log_alignment, kind;
};
void __ubsan_handle_type_mismatch_v1(const Mismatch* mismatch, uintptr_t address) {
    if (address == 0) return;  // null: the access itself is reported
    fail("%s: misaligned access to address ...%02lx, which must be a multiple of %d, at %s:%u", describe(self()),
         static_cast<unsigned long>(address % 256), 1 << mismatch->log_alignment, mismatch->file, mismatch->line);
}

void __tsan_init() {}
void __tsan_func_entry(void*) {}
void __tsan_func_exit() {}
}
