// What training asks of weights besides the loss.
//
//     (1)  loss += l1 * sum|w| + l2 * sum(w^2)         dw += l1 * sign(w) + 2 l2 w
//     (2)  w <- w * wanted / (EPSILON + norm)          wanted = rate * clip(norm, low, high) + (1 - rate) * norm
//
// (1) is one block, whose sum in float64 has one order. (2) is one thread a norm.
//
// Constants: EPSILON.

#include "common/block_sums.cuh"
#include "common/elementwise.cuh"

constexpr int THREADS = 256;

// (1): weights (n) -> loss (1) and, unless null, gradient (n), both added to.
extern "C" __global__ void __launch_bounds__(THREADS)
    add_penalty(const float* weights, double* loss, float* gradient, float l1, float l2, long long n) {
    DYNAMIC_SHARED(double, shared);
    double sum = 0.0;
    for (long long at = threadIdx.x; at < n; at += THREADS) {
        float w = weights[at];
        sum += double(l1) * fabs(double(w)) + double(l2) * double(w) * double(w);
        if (gradient != nullptr) gradient[at] += l1 * float((w > 0.0f) - (w < 0.0f)) + 2.0f * l2 * w;
    }
    sum = block_sum<THREADS>(sum, shared);
    if (threadIdx.x == 0) loss[0] += sum;
}

// (2): weights (norms, over) in place, where norm k is over elements offset(k) + over's own offsets. Sizes and steps of
// the axes that are kept (kept_*) and of those that the norm runs over (over_*), five of each, filled up with ones.
extern "C" __global__ void __launch_bounds__(THREADS)
    constrain_norm(float* weights, int kept1, int kept2, int kept3, int kept4, int kept_step0, int kept_step1,
                   int kept_step2, int kept_step3, int kept_step4, int over1, int over2, int over3, int over4,
                   int over_step0, int over_step1, int over_step2, int over_step3, int over_step4, int norms,
                   int elements, float low, float high, float rate) {
    int k = blockIdx.x * THREADS + threadIdx.x;
    if (k >= norms) return;
    int base = k % kept4 * kept_step4 + k / kept4 % kept3 * kept_step3 + k / (kept4 * kept3) % kept2 * kept_step2 +
               k / (kept4 * kept3 * kept2) % kept1 * kept_step1 + k / (kept4 * kept3 * kept2 * kept1) * kept_step0;
    auto offset = [&](int i) {
        return base + i % over4 * over_step4 + i / over4 % over3 * over_step3 +
               i / (over4 * over3) % over2 * over_step2 + i / (over4 * over3 * over2) % over1 * over_step1 +
               i / (over4 * over3 * over2 * over1) * over_step0;
    };
    double squares = 0.0;
    for (int i = 0; i < elements; ++i) {
        double w = weights[offset(i)];
        squares += w * w;
    }
    float norm = float(sqrt(squares));
    float clipped = norm < low ? low : norm > high ? high : norm;
    float factor = (rate * clipped + (1.0f - rate) * norm) / (float(EPSILON) + norm);
    for (int i = 0; i < elements; ++i) weights[offset(i)] *= factor;
}
