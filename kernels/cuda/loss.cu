// Losses, each with its gradient, and activations.
//
//     forward                                                         backward
//     (1)  bce = mean( max(z,0) - z * y + log1p(exp(-|z|)) )          dz = (sigmoid(z) - y) / n
//     (2)  mse = mean( (p - y)^2 )                                    dp = 2 (p - y) / n
//     (3)  y = activation(z)                                          activations.cuh
//
// Loss terms are summed in float64: each block its share into partial (gridDim), then one block all shares, in order.
// A NaN stays a NaN everywhere.

#include "activations.cuh"
#include "elementwise.cuh"

constexpr int THREADS = 256;

// partial[block] = sum of term(a, b) over this block's elements; gradient (a, b), unless null, goes to d.
template <class Term, class Gradient>
__device__ __forceinline__ void loss_terms(double* shared, const float* a, const float* b, double* partial, float* d,
                                           long long n, long long quads, Term term, Gradient gradient) {
    double sum = 0.0;
    for_each(n, quads, [&](long long at, auto width) {
        constexpr int WIDTH = decltype(width)::WIDTH;
        const Vector<WIDTH> left = load<WIDTH>(a + at), right = load<WIDTH>(b + at);
        Vector<WIDTH> slope;
#pragma unroll
        for (int q = 0; q < WIDTH; ++q) {
            sum += double(term(left.v[q], right.v[q]));
            slope.v[q] = gradient(left.v[q], right.v[q]);
        }
        if (d != nullptr) store<WIDTH>(d + at, slope);
    });
    sum = block_sum<THREADS>(sum, shared);
    if (threadIdx.x == 0) partial[blockIdx.x] = sum;
}

// (1): logits, target (n) -> partial (gridDim.x), dlogits (n) or null.
extern "C" __global__ void __launch_bounds__(THREADS)
    bce(const float* logits, const float* target, double* partial, float* dlogits, long long n, long long quads) {
    DYNAMIC_SHARED(double, shared);
    float share = 1.0f / float(n);
    loss_terms(
        shared, logits, target, partial, dlogits, n, quads,
        [](float z, float y) { return (z < 0.0f ? 0.0f : z) - z * y + log1pf(expf(-fabsf(z))); },
        [=](float z, float y) { return (sigmoid(z) - y) * share; });
}

// (2): prediction, target (n) -> partial (gridDim.x), dprediction (n) or null.
extern "C" __global__ void __launch_bounds__(THREADS)
    mse(const float* prediction, const float* target, double* partial, float* dprediction, long long n,
        long long quads) {
    DYNAMIC_SHARED(double, shared);
    float share = 2.0f / float(n);
    loss_terms(
        shared, prediction, target, partial, dprediction, n, quads,
        [](float p, float y) { return (p - y) * (p - y); },
        [=](float p, float y) { return (p - y) * share; });
}

// partial (blocks) -> loss (1) = sum / n; one block.
extern "C" __global__ void __launch_bounds__(THREADS)
    finish_loss(const double* partial, double* loss, int blocks, long long n) {
    DYNAMIC_SHARED(double, shared);
    double sum = 0.0;
    for (int i = threadIdx.x; i < blocks; i += THREADS) sum += partial[i];
    sum = block_sum<THREADS>(sum, shared);
    if (threadIdx.x == 0) loss[0] = sum / double(n);
}

// (3): z -> y (n), which may be z.
extern "C" __global__ void __launch_bounds__(THREADS)
    activation_forward(const float* z, float* y, int activation, long long n, long long quads) {
    for_each(n, quads, [&](long long at, auto width) {
        constexpr int WIDTH = decltype(width)::WIDTH;
        Vector<WIDTH> value = load<WIDTH>(z + at);
#pragma unroll
        for (int q = 0; q < WIDTH; ++q) value.v[q] = activated(activation, value.v[q]);
        store<WIDTH>(y + at, value);
    });
}

// (3): y, dy -> dz (n), which may be dy.
extern "C" __global__ void __launch_bounds__(THREADS)
    activation_backward(const float* y, const float* dy, float* dz, int activation, long long n, long long quads) {
    for_each(n, quads, [&](long long at, auto width) {
        constexpr int WIDTH = decltype(width)::WIDTH;
        const Vector<WIDTH> output = load<WIDTH>(y + at);
        Vector<WIDTH> gradient = load<WIDTH>(dy + at);
#pragma unroll
        for (int q = 0; q < WIDTH; ++q) gradient.v[q] = through(activation, output.v[q], gradient.v[q]);
        store<WIDTH>(dz + at, gradient);
    });
}
