// Shadow memory: for each few bytes of shared and global memory, who wrote and read them last and when (races.cpp).
#pragma once

#include "sim.h"

struct Past {  // an access: the thread that made it, its clocks then, and where in the code
    uint32_t thread, epoch, warp_epoch, place;
};

void clocks_begin();  // clocks.cpp
void clocks_barrier(const Block* block);
void clocks_named_barrier(const Block* block, uint32_t warps);  // of the warps whose bits are set
void clocks_release(const void* flag);
void clocks_acquire(const void* flag);
bool clocks_cover(const Past& past, const Thread* me);  // whether flags order an access of another block before me

void races_begin();  // before a launch; frees what the last one left
void races_end();
void races_array(int region, size_t offset, size_t bytes, bool is_write, Site site, const void* pc);
void races_shared(const Block* block, size_t offset, size_t bytes, Access access, Site site, const void* pc);
void races_async_done(const Block* block, size_t offset, size_t bytes);  // an asynchronous copy has arrived

// memory.cpp: where in the code, as a text and as four bytes
const char* describe_place(Site site, const void* pc);
uint32_t place_of(Site site, const void* pc);
const char* describe_past_place(uint32_t place);
