// Rows of a table by their numbers.
//
//     forward                                  backward
//     (1)  y[p] = table[numbers[p]]            dtable[r] = sum of dy[p] over the p with numbers[p] = r, in their order
//
// Backward, the block of the first position that reads a row sums all that read it: one writer, one order, no atomics. A
// number that is no row of the table reads NaN and has no gradient.

#include "common/ptx.cuh"

constexpr int THREADS = 256;

// The row that a number means, -1 for none.
__device__ __forceinline__ int row_of(float number, int rows) {
    return number >= 0.0f && number < float(rows) ? int(number) : -1;
}

// (1): numbers (n / features), table (rows, features) -> y (n); one thread an element.
extern "C" __global__ void __launch_bounds__(THREADS)
    lookup(const float* numbers, const float* table, float* y, int rows, int features, long long n) {
    const long long at = (long long)blockIdx.x * THREADS + threadIdx.x;
    if (at >= n) return;
    const int row = row_of(numbers[at / features], rows);
    y[at] = row < 0 ? __int_as_float(0x7fffffff) : table[(long long)row * features + at % features];
}

// dtable (n) = 0; one thread an element.
extern "C" __global__ void __launch_bounds__(THREADS) lookup_clear(float* dtable, long long n) {
    const long long at = (long long)blockIdx.x * THREADS + threadIdx.x;
    if (at < n) dtable[at] = 0.0f;
}

// (1): numbers (positions), dy (positions, features) -> the rows of dtable (rows, features) that were read; one block a
// position. shared: THREADS ints.
extern "C" __global__ void __launch_bounds__(THREADS)
    lookup_backward(const float* numbers, const float* dy, float* dtable, int positions, int rows, int features) {
    DYNAMIC_SHARED(int, reads);
    const int here = blockIdx.x, row = row_of(numbers[here], rows);
    if (row < 0) return;
    int before = 0;
    for (int p = threadIdx.x; p < here; p += THREADS) before |= row_of(numbers[p], rows) == row;
    if (__syncthreads_or(before)) return;
    for (int first = 0; first < features; first += THREADS) {
        const int feature = first + threadIdx.x;
        float sum = 0.0f;
        for (int begin = here; begin < positions; begin += THREADS) {
            const int p = begin + threadIdx.x;
            __syncthreads();
            reads[threadIdx.x] = p < positions && row_of(numbers[p], rows) == row;
            __syncthreads();
            for (int k = 0; k < THREADS && feature < features; ++k)
                if (reads[k]) sum += dy[(long long)(begin + k) * features + feature];
        }
        if (feature < features) dtable[(long long)row * features + feature] = sum;
    }
}
