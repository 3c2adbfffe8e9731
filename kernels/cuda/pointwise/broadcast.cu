// The sum of an array over any choice of its axes: what broadcasting is backward. Forward is `strided` of layout.cu.
//
//     (1)  y[i, j, ...] = x[i or 0, j or 0, ...]           dx = sum of dy over the axes where x has size 1
//
// Neighbouring axes of one kind count as one: three are kept and three summed, of size 1 where there are fewer.

#include "common/block_sums.cuh"

constexpr int THREADS = 256;

// (1): dy -> partial (segments, outputs). One thread a sum of every segments-th of `rows` elements; an index of the
// kept axes moves by keptK_step where that of axis K moves by one, and so for the summed ones.
extern "C" __global__ void __launch_bounds__(THREADS)
    sum_segments(const float* dy, float* partial, long long outputs, long long segments, long long rows,
                 long long kept1, long long kept2, long long kept0_step, long long kept1_step, long long kept2_step,
                 long long summed1, long long summed2, long long summed0_step, long long summed1_step,
                 long long summed2_step) {
    const long long at = (long long)blockIdx.x * THREADS + threadIdx.x;
    if (at >= outputs * segments) return;
    const long long output = at % outputs;
    const float* first = dy + output % kept2 * kept2_step + output / kept2 % kept1 * kept1_step +
                         output / kept2 / kept1 * kept0_step;
    float sum = 0.0f;
    for (long long row = at / outputs; row < rows; row += segments)
        sum += first[row % summed2 * summed2_step + row / summed2 % summed1 * summed1_step +
                     row / summed2 / summed1 * summed0_step];
    partial[at] = sum;
}

// dx (outputs) = sums over the segments of partial (segments, outputs); one block an output.
extern "C" __global__ void __launch_bounds__(THREADS)
    add_segments(const float* partial, float* dx, long long outputs, long long segments) {
    DYNAMIC_SHARED(double, shared);
    double sum = 0.0;
    for (long long segment = threadIdx.x; segment < segments; segment += THREADS)
        sum += partial[segment * outputs + blockIdx.x];
    sum = block_sum<THREADS>(sum, shared);
    if (threadIdx.x == 0) dx[blockIdx.x] = sum;
}
