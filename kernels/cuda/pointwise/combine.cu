// Two arrays of one shape made into one, element by element; kernels/combinations.py has the formulas.
//
//     (1)  y = p * a + q * b                         da = p * dy,             db = q * dy
//     (2)  y = a * b                                 da = dy * b,             db = dy * a
//     (3)  y = max(a, b), NaN where either is        da = a < b ? 0 : dy,     db = a < b ? dy : 0
//     (4)  y = min(a, b), NaN where either is        da = b < a ? 0 : dy,     db = b < a ? dy : 0
//
// Constants: COMBINATION_*.

#include "common/elementwise.cuh"

constexpr int THREADS = 256;

// (1) to (4); NaN for a kind that has no branch here.
__device__ __forceinline__ float combined(int kind, float p, float q, float a, float b) {
    if (kind == COMBINATION_SUM) return p * a + q * b;
    if (kind == COMBINATION_PRODUCT) return a * b;
    if (kind == COMBINATION_MAXIMUM) return a != a || a > b ? a : b;
    if (kind == COMBINATION_MINIMUM) return a != a || a < b ? a : b;
    return __int_as_float(0x7fffffff);
}

// a, b, y (n); y may be a or b.
extern "C" __global__ void __launch_bounds__(THREADS)
    combine(const float* a, const float* b, float* y, int kind, float p, float q, long long n, long long quads) {
    for_each(n, quads, [&](long long at, auto width) {
        constexpr int WIDTH = decltype(width)::WIDTH;
        Vector<WIDTH> value = load<WIDTH>(a + at);
        const Vector<WIDTH> other = load<WIDTH>(b + at);
#pragma unroll
        for (int lane = 0; lane < WIDTH; ++lane) value.v[lane] = combined(kind, p, q, value.v[lane], other.v[lane]);
        store<WIDTH>(y + at, value);
    });
}

// dy (n), a, b (n), which a sum does not look at; da, db (n) or null, one of which may be dy. One element a turn: with
// four, registers spill on sm_80.
extern "C" __global__ void __launch_bounds__(THREADS)
    combine_backward(const float* dy, const float* a, const float* b, float* da, float* db, int kind, float p, float q,
                     long long n) {
    const long long first = (long long)blockIdx.x * THREADS + threadIdx.x, stride = (long long)gridDim.x * THREADS;
    for (long long at = first; at < n; at += stride) {
        const float g = dy[at];
        float to_a = p * g, to_b = q * g;                                              // (1)
        if (kind != COMBINATION_SUM) {
            const float x = a[at], z = b[at];
            const bool from_b = kind == COMBINATION_MAXIMUM ? x < z : z < x;
            to_a = kind == COMBINATION_PRODUCT ? g * z : from_b ? 0.0f : g;            // (2), (3), (4)
            to_b = kind == COMBINATION_PRODUCT ? g * x : from_b ? g : 0.0f;
        }
        if (da != nullptr) da[at] = to_a;
        if (db != nullptr) db[at] = to_b;
    }
}
