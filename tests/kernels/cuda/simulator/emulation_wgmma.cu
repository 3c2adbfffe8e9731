// Warpgroup products and named barriers, for comparison with NumPy. Of the products: N columns, BF16 or tf32, A_ROWS and
// B_ROWS as in wgmma.cuh, FROM_REGISTERS (of A), SHIFT (of both starts, in units of 16 bytes).
#include "products/warpgroup/wgmma.cuh"

#define STEPS 3
#if BF16
#define DEPTH 16
typedef uint16_t element;
#else
#define DEPTH 8
typedef uint32_t element;
#endif
#define IN_ROW (16 / int(sizeof(element)))  // elements in 16 bytes
#define ALL (STEPS * DEPTH + 8)             // k of the matrices as they lie in memory, a few more than used

__device__ element rounded(float x) {
#if BF16
    return static_cast<element>(cvt_bf16x2(x, 0.0f));
#else
    return cvt_tf32(x);
#endif
}

__device__ int leading(int rows, bool by_rows) { return by_rows ? 128 : 16 * rows; }
__device__ int stride(bool by_rows) { return by_rows ? 16 * ALL : 128; }

// x (rows, ALL) to shared memory, by all threads; an address moves by 16 bytes from row to row, or by_rows from k to k.
__device__ void store(element* shared, const float* x, int rows, bool by_rows) {
    for (int i = threadIdx.x; i < rows * ALL; i += blockDim.x) {
        const int r = i / ALL, k = i % ALL, unit = by_rows ? 8 : IN_ROW;
        const int core = r / 8 * stride(by_rows) + k / unit * leading(rows, by_rows);
        const int byte = core + (by_rows ? k : r) % 8 * 16 + (by_rows ? r : k) % unit * int(sizeof(element));
        shared[byte / sizeof(element)] = rounded(x[i]);
    }
}

// d (64, N) = c + a * b^T of the parts of a (72, ALL) and b (N + 8, ALL) that begin at SHIFT.
extern "C" __global__ void multiply(const float* a, const float* b, const float* c, float* d) {
    DYNAMIC_SHARED(element, tile);
    const int g = threadIdx.x % 32 / 4, t = threadIdx.x % 4, first_row = threadIdx.x / 32 * 16;
    element* const columns = tile + 72 * ALL;
    store(tile, a, 72, A_ROWS);
    store(columns, b, N + 8, B_ROWS);
    fence_proxy_async();
    barrier_sync(1, 128);
    float sums[N / 8][4];
    for (int i = 0; i < N / 2; ++i) sums[i / 4][i % 4] = c[(first_row + g + i / 2 % 2 * 8) * N + i / 4 * 8 + 2 * t + i % 2];
    uint64_t from_a = matrix_descriptor(tile, leading(72, A_ROWS), stride(A_ROWS)) + SHIFT;
    uint64_t from_b = matrix_descriptor(columns, leading(N + 8, B_ROWS), stride(B_ROWS)) + SHIFT;
    uint32_t fragments[STEPS][4];
    for (int step = 0; step < STEPS; ++step)
        for (int i = 0; i < 4; ++i) {
            const float* row = a + (first_row + g + i % 2 * 8 + SHIFT) * ALL + step * DEPTH;
#if BF16
            fragments[step][i] = cvt_bf16x2(row[2 * t + i / 2 * 8], row[2 * t + i / 2 * 8 + 1]);
#else
            fragments[step][i] = cvt_tf32(row[t + i / 2 * 4]);
#endif
        }
    wgmma_fence();
#pragma unroll
    for (int step = 0; step < STEPS; ++step) {
#if BF16 && FROM_REGISTERS
        wgmma_bf16<N, B_ROWS>(sums, fragments[step], from_b);
#elif BF16
        wgmma_bf16<N, A_ROWS, B_ROWS>(sums, from_a, from_b);
#elif FROM_REGISTERS
        wgmma_tf32<N>(sums, fragments[step], from_b);
#else
        wgmma_tf32<N>(sums, from_a, from_b);
#endif
        if (step > 0) wgmma_commit();
        from_a += A_ROWS ? DEPTH : 2 * 72;
        from_b += B_ROWS ? DEPTH : 2 * (N + 8);
    }
    wgmma_wait<1>();
    wgmma_wait<0>();
    hold(sums);
    for (int i = 0; i < N / 2; ++i) d[(first_row + g + i / 2 % 2 * 8) * N + i / 4 * 8 + 2 * t + i % 2] = sums[i / 4][i % 4];
}

// The sums of ones, before the wait and after it.
extern "C" __global__ void early(float* before, float* after) {
    DYNAMIC_SHARED(element, tile);
    for (int i = threadIdx.x; i < (64 + N) * DEPTH; i += 128) tile[i] = rounded(1.0f);
    fence_proxy_async();
    __syncthreads();
    float sums[N / 8][4] = {};
    wgmma_fence();
    wgmma_tf32<N>(sums, matrix_descriptor(tile, 1024, 128), matrix_descriptor(tile + 64 * DEPTH, 16 * N, 128));
    wgmma_commit();
    before[threadIdx.x] = sums[0][0];
    wgmma_wait<0>();
    after[threadIdx.x] = sums[0][0];
}

// Two halves of a block, each with its own barrier and buffer: STEPS times y[i] = y[i - 1] + x[i], i of the half, a ring.
extern "C" __global__ void halves(const float* x, float* y) {
    DYNAMIC_SHARED(float, tile);
    const int half = threadIdx.x / 64, i = threadIdx.x % 64;
    float* const mine = tile + 64 * half;
    mine[i] = 0.0f;
    barrier_sync(1 + half, 64);
    for (int step = 0; step < STEPS + half; ++step) {
        const float before = mine[(i + 63) % 64];
        barrier_sync(1 + half, 64);
        mine[i] = before + x[threadIdx.x];
        barrier_sync(1 + half, 64);
    }
    y[threadIdx.x] = mine[i];
}
