// Shadow memory: for each few bytes of shared and global memory, who wrote and read them last and when (races.cpp).
#pragma once

#include "sim.h"

void races_begin();  // before a launch; frees what the last one left
void races_end();
void races_array(int region, size_t offset, size_t bytes, bool is_write, Site site, const void* pc);
void races_shared(const Block* block, size_t offset, size_t bytes, Access access, Site site, const void* pc);
void races_async_done(const Block* block, size_t offset, size_t bytes);  // an asynchronous copy has arrived

uint32_t place_offset(const void* pc);           // memory.cpp: a code address in four bytes, 0 for none
const char* describe_place(Site site, const void* pc);
const char* describe_offset(uint32_t offset);
