// How many predictions pass how many thresholds, apart for targets that are off and on.
//
//     b(i)   = number of limits below p(i)                   on(i) = y(i) != 0, or y(i) >= truth
//     counts[on * bins + b] = number of elements of that b and on, bins = limits + 1
//
// A block takes its share of the elements in tiles: each thread finds b and on of one element, then looks through the
// whole tile for those of its own bins. So no two threads write one number, and the counts are the same on every run.

#include "common/ptx.cuh"

constexpr int THREADS = 256;

__device__ __forceinline__ float share_of(float z) { return 0.5f * tanhf(0.5f * z) + 0.5f; }

// output, target (n), limits (bins - 1) ascending -> partial (gridDim.x, 2 * bins).
extern "C" __global__ void __launch_bounds__(THREADS)
    count_thresholds(const float* output, const float* target, const float* limits, double* partial, int bins,
                     int from_logits, int by_truth, float truth, long long n) {
    DYNAMIC_SHARED(int, codes);
    for (int bin = threadIdx.x; bin < 2 * bins; bin += THREADS) partial[(long long)blockIdx.x * 2 * bins + bin] = 0.0;
    for (long long first = (long long)blockIdx.x * THREADS; first < n; first += (long long)gridDim.x * THREADS) {
        const long long at = first + threadIdx.x;
        int code = -1;
        if (at < n) {
            const float p = from_logits ? share_of(output[at]) : output[at], y = target[at];
            int low = 0, high = bins - 1;
            while (low < high) {
                const int middle = (low + high) / 2;
                if (limits[middle] < p) low = middle + 1;
                else high = middle;
            }
            code = low + ((by_truth ? y >= truth : y != 0.0f) ? bins : 0);
        }
        codes[threadIdx.x] = code;
        __syncthreads();
        for (int bin = threadIdx.x; bin < 2 * bins; bin += THREADS) {
            int found = 0;
            for (int i = 0; i < THREADS; ++i) found += codes[i] == bin;
            partial[(long long)blockIdx.x * 2 * bins + bin] += double(found);
        }
        __syncthreads();
    }
}

// partial (blocks, width) -> counts (width).
extern "C" __global__ void __launch_bounds__(THREADS)
    finish_counts(const double* partial, double* counts, int blocks, int width) {
    const int bin = blockIdx.x * THREADS + threadIdx.x;
    if (bin >= width) return;
    double sum = 0.0;
    for (int block = 0; block < blocks; ++block) sum += partial[(long long)block * width + bin];
    counts[bin] = sum;
}
