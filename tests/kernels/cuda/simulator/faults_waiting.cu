// One small kernel for each kind of fault that the simulator must find in how threads wait for one another, beside its corrected twin
// (FAULT 0). The comment `!` marks the line that the report must name. Launched as 2 blocks of 64 threads with 1024 bytes of
// shared memory; x and y have 128 elements, flags 4.
#include "common/ptx.cuh"

#define INDEX (blockIdx.x * 64 + threadIdx.x)

extern "C" __global__ void barrier_in_branch(const float* x, float* y, uint32_t* flags) {
#if FAULT
    if (threadIdx.x < 32) {
        __syncthreads();  // !
    }
#else
    __syncthreads();
#endif
    y[INDEX] = x[INDEX];
}

extern "C" __global__ void barrier_after_return(const float* x, float* y, uint32_t* flags) {
    const bool inside = threadIdx.x < 60;
    if (FAULT && !inside) return;
    __syncthreads();  // !
    if (inside) y[INDEX] = x[INDEX];
}

extern "C" __global__ void barriers_on_two_lines(const float* x, float* y, uint32_t* flags) {
    if (FAULT && threadIdx.x >= 32) {
        __syncthreads();  // !
    } else {
        __syncthreads();  // !
    }
    y[INDEX] = x[INDEX];
    if (!FAULT) __syncthreads();
}

extern "C" __global__ void shuffle_in_branch(const float* x, float* y, uint32_t* flags) {
    float v = x[INDEX];
#if FAULT
    if (threadIdx.x % 2 == 0) v += __shfl_xor_sync(0xffffffffu, v, 2);  // !
#else
    const float other = __shfl_xor_sync(0xffffffffu, v, 2);
    if (threadIdx.x % 2 == 0) v += other;
#endif
    y[INDEX] = v;
}

extern "C" __global__ void shuffle_from_outside_mask(const float* x, float* y, uint32_t* flags) {
    float v = x[INDEX];
    if (threadIdx.x % 32 < 16) v = __shfl_sync(0x0000ffffu, v, FAULT ? 16 : 15);  // !
    y[INDEX] = v;
}

extern "C" __global__ void shuffle_with_foreign_mask(const float* x, float* y, uint32_t* flags) {
    float v = x[INDEX];
    if (threadIdx.x % 32 < 16) v = __shfl_sync(FAULT ? 0xffff0000u : 0x0000ffffu, v, 0);  // !
    y[INDEX] = v;
}

extern "C" __global__ void shuffle_against_barrier(const float* x, float* y, uint32_t* flags) {
    float v = x[INDEX];
    if (FAULT && threadIdx.x % 32 == 5) __syncthreads();
    v += __shfl_xor_sync(0xffffffffu, v, 1);  // !
    if (!FAULT || threadIdx.x % 32 != 5) __syncthreads();
    y[INDEX] = v;
}

extern "C" __global__ void mma_in_branch(const float* x, float* y, uint32_t* flags) {
    float d[4] = {};
    const uint32_t a[4] = {}, b[2] = {};
    if (!FAULT || threadIdx.x % 32 != 7) mma_m16n8k8_tf32(d, a, b, d);  // !
    y[INDEX] = d[0];
}

extern "C" __global__ void copy_without_wait(const float* x, float* y, uint32_t* flags) {
    DYNAMIC_SHARED(float4, tile);
    if (threadIdx.x < 16) cp_async16(&tile[threadIdx.x], x + 64 * blockIdx.x + 4 * threadIdx.x);
    cp_async_commit();
    if (!FAULT) cp_async_wait<0>();
    __syncthreads();
    y[INDEX] = tile[threadIdx.x % 16].x;  // !
}

extern "C" __global__ void copy_waits_for_too_few(const float* x, float* y, uint32_t* flags) {
    DYNAMIC_SHARED(float4, tile);
    for (int group = 0; group < 2; ++group) {
        if (threadIdx.x < 16) cp_async16(&tile[16 * group + threadIdx.x], x + 64 * group + 4 * threadIdx.x);
        cp_async_commit();
    }
    cp_async_wait<FAULT>();
    __syncthreads();
    y[INDEX] = tile[16 + threadIdx.x % 16].x;  // !
}

extern "C" __global__ void copy_without_barrier(const float* x, float* y, uint32_t* flags) {
    DYNAMIC_SHARED(float4, tile);
    tile[threadIdx.x] = make_float4(0.0f, 0.0f, 0.0f, 0.0f);
    __syncthreads();
    cp_async16(&tile[threadIdx.x], x + 4 * (threadIdx.x % 16));
    cp_async_commit();
    cp_async_wait<0>();
    if (!FAULT) __syncthreads();
    y[INDEX] = tile[63 - threadIdx.x].x;  // !
}

// Within a warp: the wait covers the thread's own copies only.
extern "C" __global__ void copy_without_syncwarp(const float* x, float* y, uint32_t* flags) {
    DYNAMIC_SHARED(float4, tile);
    if (threadIdx.x < 32) {
        cp_async16(&tile[threadIdx.x], x + 4 * threadIdx.x);  // !
        cp_async_commit();
        cp_async_wait<0>();
        if (!FAULT) __syncwarp();
        if (FAULT) __shfl_sync(0xffffffffu, 0, 0);
        y[INDEX] = tile[31 - threadIdx.x].x;  // !
    }
}

extern "C" __global__ void copy_past_end(const float* x, float* y, uint32_t* flags) {
    DYNAMIC_SHARED(float4, tile);
    cp_async16_zfill(&tile[threadIdx.x], x + 4 * threadIdx.x, FAULT || threadIdx.x < 32 ? 16 : 0);  // !
    cp_async_commit();
    cp_async_wait<0>();
    y[INDEX] = tile[threadIdx.x].x;
}

extern "C" __global__ void matrix_row_past_end(const float* x, float* y, uint32_t* flags) {
    DYNAMIC_SHARED(float4, tile);
    tile[threadIdx.x] = make_float4(1.0f, 2.0f, 3.0f, 4.0f);
    __syncthreads();
    uint32_t d[4];
    ldmatrix_x4(d, &tile[threadIdx.x % 32 + (FAULT ? 33 : 32)]);  // !
    y[INDEX] = __uint_as_float(d[0]);
}

// Launched cooperatively: block 0 waits for block 1.
extern "C" __global__ void flag_never_raised(const float* x, float* y, uint32_t* flags) {
    if (threadIdx.x == 0 && blockIdx.x == 1) red_add_release(&flags[FAULT], 1);
    if (threadIdx.x == 0 && blockIdx.x == 0)
        while (ld_acquire(&flags[0]) == 0) spin_pause();  // !
    __syncthreads();
    y[INDEX] = x[INDEX];
}

// Launched cooperatively: block 1 reads what block 0 wrote, and block 0 overwrites it.
extern "C" __global__ void flag_raised_before_barrier(const float* x, float* y, uint32_t* flags) {
    if (blockIdx.x == 0) {
        y[threadIdx.x] = x[threadIdx.x];
        if (!FAULT) __syncthreads();
        if (threadIdx.x == 0) st_release(&flags[0], 1);
        if (FAULT) __syncthreads();
    } else {
        if (threadIdx.x == 0)
            while (ld_acquire(&flags[0]) == 0) spin_pause();
        __syncthreads();
        y[64 + threadIdx.x] = y[63 - threadIdx.x];  // !
    }
}

extern "C" __global__ void flag_not_waited_for(const float* x, float* y, uint32_t* flags) {
    if (blockIdx.x == 0) {
        y[threadIdx.x] = x[threadIdx.x];
        __syncthreads();
        if (threadIdx.x == 0) st_release(&flags[0], 1);
    } else {
        if (threadIdx.x == 0)
            while (!FAULT && ld_acquire(&flags[0]) == 0) spin_pause();
        __syncthreads();
        y[64 + threadIdx.x] = y[threadIdx.x];  // !
    }
}

extern "C" __global__ void flag_for_overwriting_missing(const float* x, float* y, uint32_t* flags) {
    if (blockIdx.x == 0) {
        y[64 + threadIdx.x] = y[threadIdx.x];  // !
        __syncthreads();
        if (threadIdx.x == 0) st_release(&flags[0], 1);
    } else {
        if (threadIdx.x == 0)
            while (!FAULT && ld_acquire(&flags[0]) == 0) spin_pause();
        __syncthreads();
        y[threadIdx.x] = x[threadIdx.x];  // !
    }
}

// An ordinary launch: the block that takes the last ticket sums what the others wrote.
extern "C" __global__ void last_block_sums(const float* x, float* y, uint32_t* flags) {
    DYNAMIC_SHARED(uint32_t, ticket);
    y[INDEX] = x[INDEX];
    __threadfence();
    __syncthreads();
    if (threadIdx.x == 0) ticket[0] = FAULT ? blockIdx.x : atomicAdd(&flags[0], 1u);
    __syncthreads();
    if (ticket[0] == 1) y[64 * blockIdx.x + threadIdx.x] += y[64 * (1 - blockIdx.x) + threadIdx.x];  // !
}

// Polls without spin_pause, so no other thread can run.
extern "C" __global__ void endless_loop(const float* x, float* y, uint32_t* flags) {
    if (FAULT && threadIdx.x == 0)
        while (ld_acquire(&flags[0]) == 0) {
        }
    if (threadIdx.x == 1) st_release(&flags[0], 1);
    y[INDEX] = x[INDEX];
}
