// CUDA's arithmetic as a .cu file calls it, and the functions of kernels/cuda/common/ptx.cuh (documented there).
#pragma once

#include "device.h"

extern "C" {
float expf(float), exp2f(float), expm1f(float), logf(float), log1pf(float), erfcf(float), tanhf(float), sqrtf(float), fabsf(float), floorf(float),
    ceilf(float), roundf(float), powf(float, float), fmaf(float, float, float), fminf(float, float), fmaxf(float, float),
    copysignf(float, float);
double exp(double), log(double), log1p(double), tanh(double), sqrt(double), fabs(double), fma(double, double, double),
    fmin(double, double), fmax(double, double);
}
inline float rsqrtf(float x) { return 1.0f / sqrtf(x); }
inline float __expf(float x) { return expf(x); }
inline float __logf(float x) { return logf(x); }
inline float __fdividef(float x, float y) { return x / y; }
inline float __frcp_rn(float x) { return 1.0f / x; }
inline float __saturatef(float x) { return fminf(fmaxf(x, 0.0f), 1.0f); }

#define SIM_MINMAX(T)                                    \
    inline T min(T a, T b) { return a < b ? a : b; }     \
    inline T max(T a, T b) { return a > b ? a : b; }
SIM_MINMAX(int)
SIM_MINMAX(unsigned)
SIM_MINMAX(long long)
SIM_MINMAX(unsigned long long)
SIM_MINMAX(float)
SIM_MINMAX(double)
inline int abs(int x) { return x < 0 ? -x : x; }
inline int __popc(unsigned x) { return __builtin_popcount(x); }
inline int __ffs(int x) { return __builtin_ffs(x); }
inline int __clz(int x) { return x ? __builtin_clz(x) : 32; }

template <class To, class From>
inline To sim_bits(From from) {
    static_assert(sizeof(To) == sizeof(From), "a bit cast keeps the size");
    To to;
    __builtin_memcpy(&to, &from, sizeof(to));
    return to;
}
inline unsigned __float_as_uint(float x) { return sim_bits<unsigned>(x); }
inline int __float_as_int(float x) { return sim_bits<int>(x); }
inline float __uint_as_float(unsigned x) { return sim_bits<float>(x); }
inline float __int_as_float(int x) { return sim_bits<float>(x); }

template <class T>
inline T __ldg(const T* address) { return *address; }
template <class T>
inline T __ldcg(const T* address) { return *address; }
template <class T>
inline void __stcg(T* address, T value) { *address = value; }

// ------------------------------------------------------------------------------------------------ ptx.cuh: tensor cores

inline void mma_m16n8k8_tf32(float* d, const uint32_t* a, const uint32_t* b, const float* c, SIM_SITE) {
    SimMma mma{d, a, b, c};
    sim_collective(SIM_MMA_TF32, 0xffffffffu, &mma, file, line);
}
inline void mma_m16n8k16_bf16(float* d, const uint32_t* a, const uint32_t* b, const float* c, SIM_SITE) {
    SimMma mma{d, a, b, c};
    sim_collective(SIM_MMA_BF16_K16, 0xffffffffu, &mma, file, line);
}
inline void mma_m16n8k8_bf16(float* d, const uint32_t* a, uint32_t b, const float* c, SIM_SITE) {
    SimMma mma{d, a, &b, c};
    sim_collective(SIM_MMA_BF16_K8, 0xffffffffu, &mma, file, line);
}
inline __attribute__((always_inline)) void sim_ldmatrix(uint32_t* d, const void* row, int matrices, int transposed,
                                                        const char* file, int line) {
    SimLdmatrix load{d, row, matrices, transposed};
    sim_collective(SIM_LDMATRIX, 0xffffffffu, &load, file, line);
}
inline void ldmatrix_x4(uint32_t* d, const void* row, SIM_SITE) { sim_ldmatrix(d, row, 4, 0, file, line); }
inline void ldmatrix_x2(uint32_t* d, const void* row, SIM_SITE) { sim_ldmatrix(d, row, 2, 0, file, line); }
inline void ldmatrix_x2_trans(uint32_t* d, const void* row, SIM_SITE) { sim_ldmatrix(d, row, 2, 1, file, line); }
inline void ldmatrix_x4_trans(uint32_t* d, const void* row, SIM_SITE) { sim_ldmatrix(d, row, 4, 1, file, line); }

// ------------------------------------------------------------------------------------------------ ptx.cuh: the rest

inline uint32_t cvt_tf32(float x) { return (__float_as_uint(x) + 0x1000u) & ~0x1fffu; }
inline uint32_t sim_bf16(float x) {
    const uint32_t bits = __float_as_uint(x);
    return x != x ? 0x7fffu : (bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16;
}
inline uint32_t cvt_bf16x2(float low, float high) { return sim_bf16(high) << 16 | sim_bf16(low); }
inline uint32_t sim_f16(float x) {
    const uint32_t sign = __float_as_uint(x) >> 16 & 0x8000u;
    const float size = fabsf(x);
    if (x != x) return 0x7fffu;
    if (size < 0x1p-14f) return sign | uint32_t(__builtin_rintf(size * 0x1p24f));  // steps of 2^-24, up to the first normal number
    const uint32_t bits = __float_as_uint(size);
    const uint32_t rounded = (bits + 0xfffu + (bits >> 13 & 1u)) >> 13;
    return sign | (rounded >= 0x23c00u ? 0x7c00u : rounded - 0x1c000u);  // 2^16; the exponents' biases, 127 and 15
}
inline uint32_t cvt_f16x2(float low, float high) { return sim_f16(high) << 16 | sim_f16(low); }
inline float sim_widen_f16(uint32_t bits) {
    const uint32_t exponent = bits >> 10 & 31u, mantissa = bits & 0x3ffu;
    const float size = exponent == 0    ? float(mantissa) * 0x1p-24f
                       : exponent == 31 ? (mantissa == 0 ? __builtin_inff() : __builtin_nanf(""))
                                        : __uint_as_float((exponent + 112u) << 23 | mantissa << 13);
    return bits & 0x8000u ? -size : size;
}
inline float2 widen_f16x2(uint32_t bits) { return {sim_widen_f16(bits & 0xffffu), sim_widen_f16(bits >> 16)}; }

extern "C" void sim_async_copy(void* shared, const void* global, int bytes, int size, const char* file, int line);
extern "C" void sim_async_commit();
extern "C" void sim_async_wait(int groups);

inline void cp_async16(void* shared, const void* global, SIM_SITE) { sim_async_copy(shared, global, 16, 16, file, line); }
inline void cp_async16_zfill(void* shared, const void* global, int bytes, SIM_SITE) {
    sim_async_copy(shared, global, bytes, 16, file, line);
}
inline void cp_async16_zfill_l2(void* shared, const void* global, int bytes, SIM_SITE) {
    sim_async_copy(shared, global, bytes, 16, file, line);
}
inline void cp_async4_zfill(void* shared, const void* global, int bytes, SIM_SITE) {
    sim_async_copy(shared, global, bytes, 4, file, line);
}
inline void cp_async_commit() { sim_async_commit(); }
template <int groups>
inline void cp_async_wait() { sim_async_wait(groups); }

inline void prefetch_l2(const void*) {}

extern "C" uint32_t sim_acquire(const uint32_t* flag, const char* file, int line);
extern "C" void sim_release(uint32_t* flag, uint32_t value, int add, const char* file, int line);
inline void pass_time(int) {}
inline float4 load_l2(const float4* global) { return *global; }
inline uint32_t ld_acquire(const uint32_t* flag, SIM_SITE) { return sim_acquire(flag, file, line); }
inline void st_release(uint32_t* flag, uint32_t value, SIM_SITE) { sim_release(flag, value, 0, file, line); }
inline void red_add_release(uint32_t* flag, uint32_t value, SIM_SITE) { sim_release(flag, value, 1, file, line); }
inline void spin_pause(SIM_SITE) { sim_spin(file, line); }

inline float exp2_approx(float x) { return exp2f(x); }
inline float reciprocal_approx(float x) { return 1.0f / x; }
inline float clamp_unit(float x) { return x < 0.0f ? 0.0f : x > 1.0f ? 1.0f : x; }
inline float tanh_approx(float x) { return tanhf(x); }

#include "device_wgmma.h"
