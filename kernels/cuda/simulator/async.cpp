// cp.async: a copy is only noted when it is issued, and made when its thread waits for its group. Until then the
// destination holds poison, so a kernel that forgets to wait computes NaN, or is reported by a checked launch.
#include <cstdlib>
#include <cstring>

#include "races.h"
#include "sim.h"

extern "C" void sim_async_copy(void* shared, const void* global, int bytes, int size, const char* file, int line) {
    Thread* const me = self();
    if (bytes < 0 || bytes > size)
        fail("%s: an asynchronous copy of %d bytes into %d at %s:%d", describe(me), bytes, size, file, line);
    if (uintptr_t(shared) % size != 0 || uintptr_t(global) % size != 0)
        fail("%s: a misaligned asynchronous copy of %d bytes at %s:%d", describe(me), size, file, line);
    memory_access(shared, size, Access::async_write, {file, line}, nullptr);
    if (bytes > 0) memory_access(global, bytes, Access::read, {file, line}, nullptr);
    for (int i = 0; i < size; i += 4) memcpy(static_cast<unsigned char*>(shared) + i, &poison, 4);
    if (me->n_copies == me->copy_capacity) {
        me->copy_capacity = me->copy_capacity ? 2 * me->copy_capacity : 16;
        me->copies = static_cast<AsyncCopy*>(realloc(me->copies, me->copy_capacity * sizeof(AsyncCopy)));
    }
    me->copies[me->n_copies++] = {static_cast<unsigned char*>(shared), static_cast<const unsigned char*>(global),
                                  uint8_t(bytes), uint8_t(size), me->open_group, {file, line}};
}

extern "C" void sim_async_commit() { ++self()->open_group; }

extern "C" void sim_async_wait(int groups) {
    Thread* const me = self();
    int done = 0;
    while (done < me->n_copies && me->copies[done].group + groups < me->open_group) {
        const AsyncCopy& copy = me->copies[done++];
        memcpy(copy.shared, copy.global, copy.bytes);
        memset(copy.shared + copy.bytes, 0, copy.size - copy.bytes);
        if (launch->checked) races_async_done(me->block, copy.shared - me->block->shared, copy.size);
    }
    memmove(me->copies, me->copies + done, (me->n_copies - done) * sizeof(AsyncCopy));
    me->n_copies -= done;
}

void async_exit(Thread* thread) { thread->n_copies = 0; }  // nobody is left who could wait for them
