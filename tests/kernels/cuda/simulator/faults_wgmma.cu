// One small kernel for each kind of fault of warpgroup products and named barriers, beside its corrected twin (FAULT 0).
// The comment `!` marks the line that the report must name. Launched as 2 blocks of 128 threads, cooperatively, with 8192
// bytes of shared memory; x and y have 256 elements, flags 4.
#include "products/warpgroup/wgmma.cuh"

#define INDEX (blockIdx.x * 128 + threadIdx.x)

// d (64 x 8) += a (64 x 8) * b (8 x 8), both k contiguous: 2048 bytes of a, then 256 of b.
#define A_MATRIX matrix_descriptor(tile, 1024, 128)
#define B_MATRIX matrix_descriptor(tile + 512, 128, 128)
#define PRODUCT wgmma_tf32<8>(d, A_MATRIX, B_MATRIX)
#define STORE \
    for (int i = threadIdx.x; i < 576; i += 128) tile[i] = 1.0f
#define SUMS                    \
    DYNAMIC_SHARED(float, tile); \
    float d[1][4] = {}

extern "C" __global__ void product_without_wait(const float* x, float* y, uint32_t* flags) {
    SUMS;
    STORE;
    fence_proxy_async();
    __syncthreads();
    wgmma_fence();
    PRODUCT;  // !
    wgmma_commit();
    if (!FAULT) wgmma_wait<0>();
    y[INDEX] = d[0][0];
}

extern "C" __global__ void product_without_commit(const float* x, float* y, uint32_t* flags) {
    SUMS;
    STORE;
    fence_proxy_async();
    __syncthreads();
    wgmma_fence();
    PRODUCT;  // !
    if (!FAULT) wgmma_commit();
    wgmma_wait<0>();
    y[INDEX] = d[0][0];
}

extern "C" __global__ void sums_changed_before_wait(const float* x, float* y, uint32_t* flags) {
    SUMS;
    STORE;
    fence_proxy_async();
    __syncthreads();
    wgmma_fence();
    PRODUCT;  // !
    wgmma_commit();
    if (FAULT) d[0][0] = 1.0f;
    wgmma_wait<0>();
    y[INDEX] = d[0][0];
}

extern "C" __global__ void product_without_fence(const float* x, float* y, uint32_t* flags) {
    SUMS;
    STORE;
    fence_proxy_async();
    __syncthreads();
    for (int round = 0; round < 2; ++round) {
        if (!FAULT || round == 0) wgmma_fence();
        PRODUCT;  // !
        wgmma_commit();
        wgmma_wait<0>();
        d[0][0] *= 2.0f;
    }
    y[INDEX] = d[0][0];
}

extern "C" __global__ void product_without_proxy_fence(const float* x, float* y, uint32_t* flags) {
    SUMS;
    STORE;
    if (!FAULT || threadIdx.x != 70) fence_proxy_async();
    __syncthreads();
    wgmma_fence();
    PRODUCT;  // !
    wgmma_commit();
    wgmma_wait<0>();
    y[INDEX] = d[0][0];
}

extern "C" __global__ void product_of_copies_without_proxy_fence(const float* x, float* y, uint32_t* flags) {
    SUMS;
    STORE;
    __syncthreads();
    cp_async16(tile + 4 * threadIdx.x, x + 4 * (threadIdx.x % 64));
    cp_async_commit();
    if (FAULT) fence_proxy_async();
    cp_async_wait<0>();
    if (!FAULT) fence_proxy_async();
    __syncthreads();
    wgmma_fence();
    PRODUCT;  // !
    wgmma_commit();
    wgmma_wait<0>();
    y[INDEX] = d[0][0];
}

extern "C" __global__ void product_of_unwritten_memory(const float* x, float* y, uint32_t* flags) {
    SUMS;
    STORE;
    fence_proxy_async();
    __syncthreads();
    wgmma_fence();
    wgmma_tf32<8>(d, A_MATRIX, B_MATRIX + FAULT);  // !
    wgmma_commit();
    wgmma_wait<0>();
    y[INDEX] = d[0][0];
}

extern "C" __global__ void product_past_end(const float* x, float* y, uint32_t* flags) {
    SUMS;
    STORE;
    fence_proxy_async();
    __syncthreads();
    wgmma_fence();
    wgmma_tf32<8>(d, A_MATRIX, B_MATRIX + FAULT * 384);  // !
    wgmma_commit();
    wgmma_wait<0>();
    y[INDEX] = d[0][0];
}

extern "C" __global__ void product_before_barrier(const float* x, float* y, uint32_t* flags) {
    SUMS;
    STORE;
    fence_proxy_async();
    __syncthreads();
    tile[threadIdx.x] = 2.0f;
    fence_proxy_async();
    if (!FAULT) barrier_sync(1, 128);
    wgmma_fence();
    PRODUCT;  // !
    wgmma_commit();
    wgmma_wait<0>();
    y[INDEX] = d[0][0];
}

extern "C" __global__ void product_overwritten_before_wait(const float* x, float* y, uint32_t* flags) {
    SUMS;
    STORE;
    fence_proxy_async();
    __syncthreads();
    wgmma_fence();
    PRODUCT;  // !
    wgmma_commit();
    if (!FAULT) wgmma_wait<0>();
    __syncthreads();
    tile[threadIdx.x] = 2.0f;
    fence_proxy_async();
    if (FAULT) wgmma_wait<0>();
    y[INDEX] = d[0][0];
}

extern "C" __global__ void product_by_one_warp(const float* x, float* y, uint32_t* flags) {
    SUMS;
    STORE;
    fence_proxy_async();
    __syncthreads();
    wgmma_fence();
    if (!FAULT || threadIdx.x < 32) PRODUCT;
    wgmma_commit();
    wgmma_wait<0>();
    y[INDEX] = d[0][0];
}

extern "C" __global__ void product_of_two_descriptors(const float* x, float* y, uint32_t* flags) {
    SUMS;
    STORE;
    fence_proxy_async();
    __syncthreads();
    wgmma_fence();
    wgmma_tf32<8>(d, A_MATRIX, B_MATRIX - (FAULT ? threadIdx.x % 2 : 0));  // !
    wgmma_commit();
    wgmma_wait<0>();
    y[INDEX] = d[0][0];
}

extern "C" __global__ void misaligned_descriptor(const float* x, float* y, uint32_t* flags) {
    DYNAMIC_SHARED(float, tile);
    y[INDEX] = matrix_descriptor(tile + FAULT, 128, 128) != 0;  // !
}

extern "C" __global__ void named_barrier_missing(const float* x, float* y, uint32_t* flags) {
    DYNAMIC_SHARED(float, tile);
    tile[threadIdx.x] = 0.0f;
    __syncthreads();
    tile[threadIdx.x] = x[INDEX];
    if (!FAULT || threadIdx.x < 64) barrier_sync(1 + threadIdx.x / 64, 64);
    y[INDEX] = tile[threadIdx.x ^ 32];  // !
}

// The other half of the block has not been there.
extern "C" __global__ void named_barrier_of_half(const float* x, float* y, uint32_t* flags) {
    DYNAMIC_SHARED(float, tile);
    tile[threadIdx.x] = 0.0f;
    __syncthreads();
    tile[threadIdx.x] = x[INDEX];
    barrier_sync(1 + threadIdx.x / 64, 64);
    y[INDEX] = tile[threadIdx.x ^ (FAULT ? 64 : 32)];  // !
}

// Both halves read, and each warp of one half overwrites: that takes a barrier of all.
extern "C" __global__ void named_barrier_of_half_of_readers(const float* x, float* y, uint32_t* flags) {
    DYNAMIC_SHARED(float, tile);
    tile[threadIdx.x] = x[INDEX];
    barrier_sync(1, 128);
    y[INDEX] = tile[threadIdx.x % 64];
    barrier_sync(2 + (FAULT ? threadIdx.x / 64 : 0), FAULT ? 64 : 128);
    if (threadIdx.x < 64) tile[threadIdx.x ^ 32] = 0.0f;  // !
}

extern "C" __global__ void named_barrier_too_few(const float* x, float* y, uint32_t* flags) {
    if (!FAULT || threadIdx.x < 96) barrier_sync(1, 128);  // !
    y[INDEX] = x[INDEX];
}

extern "C" __global__ void named_barrier_in_branch(const float* x, float* y, uint32_t* flags) {
    if (!FAULT || threadIdx.x % 32 < 16) barrier_sync(1, 128);  // !
    y[INDEX] = x[INDEX];
}

extern "C" __global__ void named_barrier_of_two_counts(const float* x, float* y, uint32_t* flags) {
    barrier_sync(1, FAULT && threadIdx.x < 64 ? 64 : 128);  // !
    y[INDEX] = x[INDEX];
}

extern "C" __global__ void named_barrier_of_half_warp(const float* x, float* y, uint32_t* flags) {
    barrier_sync(1, FAULT ? 112 : 128);  // !
    y[INDEX] = x[INDEX];
}

extern "C" __global__ void named_barrier_zero(const float* x, float* y, uint32_t* flags) {
    barrier_sync(FAULT ? 0 : 15, 128);  // !
    y[INDEX] = x[INDEX];
}

// Half of block 0 writes and raises a flag, which one thread of half of block 1 waits for.
extern "C" __global__ void flag_behind_named_barriers(const float* x, float* y, uint32_t* flags) {
    if (threadIdx.x >= 64) return;
    if (blockIdx.x == 0) {
        y[threadIdx.x] = x[threadIdx.x];
        barrier_sync(1, 64);
        if (threadIdx.x == 0) st_release(&flags[0], 1);
    } else {
        if (threadIdx.x == 0)
            while (ld_acquire(&flags[0]) == 0) spin_pause();
        if (!FAULT) barrier_sync(1, 64);
        y[64 + threadIdx.x] = y[63 - threadIdx.x];  // !
    }
}
