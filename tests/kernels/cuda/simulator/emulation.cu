// Warp and tensor-core functions one at a time, for comparison with NumPy. One warp, operands in global memory.
#include "common/ptx.cuh"

#define LANE (threadIdx.x % 32)
#define GROUP (LANE / 4)
#define T (LANE % 4)

extern "C" __global__ void multiply_tf32(const float* a, const float* b, const float* c, float* d) {
    const uint32_t fragment[4] = {cvt_tf32(a[GROUP * 8 + T]), cvt_tf32(a[(GROUP + 8) * 8 + T]),
                                  cvt_tf32(a[GROUP * 8 + T + 4]), cvt_tf32(a[(GROUP + 8) * 8 + T + 4])};
    const uint32_t column[2] = {cvt_tf32(b[T * 8 + GROUP]), cvt_tf32(b[(T + 4) * 8 + GROUP])};
    float sum[4];
    for (int i = 0; i < 4; ++i) sum[i] = c[(GROUP + i / 2 * 8) * 8 + 2 * T + i % 2];
    mma_m16n8k8_tf32(sum, fragment, column, sum);
    for (int i = 0; i < 4; ++i) d[(GROUP + i / 2 * 8) * 8 + 2 * T + i % 2] = sum[i];
}

extern "C" __global__ void multiply_tf32_unrounded(const float* a, const float* b, const float* c, float* d) {
    uint32_t fragment[4], column[2];
    for (int i = 0; i < 4; ++i) fragment[i] = __float_as_uint(a[(GROUP + i % 2 * 8) * 8 + T + i / 2 * 4]);
    for (int i = 0; i < 2; ++i) column[i] = __float_as_uint(b[(T + 4 * i) * 8 + GROUP]);
    float zero[4] = {}, sum[4];
    mma_m16n8k8_tf32(sum, fragment, column, zero);
    for (int i = 0; i < 4; ++i) d[(GROUP + i / 2 * 8) * 8 + 2 * T + i % 2] = sum[i];
}

// The factors come through shared memory and ldmatrix: a as (16, 8) floats, b as (n, k) = (8, 8) floats.
extern "C" __global__ void multiply_tf32_ldmatrix(const float* a, const float* b, const float* c, float* d) {
    DYNAMIC_SHARED(float, tile);
    for (int i = threadIdx.x; i < 128; i += 32) tile[i / 8 * 12 + i % 8] = __uint_as_float(cvt_tf32(a[i]));
    for (int i = threadIdx.x; i < 64; i += 32) tile[192 + i % 8 * 12 + i / 8] = __uint_as_float(cvt_tf32(b[i]));
    __syncwarp();
    uint32_t fragment[4], column[2];
    ldmatrix_x4(fragment, tile + LANE % 16 * 12 + LANE / 16 * 4);
    ldmatrix_x2(column, tile + 192 + LANE % 8 * 12 + LANE / 8 % 2 * 4);
    float sum[4];
    for (int i = 0; i < 4; ++i) sum[i] = c[(GROUP + i / 2 * 8) * 8 + 2 * T + i % 2];
    mma_m16n8k8_tf32(sum, fragment, column, sum);
    for (int i = 0; i < 4; ++i) d[(GROUP + i / 2 * 8) * 8 + 2 * T + i % 2] = sum[i];
}

extern "C" __global__ void multiply_bf16(const float* a, const float* b, const float* c, float* d) {
    uint32_t fragment[4], column[2];
    for (int i = 0; i < 4; ++i) {
        const float* pair = a + (GROUP + i % 2 * 8) * 16 + 2 * T + i / 2 * 8;
        fragment[i] = cvt_bf16x2(pair[0], pair[1]);
    }
    for (int i = 0; i < 2; ++i) {
        const int k = 2 * T + 8 * i;
        column[i] = cvt_bf16x2(b[k * 8 + GROUP], b[(k + 1) * 8 + GROUP]);
    }
    float sum[4];
    for (int i = 0; i < 4; ++i) sum[i] = c[(GROUP + i / 2 * 8) * 8 + 2 * T + i % 2];
    mma_m16n8k16_bf16(sum, fragment, column, sum);
    for (int i = 0; i < 4; ++i) d[(GROUP + i / 2 * 8) * 8 + 2 * T + i % 2] = sum[i];
}

// b is stored (k, n) as bfloat16 and transposed by ldmatrix; two instructions of depth 8 make the depth of 16.
extern "C" __global__ void multiply_bf16_trans(const float* a, const float* b, const float* c, float* d) {
    DYNAMIC_SHARED(uint32_t, tile);
    for (int i = threadIdx.x; i < 64; i += 32) tile[i] = cvt_bf16x2(b[2 * i], b[2 * i + 1]);
    __syncwarp();
    uint32_t columns[4], halves[2];
    ldmatrix_x4_trans(columns, tile + LANE % 16 * 4);
    ldmatrix_x2_trans(halves, tile + LANE % 16 * 4);
    float sum[4];
    for (int i = 0; i < 4; ++i) sum[i] = c[(GROUP + i / 2 * 8) * 8 + 2 * T + i % 2];
    for (int half = 0; half < 2; ++half) {
        uint32_t fragment[2];
        for (int i = 0; i < 2; ++i) {
            const float* pair = a + (GROUP + i * 8) * 16 + 2 * T + half * 8;
            fragment[i] = cvt_bf16x2(pair[0], pair[1]);
        }
        mma_m16n8k8_bf16(sum, fragment, half == 0 ? columns[0] : halves[1], sum);
    }
    for (int i = 0; i < 4; ++i) d[(GROUP + i / 2 * 8) * 8 + 2 * T + i % 2] = sum[i];
}

extern "C" __global__ void shuffles(const float* x, float* y, int width, int amount) {
    const float v = x[LANE];
    y[LANE] = __shfl_sync(0xffffffffu, v, amount, width);
    y[32 + LANE] = __shfl_xor_sync(0xffffffffu, v, amount, width);
    y[64 + LANE] = __shfl_down_sync(0xffffffffu, v, amount, width);
    y[96 + LANE] = __shfl_up_sync(0xffffffffu, v, amount, width);
}

// Each half of the warp on its own.
extern "C" __global__ void votes(const uint32_t* x, uint32_t* y) {
    const uint32_t mask = LANE < 16 ? 0x0000ffffu : 0xffff0000u, v = x[LANE];
    const bool odd = v % 2;
    y[LANE] = __ballot_sync(mask, odd);
    y[32 + LANE] = __any_sync(mask, odd);
    y[64 + LANE] = __all_sync(mask, odd);
    y[96 + LANE] = __reduce_add_sync(mask, v);
    y[128 + LANE] = __reduce_min_sync(mask, v);
    y[160 + LANE] = __reduce_max_sync(mask, v);
}

extern "C" __global__ void block_votes(const uint32_t* x, uint32_t* y) {
    const bool odd = x[threadIdx.x] % 2;
    y[3 * threadIdx.x] = __syncthreads_count(odd);
    y[3 * threadIdx.x + 1] = __syncthreads_and(odd);
    y[3 * threadIdx.x + 2] = __syncthreads_or(odd);
}

extern "C" __global__ void rounding(const float* x, uint32_t* tf32, uint32_t* bf16, uint32_t* f16, float* back, int n) {
    for (int i = threadIdx.x; i < n; i += blockDim.x) {
        tf32[i] = cvt_tf32(x[i]);
        bf16[i] = cvt_bf16x2(x[i], -x[i]);
        f16[i] = cvt_f16x2(x[i], -x[i]);
        const float2 both = widen_f16x2(f16[i]);
        back[2 * i] = both.x;
        back[2 * i + 1] = both.y;
    }
}

extern "C" __global__ void approximations(const float* x, float* exponential, float* reciprocal, float* clamped, float* hyperbolic, int n) {
    for (int i = threadIdx.x; i < n; i += blockDim.x) {
        prefetch_l2(x + i);
        pass_time(1);
        exponential[i] = exp2_approx(x[i]);
        reciprocal[i] = reciprocal_approx(x[i]);
        clamped[i] = clamp_unit(x[i]);
        hyperbolic[i] = tanh_approx(x[i]);
    }
}

extern "C" __global__ void copies(const float* x, float* y) {
    DYNAMIC_SHARED(float, tile);
    cp_async16_zfill(tile + 4 * threadIdx.x, x + 4 * threadIdx.x, threadIdx.x % 5 * 4);
    cp_async16(tile + 160 + 4 * threadIdx.x, x + 4 * threadIdx.x);
    cp_async16_zfill_l2(tile + 288 + 4 * threadIdx.x, x + 4 * threadIdx.x, threadIdx.x % 5 * 4);
    cp_async_commit();
    cp_async4_zfill(tile + 128 + threadIdx.x, x + 128 + threadIdx.x, threadIdx.x % 2 * 4);
    cp_async_commit();
    cp_async_wait<1>();
    for (int i = 0; i < 4; ++i) y[4 * threadIdx.x + i] = tile[4 * threadIdx.x + i];
    cp_async_wait<0>();
    const float4 same = load_l2((const float4*)x + threadIdx.x);
    y[128 + threadIdx.x] = tile[128 + threadIdx.x] + (tile[160 + 4 * threadIdx.x] - same.x) + (tile[163 + 4 * threadIdx.x] - same.w);
    for (int i = 0; i < 4; ++i) y[160 + 4 * threadIdx.x + i] = tile[288 + 4 * threadIdx.x + i];
}

// Block after block adds its part to what the block before it wrote.
extern "C" __global__ void chained_blocks(const float* x, float* y, uint32_t* flags) {
    if (blockIdx.x > 0 && threadIdx.x == 0)
        while (ld_acquire(&flags[blockIdx.x - 1]) != 1) spin_pause();
    __syncthreads();
    const float before = blockIdx.x > 0 ? y[(blockIdx.x - 1) * blockDim.x + threadIdx.x] : 0.0f;
    y[blockIdx.x * blockDim.x + threadIdx.x] = before + x[blockIdx.x * blockDim.x + threadIdx.x];
    __syncthreads();
    if (threadIdx.x == 0) {
        st_release(&flags[blockIdx.x], 1);
        red_add_release(&flags[gridDim.x], 1);
    }
}

// Each thread writes its own number; the last element counts them.
extern "C" __global__ void coordinates(int* y) {
    const int block = blockIdx.x + gridDim.x * (blockIdx.y + gridDim.y * blockIdx.z);
    const int thread = threadIdx.x + blockDim.x * (threadIdx.y + blockDim.y * threadIdx.z);
    const int threads = blockDim.x * blockDim.y * blockDim.z, blocks = gridDim.x * gridDim.y * gridDim.z;
    y[block * threads + thread] = 1000 * block + thread;
    atomicAdd(&y[blocks * threads], 1);
}
