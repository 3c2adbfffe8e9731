// Matrix products of a warpgroup, Hopper's own (sm_90a): four warps together multiply matrices that stand in shared memory,
// asynchronously. Each instruction behind one function, as in ptx.cuh; with CUDA_SIM defined kernels/cuda/simulator supplies them.
//
// A warpgroup is four consecutive warps, the first a multiple of four. Warp w of it holds rows 16w .. 16w + 15 of D, as
// the accumulators of mma.m16n8k8 in ptx.cuh, one 16 x 8 tile after another: with g = lane / 4, t = lane % 4,
//
//     d[j][0] (g, 8j + 2t)    d[j][1] (g, 8j + 2t + 1)    d[j][2] (g + 8, 8j + 2t)    d[j][3] (g + 8, 8j + 2t + 1)
//
// A matrix in shared memory is made of pieces of 8 x 16 bytes, each 128 bytes in one piece (no swizzle). A has rows m, B has
// rows n; e is the size of an element:
//
//     k contiguous      (r, k) at start + r / 8 * stride + r % 8 * 16 + k / (16 / e) * leading + k % (16 / e) * e
//     rows contiguous   (r, k) at start + r / 8 * stride + r % 8 * 2  + k / 8 * leading        + k % 8 * 16       bf16 only
//
// So where the rows of k contiguous stand 16 bytes apart (stride 128), a start 16 bytes further is the matrix one row
// further: a tap of a convolution is a number added to the descriptor.
//
// Order: write shared memory, fence_proxy_async, a barrier; wgmma_fence, products, wgmma_commit, wgmma_wait; read d. Until
// the wait d may not be touched, nor the shared memory written; hold(d) keeps the compiler from moving either across.
#pragma once

#include "common/ptx.cuh"

#ifndef CUDA_SIM

__device__ __forceinline__ uint64_t matrix_descriptor(const void* shared, int leading, int stride) {
    return uint64_t(shared_address(shared) >> 4 & 0x3fff) | uint64_t(leading >> 4) << 16 | uint64_t(stride >> 4) << 32;
}

__device__ __forceinline__ void wgmma_fence() { asm volatile("wgmma.fence.sync.aligned;" ::: "memory"); }

// Close the group of the products issued since the last commit.
__device__ __forceinline__ void wgmma_commit() { asm volatile("wgmma.commit_group.sync.aligned;" ::: "memory"); }

// Wait until at most `pending` of the most recent groups are in flight.
template <int pending>
__device__ __forceinline__ void wgmma_wait() {
    asm volatile("wgmma.wait_group.sync.aligned %0;" ::"n"(pending) : "memory");
}

// What this thread has written to shared memory by ordinary stores and cp.async (after their wait) is there for wgmma.
__device__ __forceinline__ void fence_proxy_async() { asm volatile("fence.proxy.async.shared::cta;" ::: "memory"); }

template <int TILES>
__device__ __forceinline__ void hold(float (&d)[TILES][4]) {
#pragma unroll
    for (int i = 0; i < 4 * TILES; ++i) asm volatile("" : "+f"(d[i / 4][i % 4])::"memory");
}

// The registers of d and, behind them, the operands that follow, as the text of an instruction names them, for N columns.
#define WGMMA_TEXT_8 "%0, %1, %2, %3"
#define WGMMA_D_8 "+f"(d[0][0]), "+f"(d[0][1]), "+f"(d[0][2]), "+f"(d[0][3])
#define WGMMA_TEXT_16 WGMMA_TEXT_8 ", %4, %5, %6, %7"
#define WGMMA_D_16 WGMMA_D_8, "+f"(d[1][0]), "+f"(d[1][1]), "+f"(d[1][2]), "+f"(d[1][3])
#define WGMMA_TEXT_24 WGMMA_TEXT_16 ", %8, %9, %10, %11"
#define WGMMA_D_24 WGMMA_D_16, "+f"(d[2][0]), "+f"(d[2][1]), "+f"(d[2][2]), "+f"(d[2][3])
#define WGMMA_TEXT_32 WGMMA_TEXT_24 ", %12, %13, %14, %15"
#define WGMMA_D_32 WGMMA_D_24, "+f"(d[3][0]), "+f"(d[3][1]), "+f"(d[3][2]), "+f"(d[3][3])
#define WGMMA_TEXT_40 WGMMA_TEXT_32 ", %16, %17, %18, %19"
#define WGMMA_D_40 WGMMA_D_32, "+f"(d[4][0]), "+f"(d[4][1]), "+f"(d[4][2]), "+f"(d[4][3])
#define WGMMA_TEXT_48 WGMMA_TEXT_40 ", %20, %21, %22, %23"
#define WGMMA_D_48 WGMMA_D_40, "+f"(d[5][0]), "+f"(d[5][1]), "+f"(d[5][2]), "+f"(d[5][3])
#define WGMMA_TEXT_56 WGMMA_TEXT_48 ", %24, %25, %26, %27"
#define WGMMA_D_56 WGMMA_D_48, "+f"(d[6][0]), "+f"(d[6][1]), "+f"(d[6][2]), "+f"(d[6][3])
#define WGMMA_TEXT_64 WGMMA_TEXT_56 ", %28, %29, %30, %31"
#define WGMMA_D_64 WGMMA_D_56, "+f"(d[7][0]), "+f"(d[7][1]), "+f"(d[7][2]), "+f"(d[7][3])
#define WGMMA_TEXT_72 WGMMA_TEXT_64 ", %32, %33, %34, %35"
#define WGMMA_D_72 WGMMA_D_64, "+f"(d[8][0]), "+f"(d[8][1]), "+f"(d[8][2]), "+f"(d[8][3])
#define WGMMA_TEXT_80 WGMMA_TEXT_72 ", %36, %37, %38, %39"
#define WGMMA_D_80 WGMMA_D_72, "+f"(d[9][0]), "+f"(d[9][1]), "+f"(d[9][2]), "+f"(d[9][3])
#define WGMMA_TEXT_88 WGMMA_TEXT_80 ", %40, %41, %42, %43"
#define WGMMA_D_88 WGMMA_D_80, "+f"(d[10][0]), "+f"(d[10][1]), "+f"(d[10][2]), "+f"(d[10][3])
#define WGMMA_TEXT_96 WGMMA_TEXT_88 ", %44, %45, %46, %47"
#define WGMMA_D_96 WGMMA_D_88, "+f"(d[11][0]), "+f"(d[11][1]), "+f"(d[11][2]), "+f"(d[11][3])
#define WGMMA_TEXT_104 WGMMA_TEXT_96 ", %48, %49, %50, %51"
#define WGMMA_D_104 WGMMA_D_96, "+f"(d[12][0]), "+f"(d[12][1]), "+f"(d[12][2]), "+f"(d[12][3])
#define WGMMA_TEXT_112 WGMMA_TEXT_104 ", %52, %53, %54, %55"
#define WGMMA_D_112 WGMMA_D_104, "+f"(d[13][0]), "+f"(d[13][1]), "+f"(d[13][2]), "+f"(d[13][3])
#define WGMMA_TEXT_120 WGMMA_TEXT_112 ", %56, %57, %58, %59"
#define WGMMA_D_120 WGMMA_D_112, "+f"(d[14][0]), "+f"(d[14][1]), "+f"(d[14][2]), "+f"(d[14][3])
#define WGMMA_TEXT_128 WGMMA_TEXT_120 ", %60, %61, %62, %63"
#define WGMMA_D_128 WGMMA_D_120, "+f"(d[15][0]), "+f"(d[15][1]), "+f"(d[15][2]), "+f"(d[15][3])
#define WGMMA_TEXT_136 WGMMA_TEXT_128 ", %64, %65, %66, %67"
#define WGMMA_D_136 WGMMA_D_128, "+f"(d[16][0]), "+f"(d[16][1]), "+f"(d[16][2]), "+f"(d[16][3])
#define WGMMA_TEXT_144 WGMMA_TEXT_136 ", %68, %69, %70, %71"
#define WGMMA_D_144 WGMMA_D_136, "+f"(d[17][0]), "+f"(d[17][1]), "+f"(d[17][2]), "+f"(d[17][3])
#define WGMMA_TEXT_152 WGMMA_TEXT_144 ", %72, %73, %74, %75"
#define WGMMA_D_152 WGMMA_D_144, "+f"(d[18][0]), "+f"(d[18][1]), "+f"(d[18][2]), "+f"(d[18][3])
#define WGMMA_TEXT_160 WGMMA_TEXT_152 ", %76, %77, %78, %79"
#define WGMMA_D_160 WGMMA_D_152, "+f"(d[19][0]), "+f"(d[19][1]), "+f"(d[19][2]), "+f"(d[19][3])
#define WGMMA_SIZES(X) \
    X(8, "%4", "%5", "%6", "%7", "%8", "%9") \
    X(16, "%8", "%9", "%10", "%11", "%12", "%13") \
    X(24, "%12", "%13", "%14", "%15", "%16", "%17") \
    X(32, "%16", "%17", "%18", "%19", "%20", "%21") \
    X(40, "%20", "%21", "%22", "%23", "%24", "%25") \
    X(48, "%24", "%25", "%26", "%27", "%28", "%29") \
    X(56, "%28", "%29", "%30", "%31", "%32", "%33") \
    X(64, "%32", "%33", "%34", "%35", "%36", "%37") \
    X(72, "%36", "%37", "%38", "%39", "%40", "%41") \
    X(80, "%40", "%41", "%42", "%43", "%44", "%45") \
    X(88, "%44", "%45", "%46", "%47", "%48", "%49") \
    X(96, "%48", "%49", "%50", "%51", "%52", "%53") \
    X(104, "%52", "%53", "%54", "%55", "%56", "%57") \
    X(112, "%56", "%57", "%58", "%59", "%60", "%61") \
    X(120, "%60", "%61", "%62", "%63", "%64", "%65") \
    X(128, "%64", "%65", "%66", "%67", "%68", "%69") \
    X(136, "%68", "%69", "%70", "%71", "%72", "%73") \
    X(144, "%72", "%73", "%74", "%75", "%76", "%77") \
    X(152, "%76", "%77", "%78", "%79", "%80", "%81") \
    X(160, "%80", "%81", "%82", "%83", "%84", "%85")

// scale-d is a predicate: d is always added to.
#define WGMMA_BEGIN "{.reg .pred added; setp.eq.b32 added, 0, 0; wgmma.mma_async.sync.aligned."

// D (64 x N) += A (64 x 8) * B (8 x N), k contiguous, tf32 operands (truncated, as mma_m16n8k8_tf32 has it).
template <int N>
__device__ __forceinline__ void wgmma_tf32(float (&d)[N / 8][4], uint64_t a, uint64_t b) {
#define CASE(n, o0, o1, o2, o3, o4, o5)                                                                                   \
    if constexpr (N == n)                                                                                             \
        asm volatile(WGMMA_BEGIN "m64n" #n "k8.f32.tf32.tf32 {" WGMMA_TEXT_##n "}, " o0 ", " o1 ", added, 1, 1;}"     \
                     : WGMMA_D_##n                                                                                    \
                     : "l"(a), "l"(b));
    WGMMA_SIZES(CASE)
#undef CASE
}

// The same with A from registers: the a of mma_m16n8k8_tf32, of this warp's own 16 rows.
template <int N>
__device__ __forceinline__ void wgmma_tf32(float (&d)[N / 8][4], const uint32_t (&a)[4], uint64_t b) {
#define CASE(n, o0, o1, o2, o3, o4, o5)                                                                                   \
    if constexpr (N == n)                                                                                             \
        asm volatile(WGMMA_BEGIN "m64n" #n "k8.f32.tf32.tf32 {" WGMMA_TEXT_##n "}, {" o0 ", " o1 ", " o2 ", " o3      \
                                 "}, " o4 ", added, 1, 1;}"                                                           \
                     : WGMMA_D_##n                                                                                    \
                     : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "l"(b));
    WGMMA_SIZES(CASE)
#undef CASE
}

// D (64 x N) += A (64 x 16) * B (16 x N), bfloat16 operands. A_ROWS, B_ROWS: rows contiguous, else k contiguous.
template <int N, bool A_ROWS, bool B_ROWS>
__device__ __forceinline__ void wgmma_bf16(float (&d)[N / 8][4], uint64_t a, uint64_t b) {
#define CASE(n, o0, o1, o2, o3, o4, o5)                                                                                   \
    if constexpr (N == n)                                                                                             \
        asm volatile(WGMMA_BEGIN "m64n" #n "k16.f32.bf16.bf16 {" WGMMA_TEXT_##n "}, " o0 ", " o1                      \
                                 ", added, 1, 1, " o2 ", " o3 ";}"                                                    \
                     : WGMMA_D_##n                                                                                    \
                     : "l"(a), "l"(b), "n"(int(A_ROWS)), "n"(int(B_ROWS)));
    WGMMA_SIZES(CASE)
#undef CASE
}

// The same with A from registers: the a of mma_m16n8k16_bf16, of this warp's own 16 rows.
template <int N, bool B_ROWS>
__device__ __forceinline__ void wgmma_bf16(float (&d)[N / 8][4], const uint32_t (&a)[4], uint64_t b) {
#define CASE(n, o0, o1, o2, o3, o4, o5)                                                                                   \
    if constexpr (N == n)                                                                                             \
        asm volatile(WGMMA_BEGIN "m64n" #n "k16.f32.bf16.bf16 {" WGMMA_TEXT_##n "}, {" o0 ", " o1 ", " o2 ", " o3     \
                                 "}, " o4 ", added, 1, 1, " o5 ";}"                                               \
                     : WGMMA_D_##n                                                                                    \
                     : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "l"(b), "n"(int(B_ROWS)));
    WGMMA_SIZES(CASE)
#undef CASE
}

// Wait for `threads` threads of the block at barrier `id`, 1 .. 15; a multiple of 32.
__device__ __forceinline__ void barrier_sync(int id, int threads) {
    asm volatile("bar.sync %0, %1;" ::"r"(id), "r"(threads) : "memory");
}

#endif  // CUDA_SIM
