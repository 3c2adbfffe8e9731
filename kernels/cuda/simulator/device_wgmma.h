// Hopper's warpgroup matrix products: the functions of kernels/cuda/products/warpgroup/wgmma.cuh (documented there).
#pragma once

#include "device.h"

struct SimWgmma {  // one lane's operands: d (64 x n) += a (64 x k) * b (k x n)
    float* d;
    const uint32_t* registers;  // of a, or null where a is a descriptor
    uint64_t a, b;
    int n;
    bool bf16, a_rows, b_rows;
};

extern "C" uint64_t sim_matrix_descriptor(const void* shared, int leading, int stride, const char* file, int line);
extern "C" void sim_fence_proxy_async();

inline uint64_t matrix_descriptor(const void* shared, int leading, int stride, SIM_SITE) {
    return sim_matrix_descriptor(shared, leading, stride, file, line);
}
inline void fence_proxy_async() { sim_fence_proxy_async(); }
inline void wgmma_fence(SIM_SITE) { sim_collective(SIM_WGMMA_FENCE, 0xffffffffu, nullptr, file, line); }
inline void wgmma_commit(SIM_SITE) { sim_collective(SIM_WGMMA_COMMIT, 0xffffffffu, nullptr, file, line); }
template <int pending>
inline void wgmma_wait(SIM_SITE) {
    int groups = pending;
    sim_collective(SIM_WGMMA_WAIT, 0xffffffffu, &groups, file, line);
}
template <int SIZE>
inline void hold(float (&)[SIZE]) {}  // g++ moves nothing across the calls above, which could read the sums

template <int N>
inline void sim_wgmma(SimWgmma operands, const char* file, int line) {
    static_assert(N % 8 == 0 && N >= 8 && N <= 256, "a wgmma has 8, 16, ... 256 columns");
    sim_collective(SIM_WGMMA, 0xffffffffu, &operands, file, line);
}
template <int N>
inline void wgmma_tf32(float (&d)[N / 8][4], uint64_t a, uint64_t b, SIM_SITE) {
    sim_wgmma<N>({d[0], nullptr, a, b, N, false, false, false}, file, line);
}
template <int N>
inline void wgmma_tf32(float (&d)[N / 8][4], const uint32_t (&a)[4], uint64_t b, SIM_SITE) {
    sim_wgmma<N>({d[0], a, 0, b, N, false, false, false}, file, line);
}
template <int N, bool A_ROWS, bool B_ROWS>
inline void wgmma_bf16(float (&d)[N / 8][4], uint64_t a, uint64_t b, SIM_SITE) {
    sim_wgmma<N>({d[0], nullptr, a, b, N, true, A_ROWS, B_ROWS}, file, line);
}
template <int N, bool B_ROWS>
inline void wgmma_bf16(float (&d)[N / 8][4], const uint32_t (&a)[4], uint64_t b, SIM_SITE) {
    sim_wgmma<N>({d[0], a, 0, b, N, true, false, B_ROWS}, file, line);
}

template <int TILES>
inline void hold(float (&)[TILES][4]) {}
