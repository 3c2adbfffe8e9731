// One small kernel for each kind of fault that the simulator must find in how memory is used, beside its corrected twin
// (FAULT 0). The comment `!` marks the line that the report must name. Launched as 2 blocks of 64 threads with 1024 bytes of
// shared memory; x and y have 128 elements, flags 4.
#include "common/ptx.cuh"

#define INDEX (blockIdx.x * 64 + threadIdx.x)

extern "C" __global__ void array_read_past_end(const float* x, float* y, uint32_t* flags) {
    const int i = INDEX;
#if FAULT
    y[i] = x[i] + x[i + 1];  // !
#else
    y[i] = x[i] + (i + 1 < 128 ? x[i + 1] : 0.0f);
#endif
}

extern "C" __global__ void array_write_before_start(const float* x, float* y, uint32_t* flags) {
    const int i = INDEX;
#if FAULT
    y[i - 1] = x[i];  // !
#else
    if (i > 0) y[i - 1] = x[i];
#endif
}

// Far past the end: one array must not be taken for another.
extern "C" __global__ void array_read_far_past_end(const float* x, float* y, uint32_t* flags) {
    const int i = INDEX;
    y[i] = x[FAULT ? i + 150 : i];  // !
}

extern "C" __global__ void atomic_past_end(const float* x, float* y, uint32_t* flags) {
    if (threadIdx.x == 0) atomicAdd(&flags[FAULT ? 4 : 3], 1u);  // !
}

extern "C" __global__ void misaligned_vector(const float* x, float* y, uint32_t* flags) {
    const int i = INDEX;
    if (i < 16) {
        const float4 v = *reinterpret_cast<const float4*>(x + 4 * i + FAULT);  // !
        y[i] = v.x + v.w;
    }
}

extern "C" __global__ void null_array(const float* x, float* y, uint32_t* flags) {
    const float* pointer = FAULT ? nullptr : x;
    y[INDEX] = pointer[INDEX];
}

extern "C" __global__ void shared_write_past_end(const float* x, float* y, uint32_t* flags) {
    DYNAMIC_SHARED(float, tile);
    tile[4 * threadIdx.x + 3 + FAULT] = x[INDEX];  // !
    y[INDEX] = tile[4 * threadIdx.x + 3 + FAULT];
}

extern "C" __global__ void shared_read_past_end(const float* x, float* y, uint32_t* flags) {
    DYNAMIC_SHARED(float, tile);
    tile[threadIdx.x] = x[INDEX];
    y[INDEX] = tile[threadIdx.x + (FAULT ? 256 : 0)];  // !
}

extern "C" __global__ void shared_uninitialised(const float* x, float* y, uint32_t* flags) {
    DYNAMIC_SHARED(float, tile);
    if (!FAULT || threadIdx.x < 63) tile[threadIdx.x] = x[INDEX];
    __syncthreads();
    y[INDEX] = tile[63 - threadIdx.x];  // !
}

extern "C" __global__ void shared_read_before_barrier(const float* x, float* y, uint32_t* flags) {
    DYNAMIC_SHARED(float, tile);
    tile[threadIdx.x] = 0.0f;
    __syncthreads();
    tile[threadIdx.x] = x[INDEX];
    if (!FAULT) __syncthreads();
    y[INDEX] = tile[63 - threadIdx.x];  // !
}

extern "C" __global__ void shared_overwrite_before_barrier(const float* x, float* y, uint32_t* flags) {
    DYNAMIC_SHARED(float, tile);
    float sum = 0.0f;
    for (int round = 0; round < 2; ++round) {
        tile[threadIdx.x] = x[INDEX] + round;  // !
        __syncthreads();
        sum += tile[63 - threadIdx.x];
        if (!FAULT) __syncthreads();
    }
    y[INDEX] = sum;
}

extern "C" __global__ void shared_two_writers(const float* x, float* y, uint32_t* flags) {
    DYNAMIC_SHARED(float, tile);
    tile[FAULT ? threadIdx.x / 2 : threadIdx.x] = x[INDEX];  // !
    y[INDEX] = x[INDEX];
}

// Neighbouring halves of a word belong to different threads, which is no race; the same half is one.
extern "C" __global__ void shared_half_words(const float* x, float* y, uint32_t* flags) {
    DYNAMIC_SHARED(float, tile);
    uint16_t* const halves = reinterpret_cast<uint16_t*>(tile);
    tile[threadIdx.x] = 0.0f;
    __syncthreads();
    halves[threadIdx.x ^ 1] = static_cast<uint16_t>(threadIdx.x);
    if (!FAULT) __syncthreads();
    y[INDEX] = halves[threadIdx.x] + x[INDEX];  // !
}

extern "C" __global__ void warp_read_before_syncwarp(const float* x, float* y, uint32_t* flags) {
    DYNAMIC_SHARED(float, tile);
    tile[threadIdx.x] = 0.0f;
    __syncthreads();
    tile[threadIdx.x] = x[INDEX];
    if (!FAULT) __syncwarp();
    y[INDEX] = tile[threadIdx.x ^ 1];  // !
}

extern "C" __global__ void array_race_in_block(const float* x, float* y, uint32_t* flags) {
    y[INDEX] = x[INDEX];
    if (!FAULT) __syncthreads();
    const float other = y[INDEX ^ 1];  // !
    __syncthreads();
    y[INDEX] = other;
}

extern "C" __global__ void array_race_between_blocks(const float* x, float* y, uint32_t* flags) {
    const int i = FAULT ? threadIdx.x : INDEX;
    y[i] = x[INDEX];  // !
}

extern "C" __global__ void stack_overflow(const float* x, float* y, uint32_t* flags) {
    volatile float local[FAULT ? 40000 : 40];
    for (int i = 0; i < 40; ++i) local[(FAULT ? 1000 : 1) * i] = x[INDEX];
    y[INDEX] = local[0];
}
