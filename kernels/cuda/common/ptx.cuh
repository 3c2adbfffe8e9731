// The only place with PTX: each instruction behind one small inline function with a plain C++ signature.
//
// No CUDA header is included anywhere in kernels/cuda, so that the same text compiles under NVRTC with nothing installed
// beside it, and under a host compiler for the simulator in kernels/cuda/simulator. With CUDA_SIM defined, everything in this
// file but the comments is supplied by kernels/cuda/simulator/device.h, function by function under the same names.
//
// Letters in the layouts below: lane = threadIdx.x % 32, g = lane / 4 ("group", 0..7), t = lane % 4 (0..3).
#pragma once

#ifndef CUDA_SIM

typedef unsigned char uint8_t;
typedef unsigned short uint16_t;
typedef unsigned int uint32_t;
typedef int int32_t;
typedef long long int64_t;
typedef unsigned long long uint64_t;

// Dynamic shared memory of the block, aligned to 128 bytes, as an array of `type`: DYNAMIC_SHARED(float, tile);
// A kernel carves all it needs out of this one array. Static __shared__ arrays are not used (the simulator refuses them).
#define DYNAMIC_SHARED(type, name)                                    \
    extern __shared__ __align__(128) unsigned char dynamic_shared_[]; \
    type* const name = reinterpret_cast<type*>(dynamic_shared_)

__device__ __forceinline__ uint32_t shared_address(const void* pointer) {
    return static_cast<uint32_t>(__cvta_generic_to_shared(pointer));
}

// ------------------------------------------------------------------------------------------------ tensor cores

// d (16x8) = a (16x8) * b (8x8) + c (16x8), one warp, tf32 operands, float32 accumulation. d and c may be one array.
//
//     a (row, k)                    b (k, column)               c, d (row, column)
//     a[0]: (g,     t)              b[0]: (t,     g)            c[0]: (g,     2t)    c[1]: (g,     2t + 1)
//     a[1]: (g + 8, t)              b[1]: (t + 4, g)            c[2]: (g + 8, 2t)    c[3]: (g + 8, 2t + 1)
//     a[2]: (g,     t + 4)
//     a[3]: (g + 8, t + 4)
//
//     which lane holds what, register index in brackets (rows 0..7 shown; rows 8..15 are a[1], a[3] and c[2], c[3]):
//
//     a   k  0     1     2     3     4     5     6     7        b  n  0      1      2    ...  7
//     row 0  0[0]  1[0]  2[0]  3[0]  0[2]  1[2]  2[2]  3[2]     k 0   0[0]   4[0]   8[0]     28[0]
//         1  4[0]  5[0]  6[0]  7[0]  4[2]  5[2]  6[2]  7[2]       1   1[0]   5[0]   9[0]     29[0]
//         ...                                                     3   3[0]   7[0]  11[0]     31[0]
//         7 28[0] 29[0] 30[0] 31[0] 28[2] 29[2] 30[2] 31[2]       4   0[1]   4[1]   8[1]     28[1]
//                                                                 7   3[1]   7[1]  11[1]     31[1]
//     c  column 0     1     2     3     4     5     6     7
//     row 0     0[0]  0[1]  1[0]  1[1]  2[0]  2[1]  3[0]  3[1]
//         1     4[0]  4[1]  5[0]  5[1]  6[0]  6[1]  7[0]  7[1]
//
// An operand is a float32 bit pattern whose low 13 mantissa bits are ignored (truncated, not rounded): round it once with
// cvt_tf32 where it is stored, or the error is twice as large and has a sign.
__device__ __forceinline__ void mma_m16n8k8_tf32(float d[4], const uint32_t a[4], const uint32_t b[2], const float c[4]) {
    asm volatile(
        "mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, "
        "{%10, %11, %12, %13};"
        : "=f"(d[0]), "=f"(d[1]), "=f"(d[2]), "=f"(d[3])
        : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]), "f"(c[0]), "f"(c[1]), "f"(c[2]), "f"(c[3]));
}

// d (16x8) = a (16x16) * b (16x8) + c (16x8), bfloat16 operands (two in a register, the lower k in the low half),
// float32 accumulation.
//
//     a (row, k)                                 b (k, column)                          c, d: as m16n8k8
//     a[0]: (g,     2t), (g,     2t + 1)         b[0]: (2t,     g), (2t + 1, g)
//     a[1]: (g + 8, 2t), (g + 8, 2t + 1)         b[1]: (2t + 8, g), (2t + 9, g)
//     a[2]: (g,     2t + 8), (g,     2t + 9)
//     a[3]: (g + 8, 2t + 8), (g + 8, 2t + 9)
__device__ __forceinline__ void mma_m16n8k16_bf16(float d[4], const uint32_t a[4], const uint32_t b[2], const float c[4]) {
    asm volatile(
        "mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, "
        "{%10, %11, %12, %13};"
        : "=f"(d[0]), "=f"(d[1]), "=f"(d[2]), "=f"(d[3])
        : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]), "f"(c[0]), "f"(c[1]), "f"(c[2]), "f"(c[3]));
}

// d (16x8) = a (16x8) * b (8x8) + c (16x8), bfloat16: a[0] (g, 2t), (g, 2t + 1); a[1] (g + 8, ...); b (2t, g), (2t + 1, g).
__device__ __forceinline__ void mma_m16n8k8_bf16(float d[4], const uint32_t a[2], uint32_t b, const float c[4]) {
    asm volatile(
        "mma.sync.aligned.m16n8k8.row.col.f32.bf16.bf16.f32 {%0, %1, %2, %3}, {%4, %5}, {%6}, {%7, %8, %9, %10};"
        : "=f"(d[0]), "=f"(d[1]), "=f"(d[2]), "=f"(d[3])
        : "r"(a[0]), "r"(a[1]), "r"(b), "f"(c[0]), "f"(c[1]), "f"(c[2]), "f"(c[3]));
}

// Load 8x8 matrices of 16-bit elements (or 8x4 of 32-bit elements) from shared memory, one warp together. A matrix is
// eight rows of 16 bytes; lane 8m + r gives the address of row r of matrix m, 16-byte aligned. Lane (g, t) receives in
// d[m] the four bytes 4t..4t+3 of row g of matrix m: with 32-bit elements that is element (g, t), so four matrices
// (rows 0-7 k 0-3), (rows 8-15 k 0-3), (rows 0-7 k 4-7), (rows 8-15 k 4-7) are the `a` of mma_m16n8k8_tf32.
// Free of bank conflicts when the eight rows of a matrix start in eight different 16-byte columns of the 128-byte line:
// a row stride that is an odd number of 16-byte units.
__device__ __forceinline__ void ldmatrix_x4(uint32_t d[4], const void* row) {
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"
                 : "=r"(d[0]), "=r"(d[1]), "=r"(d[2]), "=r"(d[3])
                 : "r"(shared_address(row))
                 : "memory");
}

// Two matrices: lanes 0..15 give the addresses; the other lanes' addresses are ignored.
__device__ __forceinline__ void ldmatrix_x2(uint32_t d[2], const void* row) {
    asm volatile("ldmatrix.sync.aligned.m8n8.x2.shared.b16 {%0, %1}, [%2];"
                 : "=r"(d[0]), "=r"(d[1])
                 : "r"(shared_address(row))
                 : "memory");
}

// Transposed, 16-bit elements only: lane (g, t) receives (rows 2t and 2t + 1, column g) of matrix m, the lower row in the
// low half of d[m].
__device__ __forceinline__ void ldmatrix_x4_trans(uint32_t d[4], const void* row) {
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0, %1, %2, %3}, [%4];"
                 : "=r"(d[0]), "=r"(d[1]), "=r"(d[2]), "=r"(d[3])
                 : "r"(shared_address(row))
                 : "memory");
}

// Two matrices, transposed: lanes 0..15 give the addresses.
__device__ __forceinline__ void ldmatrix_x2_trans(uint32_t d[2], const void* row) {
    asm volatile("ldmatrix.sync.aligned.m8n8.x2.trans.shared.b16 {%0, %1}, [%2];"
                 : "=r"(d[0]), "=r"(d[1])
                 : "r"(shared_address(row))
                 : "memory");
}

// ------------------------------------------------------------------------------------------------ number formats

// Round to tf32 (10 mantissa bits), to nearest, ties away from zero; the result is a float32 bit pattern.
__device__ __forceinline__ uint32_t cvt_tf32(float x) {
    uint32_t bits;
    asm("cvt.rna.tf32.f32 %0, %1;" : "=r"(bits) : "f"(x));
    return bits;
}

// Two float32 rounded to bfloat16, to nearest even: `low` in bits 0..15, `high` in bits 16..31.
__device__ __forceinline__ uint32_t cvt_bf16x2(float low, float high) {
    uint32_t bits;
    asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(bits) : "f"(high), "f"(low));
    return bits;
}

// Two float32 rounded to float16, to nearest even, beyond 65504 infinite: `low` in bits 0..15, `high` in bits 16..31.
__device__ __forceinline__ uint32_t cvt_f16x2(float low, float high) {
    uint32_t bits;
    asm("cvt.rn.f16x2.f32 %0, %1, %2;" : "=r"(bits) : "f"(high), "f"(low));
    return bits;
}

// Back, exactly: x from bits 0..15, y from bits 16..31.
__device__ __forceinline__ float2 widen_f16x2(uint32_t bits) {
    float2 v;
    asm("{.reg .b16 low, high; mov.b32 {low, high}, %2; cvt.f32.f16 %0, low; cvt.f32.f16 %1, high;}"
        : "=f"(v.x), "=f"(v.y)
        : "r"(bits));
    return v;
}

// ------------------------------------------------------------------------------------------------ asynchronous copies

// Copy 16 bytes from global to shared memory behind the thread's back (both 16-byte aligned, past L1). The bytes may be
// read by this thread after cp_async_wait, by its block after cp_async_wait and then __syncthreads.
__device__ __forceinline__ void cp_async16(void* shared, const void* global) {
    asm volatile("cp.async.cg.shared.global [%0], [%1], 16;" ::"r"(shared_address(shared)), "l"(global) : "memory");
}

// The same, reading only the first `bytes` (0..16) of the source and filling the rest with zeros: 0 for a halo pixel
// outside the image. With 0 the source is not read, but give a valid address all the same. Through L1, since the
// neighbouring windows of one block read a pixel once for each tap; so not for what another block writes meanwhile.
__device__ __forceinline__ void cp_async16_zfill(void* shared, const void* global, int bytes) {
    asm volatile("cp.async.ca.shared.global [%0], [%1], 16, %2;" ::"r"(shared_address(shared)), "l"(global), "r"(bytes)
                 : "memory");
}

// The same past L1, as cp_async16: for what other blocks write while this one runs (after acquiring their flag).
__device__ __forceinline__ void cp_async16_zfill_l2(void* shared, const void* global, int bytes) {
    asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(shared_address(shared)), "l"(global), "r"(bytes)
                 : "memory");
}

// Four bytes, with the same zero fill (bytes 0 or 4), for rows that are not multiples of 16 bytes.
__device__ __forceinline__ void cp_async4_zfill(void* shared, const void* global, int bytes) {
    asm volatile("cp.async.ca.shared.global [%0], [%1], 4, %2;" ::"r"(shared_address(shared)), "l"(global), "r"(bytes)
                 : "memory");
}

// Close the group of the copies issued by this thread since its last commit.
__device__ __forceinline__ void cp_async_commit() { asm volatile("cp.async.commit_group;" ::: "memory"); }

// Wait until at most `groups` of this thread's most recent groups are still in flight.
template <int groups>
__device__ __forceinline__ void cp_async_wait() {
    asm volatile("cp.async.wait_group %0;" ::"n"(groups) : "memory");
}

// Ask for the 128 bytes around an address of global memory to be brought into L2. Nothing waits for it.
__device__ __forceinline__ void prefetch_l2(const void* global) {
    asm volatile("prefetch.global.L2 [%0];" ::"l"(global));
}

// ------------------------------------------------------------------------------------------------ flags between blocks

// Sixteen bytes past L1: what other blocks write while this one runs (after acquiring their flag).
__device__ __forceinline__ float4 load_l2(const float4* global) {
    float4 v;
    asm volatile("ld.global.cg.v4.f32 {%0, %1, %2, %3}, [%4];" : "=f"(v.x), "=f"(v.y), "=f"(v.z), "=f"(v.w) : "l"(global));
    return v;
}

// A flag is a 32-bit word in global memory. Writer: all threads store, __syncthreads, then one thread st_release or
// red_add_release. Reader: one thread polls ld_acquire with spin_pause in the loop, then __syncthreads.
__device__ __forceinline__ uint32_t ld_acquire(const uint32_t* flag) {
    uint32_t value;
    asm volatile("ld.acquire.gpu.global.u32 %0, [%1];" : "=r"(value) : "l"(flag) : "memory");
    return value;
}

__device__ __forceinline__ void st_release(uint32_t* flag, uint32_t value) {
    asm volatile("st.release.gpu.global.u32 [%0], %1;" ::"l"(flag), "r"(value) : "memory");
}

__device__ __forceinline__ void red_add_release(uint32_t* flag, uint32_t value) {
    asm volatile("red.release.gpu.global.add.u32 [%0], %1;" ::"l"(flag), "r"(value) : "memory");
}

// One turn of a polling loop. Every loop that waits for another thread must call it: it gives the issue slot to the other
// warps here, and lets the other fibers run in the simulator.
__device__ __forceinline__ void spin_pause() { asm volatile("nanosleep.u32 20;" ::: "memory"); }

// Let about so many nanoseconds pass: for those who should not do the same thing at the same time. Not a way to wait for
// anybody. One nanosleep may take anything up to twice what it is asked for; four of them seldom do. (A loop that reads the
// clock is exact, and made the compiler spill in the recurrences.)
__device__ __forceinline__ void pass_time(int nanoseconds) {
#pragma unroll
    for (int i = 0; i < 4; ++i) asm volatile("nanosleep.u32 %0;" ::"r"(nanoseconds / 4));
}

// ------------------------------------------------------------------------------------------------ fast functions

// 2^x and 1/x with a relative error of 2^-22; what is below the smallest normal number is zero.
__device__ __forceinline__ float exp2_approx(float x) {
    float y;
    asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
    return y;
}

__device__ __forceinline__ float reciprocal_approx(float x) {
    float y;
    asm("rcp.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
    return y;
}

// x between 0 and 1; a NaN stays one.
__device__ __forceinline__ float clamp_unit(float x) {
    float y;
    asm("{.reg .f32 above; max.NaN.f32 above, %1, 0f00000000; min.NaN.f32 %0, above, 0f3F800000;}" : "=f"(y) : "f"(x));
    return y;
}

// tanh with a relative error up to 2^-11: for the tf32 and bf16 modes only.
__device__ __forceinline__ float tanh_approx(float x) {
    float y;
    asm("tanh.approx.f32 %0, %1;" : "=f"(y) : "f"(x));
    return y;
}

#endif  // CUDA_SIM
