// What a .cu file sees when a host compiler reads it: CUDA's keywords, types, coordinates, warp functions and atomics.
// Included before the kernel text. No system header is included: each of the many specialisations pays for every line here.
#pragma once

#define CUDA_SIM 1

typedef __UINT8_TYPE__ uint8_t;
typedef __UINT16_TYPE__ uint16_t;
typedef __UINT32_TYPE__ uint32_t;
typedef __INT32_TYPE__ int32_t;
typedef __INT64_TYPE__ int64_t;
typedef __UINT64_TYPE__ uint64_t;
typedef __SIZE_TYPE__ size_t;

#define __global__
#define __device__
#define __host__
#define __forceinline__ inline __attribute__((always_inline))
#define __noinline__ __attribute__((noinline))
#define __launch_bounds__(...)
#define __grid_constant__
#define __align__(bytes) __attribute__((aligned(bytes)))
#define __shared__ static_shared_memory_is_refused_use_DYNAMIC_SHARED
#define SIM_SITE const char *file = __builtin_FILE(), int line = __builtin_LINE()
#define SIM_UNSEEN __attribute__((noinline, no_sanitize("thread")))  // not reported to the memory checker

// ------------------------------------------------------------------------------------------------ vector types

#define SIM_VECTOR(T, name, alignment)                                                                       \
    struct alignas(2 * alignment) name##2 { T x, y; };                                                       \
    struct name##3 { T x, y, z; };                                                                           \
    struct alignas(4 * alignment > 16 ? 16 : 4 * alignment) name##4 { T x, y, z, w; };                       \
    inline name##2 make_##name##2(T x, T y) { return {x, y}; }                                               \
    inline name##3 make_##name##3(T x, T y, T z) { return {x, y, z}; }                                       \
    inline name##4 make_##name##4(T x, T y, T z, T w) { return {x, y, z, w}; }
SIM_VECTOR(float, float, 4)
SIM_VECTOR(double, double, 8)
SIM_VECTOR(int, int, 4)
SIM_VECTOR(unsigned, uint, 4)

struct dim3 {
    unsigned x, y, z;
};

// ------------------------------------------------------------------------------------------------ who is running

struct SimCoordinates {
    uint3 thread_index, block_index;
    unsigned lane;
    unsigned char* shared;
};
extern "C" SimCoordinates* sim_here;  // of the thread that runs now
extern "C" dim3 sim_block_dim, sim_grid_dim;

#define threadIdx (sim_here->thread_index)
#define blockIdx (sim_here->block_index)
#define blockDim sim_block_dim
#define gridDim sim_grid_dim
constexpr int warpSize = 32;

#define DYNAMIC_SHARED(type, name) type* const name = reinterpret_cast<type*>(sim_here->shared)

template <int... index>
struct SimSequence {};
template <int n, int... index>
struct SimCount : SimCount<n - 1, n - 1, index...> {};
template <int... index>
struct SimCount<0, index...> {
    using type = SimSequence<index...>;
};
template <class... Parameters, int... index>
inline void sim_apply(void (*kernel)(Parameters...), void** args, SimSequence<index...>) {
    kernel(*static_cast<Parameters*>(args[index])...);
}
template <class... Parameters>
inline void sim_call(void (*kernel)(Parameters...), void** args) {
    sim_apply(kernel, args, typename SimCount<sizeof...(Parameters)>::type{});
}

// ------------------------------------------------------------------------------------------------ barriers

extern "C" int sim_barrier(int predicate, const char* file, int line);  // number of threads with predicate
extern "C" int sim_block_threads();
extern "C" void sim_spin(const char* file, int line);

inline void __syncthreads(SIM_SITE) { sim_barrier(0, file, line); }
inline int __syncthreads_count(int predicate, SIM_SITE) { return sim_barrier(predicate != 0, file, line); }
inline int __syncthreads_or(int predicate, SIM_SITE) { return sim_barrier(predicate != 0, file, line) != 0; }
inline int __syncthreads_and(int predicate, SIM_SITE) {
    return sim_barrier(predicate != 0, file, line) == sim_block_threads();
}

// kernels/cuda/products/warpgroup/wgmma.cuh: a barrier with a number, for `threads` threads of the block.
extern "C" void sim_named_barrier(int id, int threads, const char* file, int line);
inline void barrier_sync(int id, int threads, SIM_SITE) { sim_named_barrier(id, threads, file, line); }

inline void __threadfence() {}
inline void __threadfence_block() {}

// ------------------------------------------------------------------------------------------------ warp functions

enum SimOp { SIM_SYNCWARP, SIM_SHUFFLE, SIM_BALLOT, SIM_ADD, SIM_MIN, SIM_MAX, SIM_AND, SIM_OR, SIM_XOR,
             SIM_MMA_TF32, SIM_MMA_BF16_K16, SIM_MMA_BF16_K8, SIM_LDMATRIX, SIM_NAMED_BARRIER,
             SIM_WGMMA, SIM_WGMMA_FENCE, SIM_WGMMA_COMMIT, SIM_WGMMA_WAIT };

// Hand this lane's operands in and wait for the other lanes of the mask; the last to come computes for all.
extern "C" void sim_collective(SimOp op, unsigned mask, void* operands, const char* file, int line);

struct SimShuffle {
    uint64_t value, result;
    unsigned source;  // lane to read
};
struct SimReduce {
    unsigned value, result;
};

struct SimMma {
    float* d;
    const uint32_t *a, *b;
    const float* c;
};
struct SimLdmatrix {
    uint32_t* d;
    const void* row;
    int matrices, transposed;
};

inline void __syncwarp(unsigned mask = 0xffffffffu, SIM_SITE) { sim_collective(SIM_SYNCWARP, mask, nullptr, file, line); }

template <class T>
inline T sim_shuffle(unsigned mask, T value, unsigned source, const char* file, int line) {
    static_assert(sizeof(T) == 4 || sizeof(T) == 8, "a warp shuffle moves 4 or 8 bytes");
    SimShuffle shuffle{0, 0, source};
    __builtin_memcpy(&shuffle.value, &value, sizeof(T));
    sim_collective(SIM_SHUFFLE, mask, &shuffle, file, line);
    __builtin_memcpy(&value, &shuffle.result, sizeof(T));
    return value;
}
template <class T>
inline T __shfl_sync(unsigned mask, T value, int source, int width = 32, SIM_SITE) {
    return sim_shuffle(mask, value, (sim_here->lane & ~(width - 1)) | (source & (width - 1)), file, line);
}
template <class T>
inline T __shfl_xor_sync(unsigned mask, T value, int bits, int width = 32, SIM_SITE) {
    const unsigned lane = sim_here->lane, source = lane ^ bits;
    return sim_shuffle(mask, value, source >= (lane & ~(width - 1)) + width ? lane : source, file, line);
}
template <class T>
inline T __shfl_down_sync(unsigned mask, T value, unsigned delta, int width = 32, SIM_SITE) {
    const unsigned lane = sim_here->lane, source = lane + delta;
    return sim_shuffle(mask, value, source >= (lane & ~(width - 1)) + width ? lane : source, file, line);
}
template <class T>
inline T __shfl_up_sync(unsigned mask, T value, unsigned delta, int width = 32, SIM_SITE) {
    const unsigned lane = sim_here->lane;
    return sim_shuffle(mask, value, (lane & (width - 1)) < delta ? lane : lane - delta, file, line);
}

inline unsigned sim_reduce(SimOp op, unsigned mask, unsigned value, const char* file, int line) {
    SimReduce reduce{value, 0};
    sim_collective(op, mask, &reduce, file, line);
    return reduce.result;
}
inline unsigned __ballot_sync(unsigned mask, int predicate, SIM_SITE) {
    return sim_reduce(SIM_BALLOT, mask, predicate != 0, file, line);
}
inline int __any_sync(unsigned mask, int predicate, SIM_SITE) {
    return sim_reduce(SIM_OR, mask, predicate != 0, file, line);
}
inline int __all_sync(unsigned mask, int predicate, SIM_SITE) {
    return sim_reduce(SIM_AND, mask, predicate != 0, file, line);
}
inline unsigned __reduce_add_sync(unsigned mask, unsigned value, SIM_SITE) {
    return sim_reduce(SIM_ADD, mask, value, file, line);
}
inline unsigned __reduce_min_sync(unsigned mask, unsigned value, SIM_SITE) {
    return sim_reduce(SIM_MIN, mask, value, file, line);
}
inline unsigned __reduce_max_sync(unsigned mask, unsigned value, SIM_SITE) {
    return sim_reduce(SIM_MAX, mask, value, file, line);
}

// ------------------------------------------------------------------------------------------------ atomics

extern "C" void sim_atomic(const void* address, int bytes, const char* file, int line);  // checks bounds: atomics do not race

template <class T, class Update>
SIM_UNSEEN inline T sim_update(T* address, Update update, const char* file, int line) {
    sim_atomic(address, sizeof(T), file, line);
    const T old = *address;
    *address = update(old);
    return old;
}
template <class T>
inline T atomicAdd(T* address, T value, SIM_SITE) {
    return sim_update(address, [=](T old) { return T(old + value); }, file, line);
}
template <class T>
inline T atomicMax(T* address, T value, SIM_SITE) {
    return sim_update(address, [=](T old) { return old > value ? old : value; }, file, line);
}
template <class T>
inline T atomicMin(T* address, T value, SIM_SITE) {
    return sim_update(address, [=](T old) { return old < value ? old : value; }, file, line);
}
template <class T>
inline T atomicExch(T* address, T value, SIM_SITE) {
    return sim_update(address, [=](T) { return value; }, file, line);
}
template <class T>
inline T atomicCAS(T* address, T compare, T value, SIM_SITE) {
    return sim_update(address, [=](T old) { return old == compare ? value : old; }, file, line);
}
