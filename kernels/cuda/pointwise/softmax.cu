// Softmax in rows; see kernels/operations/softmax.py. A warp has a row, and each of its lanes every 32nd column.
//
//     forward                              backward
//     (1)  e = exp(z - max(z))
//     (2)  y = e / sum(e)                  dz = y * (dy - sum(dy * y))
//
// Lanes exchange their sums in pairs, so all get the same bits, and the same ones in every run.

#include "common/ptx.cuh"

constexpr int LANES = 32;
constexpr unsigned ALL_LANES = 0xffffffffu;

__device__ __forceinline__ float sum_of_lanes(float value) {
#pragma unroll
    for (int bits = LANES / 2; bits > 0; bits /= 2) value += __shfl_xor_sync(ALL_LANES, value, bits);
    return value;
}

__device__ __forceinline__ float greatest_of_lanes(float value) {
#pragma unroll
    for (int bits = LANES / 2; bits > 0; bits /= 2) value = fmaxf(value, __shfl_xor_sync(ALL_LANES, value, bits));
    return value;
}

__device__ __forceinline__ long long row_of_warp() {
    return ((long long)blockIdx.x * blockDim.x + threadIdx.x) / LANES;
}

// z -> y (rows, columns), which may be z.
extern "C" __global__ void softmax_forward(const float* z, float* y, int columns, long long rows) {
    const long long row = row_of_warp(), from = row * columns;
    if (row >= rows) return;
    float greatest = z[from];
    for (int k = threadIdx.x % LANES; k < columns; k += LANES) greatest = fmaxf(greatest, z[from + k]);
    greatest = greatest_of_lanes(greatest);
    __syncwarp();  // every lane has read column 0
    float sum = 0.0f;
    for (int k = threadIdx.x % LANES; k < columns; k += LANES) {
        const float e = expf(z[from + k] - greatest);  // (1)
        y[from + k] = e;
        sum += e;
    }
    const float share = 1.0f / sum_of_lanes(sum);
    for (int k = threadIdx.x % LANES; k < columns; k += LANES) y[from + k] *= share;  // (2)
}

// y, dy -> dz (rows, columns), which may be dy.
extern "C" __global__ void softmax_backward(const float* y, const float* dy, float* dz, int columns, long long rows) {
    const long long row = row_of_warp(), from = row * columns;
    if (row >= rows) return;
    float sum = 0.0f;
    for (int k = threadIdx.x % LANES; k < columns; k += LANES) sum += dy[from + k] * y[from + k];
    sum = sum_of_lanes(sum);
    for (int k = threadIdx.x % LANES; k < columns; k += LANES) dz[from + k] = y[from + k] * (dy[from + k] - sum);  // (2), (1)
}
