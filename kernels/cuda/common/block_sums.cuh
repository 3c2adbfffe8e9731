// Sums over the threads of a block, in an order that depends on nothing but how many there are.
#pragma once

#include "common/ptx.cuh"

// Who adds up together: all threads of a block.
struct WholeBlock {
    static __device__ __forceinline__ int thread() { return threadIdx.x; }
    static __device__ __forceinline__ void barrier() { __syncthreads(); }
};

// The sum of every thread's value; THREADS is a power of two; thread 0 gets it. shared: THREADS doubles.
template <int THREADS>
__device__ __forceinline__ double block_sum(double value, double* shared) {
    shared[threadIdx.x] = value;
    __syncthreads();
    for (int half = THREADS / 2; half > 0; half /= 2) {
        if (threadIdx.x < half) shared[threadIdx.x] += shared[threadIdx.x + half];
        __syncthreads();
    }
    return shared[0];
}

// shared (QUANTITIES, THREADS), a thread's values in its own column: the first LANES columns get the sums over ROWS
// rows of as many threads each. Begins and ends with a barrier of the team.
template <int QUANTITIES, int ROWS, int LANES, int THREADS, class Team = WholeBlock>
__device__ __forceinline__ void sum_rows(double* shared) {
    const int thread = Team::thread(), row = thread / LANES;
    Team::barrier();
    for (int left = ROWS; left > 1; left = (left + 1) / 2) {
        const int other = thread + (left + 1) / 2 * LANES;
        if (row < left / 2)
            for (int q = 0; q < QUANTITIES; ++q) shared[q * THREADS + thread] += shared[q * THREADS + other];
        Team::barrier();
    }
}
