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

// dy (n), a, b (n), which a sum does not look at; da, db (n) or null, one of which may be dy.
extern "C" __global__ void __launch_bounds__(THREADS)
    combine_backward(const float* dy, const float* a, const float* b, float* da, float* db, int kind, float p, float q,
                     long long n, long long quads) {
    for_each(n, quads, [&](long long at, auto width) {
        constexpr int WIDTH = decltype(width)::WIDTH;
        const Vector<WIDTH> gradient = load<WIDTH>(dy + at);
        Vector<WIDTH> first{}, second{};
        if (kind != COMBINATION_SUM) {
            first = load<WIDTH>(a + at);
            second = load<WIDTH>(b + at);
        }
#pragma unroll
        for (int lane = 0; lane < WIDTH; ++lane) {
            const float g = gradient.v[lane], x = first.v[lane], z = second.v[lane];
            if (kind == COMBINATION_SUM) {                                             // (1)
                first.v[lane] = p * g;
                second.v[lane] = q * g;
            } else if (kind == COMBINATION_PRODUCT) {                                  // (2)
                first.v[lane] = g * z;
                second.v[lane] = g * x;
            } else {                                                                   // (3), (4)
                const bool from_second = kind == COMBINATION_MAXIMUM ? x < z : z < x;
                first.v[lane] = from_second ? 0.0f : g;
                second.v[lane] = from_second ? g : 0.0f;
            }
        }
        if (da != nullptr) store<WIDTH>(da + at, first);
        if (db != nullptr) store<WIDTH>(db + at, second);
    });
}
