// Arrays of one shape, element by element.
//
//     (1)  out = a + b

#include "common/elementwise.cuh"

constexpr int THREADS = 256;

// (1): a, b, out (n); out may be a or b.
extern "C" __global__ void __launch_bounds__(THREADS)
    add(const float* a, const float* b, float* out, long long n, long long quads) {
    for_each(n, quads, [&](long long at, auto width) {
        constexpr int WIDTH = decltype(width)::WIDTH;
        Vector<WIDTH> sum = load<WIDTH>(a + at);
        const Vector<WIDTH> other = load<WIDTH>(b + at);
#pragma unroll
        for (int q = 0; q < WIDTH; ++q) sum.v[q] += other.v[q];    // (1)
        store<WIDTH>(out + at, sum);
    });
}
