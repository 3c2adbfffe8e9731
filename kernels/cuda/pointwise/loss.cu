// Losses, each with its gradient, and activations.
//
//     forward: sum of w * term / n                                    backward, times scale * w / n
//     (1)  binary cross-entropy  max(z,0) - z y + log1p(exp(-|z|))    sigmoid(z) - y
//     (1') of probabilities      -(y log p + (1 - y) log(1 - p))      (p - y) / (p (1 - p)), 0 where p was clipped
//     (2)  mean squared error    (p - y)^2                            2 (p - y)
//     (3)  mean absolute error   |p - y|                              sign(p - y)
//     (4)  Huber                 (p - y)^2 / 2, beyond delta          p - y, beyond delta
//                                delta (|p - y| - delta / 2)          delta sign(p - y)
//     (5)  binary accuracy       1 where (p > threshold) = y
//     (6)  log(cosh(p - y))      |p - y| + log((1 + exp(-2 |p - y|)) / 2)   tanh(p - y)
//     (7)  squared logarithmic   d^2, d = log((p + 1) / (y + 1))   2 d / (p + 1)    p, y at least PROBABILITY_MARGIN
//     (8)  absolute percentage   100 |p - y| / |y|                 100 sign(p - y) / |y|    |y| likewise
//     (9)  Poisson               p - y log(p + margin)             1 - y / (p + margin)
//     (10) y = activation(z)                                       activations.cuh
//
// Loss terms are summed in float64: each block its share into partial (gridDim), then one block all shares, in order.
// A NaN stays a NaN everywhere.

#include "common/activations.cuh"
#include "common/block_sums.cuh"
#include "common/elementwise.cuh"

constexpr int THREADS = 256;
constexpr float PROBABILITY_LOW = PROBABILITY_MARGIN, PROBABILITY_HIGH = 1.0f - PROBABILITY_MARGIN;

struct Term {
    float value, slope;
};

// (1) to (9) of one element; parameter: label smoothing, delta or threshold. A kind without a branch gives NaN. loss.py
// writes the constants LOSS_... in front, with PROBABILITY_MARGIN.
__device__ __forceinline__ Term loss_term(int kind, bool from_logits, float x, float y, float parameter) {
    if (kind == LOSS_BINARY_CROSSENTROPY) {
        y = y * (1.0f - parameter) + 0.5f * parameter;
        if (from_logits) return {(x < 0.0f ? 0.0f : x) - x * y + log1pf(expf(-fabsf(x))), sigmoid(x) - y};    // (1)
        const float q = x < PROBABILITY_LOW ? PROBABILITY_LOW : x > PROBABILITY_HIGH ? PROBABILITY_HIGH : x;
        return {-(y * logf(q) + (1.0f - y) * logf(1.0f - q)),
                q == x ? (q - y) / (q * (1.0f - q)) : x != x ? x : 0.0f};                                     // (1')
    }
    const float p = from_logits ? sigmoid(x) : x, error = p - y, size = fabsf(error);
    const float sign = error > 0.0f ? 1.0f : error < 0.0f ? -1.0f : error;
    switch (kind) {
        case LOSS_MEAN_SQUARED_ERROR: return {error * error, 2.0f * error};                                   // (2)
        case LOSS_MEAN_ABSOLUTE_ERROR: return {size, sign};                                                   // (3)
        case LOSS_HUBER:                                                                                      // (4)
            if (size <= parameter) return {0.5f * error * error, error};
            return {parameter * (size - 0.5f * parameter), parameter * sign};
        case LOSS_BINARY_ACCURACY: return {(p > parameter ? 1.0f : 0.0f) == y ? 1.0f : 0.0f, 0.0f};           // (5)
        case LOSS_LOG_COSH: return {size + log1pf(expf(-2.0f * size)) - 0.6931472f, tanhf(error)};            // (6)
        case LOSS_MEAN_SQUARED_LOGARITHMIC_ERROR: {                                                           // (7)
            const float q = p < PROBABILITY_LOW ? PROBABILITY_LOW : p, t = y < PROBABILITY_LOW ? PROBABILITY_LOW : y;
            const float difference = logf(q + 1.0f) - logf(t + 1.0f);
            return {difference * difference, p < PROBABILITY_LOW ? 0.0f : 2.0f * difference / (p + 1.0f)};
        }
        case LOSS_MEAN_ABSOLUTE_PERCENTAGE_ERROR: {                                                           // (8)
            const float whole = fabsf(y) < PROBABILITY_LOW ? PROBABILITY_LOW : fabsf(y);
            return {100.0f * size / whole, 100.0f * sign / whole};
        }
        case LOSS_POISSON: return {p - y * logf(p + PROBABILITY_LOW), 1.0f - y / (p + PROBABILITY_LOW)};      // (9)
        default: return {__int_as_float(0x7fffffff), __int_as_float(0x7fffffff)};
    }
}

// (1) to (9): output, target (n), weights (n / run) or null -> partial (gridDim.x), doutput (n) or null.
extern "C" __global__ void __launch_bounds__(THREADS)
    loss_terms(const float* output, const float* target, const float* weights, double* partial, float* doutput,
               int kind, int from_logits, float parameter, float scale, long long run, long long n, long long quads) {
    DYNAMIC_SHARED(double, shared);
    const float share = scale / float(n);
    double sum = 0.0;
    for_each(n, quads, [&](long long at, auto width) {
        constexpr int WIDTH = decltype(width)::WIDTH;
        const Vector<WIDTH> x = load<WIDTH>(output + at), y = load<WIDTH>(target + at);
        Vector<WIDTH> slope;
        long long row = weights == nullptr ? 0 : at / run, end = (row + 1) * run;    // a division an element spills
#pragma unroll
        for (int q = 0; q < WIDTH; ++q) {
            const Term term = loss_term(kind, from_logits, x.v[q], y.v[q], parameter);
            if (at + q == end) {
                ++row;
                end += run;
            }
            const float weight = weights == nullptr ? 1.0f : weights[row];
            sum += double(weight) * double(term.value);
            slope.v[q] = term.slope * (weight * share);
        }
        if (doutput != nullptr) store<WIDTH>(doutput + at, slope);
    });
    sum = block_sum<THREADS>(sum, shared);
    if (threadIdx.x == 0) partial[blockIdx.x] = sum;
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

// (10): z -> y (n), which may be z.
extern "C" __global__ void __launch_bounds__(THREADS)
    activation_forward(const float* z, float* y, int activation, float activation_p0, float activation_p1,
                       float activation_p2, long long n, long long quads) {
    const Parameters p{activation_p0, activation_p1, activation_p2};
    for_each(n, quads, [&](long long at, auto width) {
        constexpr int WIDTH = decltype(width)::WIDTH;
        Vector<WIDTH> value = load<WIDTH>(z + at);
#pragma unroll
        for (int q = 0; q < WIDTH; ++q) value.v[q] = activated(activation, p, value.v[q]);
        store<WIDTH>(y + at, value);
    });
}

// (10): what is kept, y or z, and dy -> dz (n), which may be dy.
extern "C" __global__ void __launch_bounds__(THREADS)
    activation_backward(const float* kept, const float* dy, float* dz, int activation, float activation_p0,
                        float activation_p1, float activation_p2, long long n, long long quads) {
    const Parameters p{activation_p0, activation_p1, activation_p2};
    for_each(n, quads, [&](long long at, auto width) {
        constexpr int WIDTH = decltype(width)::WIDTH;
        const Vector<WIDTH> known = load<WIDTH>(kept + at);
        Vector<WIDTH> gradient = load<WIDTH>(dy + at);
#pragma unroll
        for (int q = 0; q < WIDTH; ++q) gradient.v[q] = through(activation, p, known.v[q], gradient.v[q]);
        store<WIDTH>(dz + at, gradient);
    });
}
