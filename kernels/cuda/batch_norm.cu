// BatchNormalization over the last axis (Ioffe & Szegedy 2015), statistics over the n = T*B*H*W rows of x (n, C).
//
//     forward                                                  backward
//     (1)  mean     = sum(x) / n                               dbeta  = sum(dy)
//     (2)  variance = sum(x^2) / n - mean^2                    dgamma = sum(dy * xhat)
//     (3)  xhat     = (x - mean) / sqrt(variance + epsilon)    dx     = gamma / sqrt(variance + epsilon)
//     (4)  y        = gamma * xhat + beta                               * (dy - dbeta / n - xhat * dgamma / n)
//     (5)  moving  <- moving - step * (moving - batch)         step = 1 - momentum
//
// Sums are float64 from the first element on: (2) then loses nothing that float32 could hold, and x is read once.
// Two stages, in a fixed order, no atomics: each block sums a slice of rows into partial (slices, 2, C); then one block
// a channel sums the slices.
//
//     stage 1, one block: ROWS x LANES threads     channels  0..3  4..7  ..        consecutive threads read
//     (by ones where C is no multiple of 4)        row 0     .     .               consecutive fours
//                                                  row 1     .     .               columns are then summed by halving
//
// Directly behind a ConvLSTM two of the passes over x are that layer's (batch_norm_link.cuh): it sums (1) and (2), stage
// 1, where it writes its h, and computes dx where it reads its dh.
//
// Constants: SPEC_C; INPUT, the type of x and dx, and OUTPUT, of y and dy: float or bf16. Arithmetic is float32.

#include "block_sums.cuh"
#include "elementwise.cuh"

constexpr int C = SPEC_C, THREADS = 256, WIDTH = C % 4 == 0 ? 4 : 1;
constexpr int LANES = C / WIDTH < THREADS ? C / WIDTH : THREADS, ROWS = THREADS / LANES;

// Sums two quantities of every element over this block's rows; term(at, channel, first, second) adds those of WIDTH
// neighbouring channels to first and second. shared: 2 * WIDTH * THREADS doubles.
template <class Term>
__device__ __forceinline__ void column_sums(double* shared, double* partial, int rows, int rows_per_slice, Term term) {
    int lane = threadIdx.x % LANES, row = threadIdx.x / LANES, channel = (blockIdx.y * LANES + lane) * WIDTH;
    bool active = row < ROWS && channel < C;
    double sums[2][WIDTH] = {};
    if (active) {
        int last = min(int(blockIdx.x + 1) * rows_per_slice, rows);
#pragma unroll 4
        for (int r = blockIdx.x * rows_per_slice + row; r < last; r += ROWS)
            term((long long)r * C + channel, channel, sums[0], sums[1]);
    }
#pragma unroll
    for (int q = 0; q < 2 * WIDTH; ++q) shared[q * THREADS + threadIdx.x] = sums[q / WIDTH][q % WIDTH];
    sum_rows<2 * WIDTH, ROWS, LANES, THREADS>(shared);
    if (row == 0 && active) {
        double* target = partial + (long long)blockIdx.x * 2 * C + channel;
        for (int q = 0; q < 2 * WIDTH; ++q) target[q / WIDTH * C + q % WIDTH] = shared[q * THREADS + threadIdx.x];
    }
}

// One of the two quantities of channel blockIdx.x, over all slices; every thread of the block gets it.
__device__ __forceinline__ double slice_sum(double* shared, const double* partial, int slices, int which) {
    double sum = 0.0;
    for (int s = threadIdx.x; s < slices; s += THREADS) sum += partial[(2 * s + which) * C + blockIdx.x];
    return block_sum<THREADS>(sum, shared);
}

// visit(at, channel, Width) for every element of n rows.
template <class Visit>
__device__ __forceinline__ void for_each_element(int rows, Visit visit) {
    long long step = (long long)gridDim.x * THREADS;
    for (long long i = (long long)blockIdx.x * THREADS + threadIdx.x; i < (long long)rows * C / WIDTH; i += step)
        visit(i * WIDTH, int(i * WIDTH % C));
}

// (1), (2) stage 1: x (rows, C) -> partial (slices, 2, C): sum(x), sum(x^2).
extern "C" __global__ void __launch_bounds__(THREADS)
    batch_statistics(const INPUT* x, double* partial, int rows, int rows_per_slice) {
    DYNAMIC_SHARED(double, shared);
    column_sums(shared, partial, rows, rows_per_slice, [&](long long at, int, double* sum, double* squares) {
        const Vector<WIDTH> value = load<WIDTH>(x + at);
#pragma unroll
        for (int q = 0; q < WIDTH; ++q) {
            sum[q] += value.v[q];
            squares[q] += double(value.v[q]) * value.v[q];
        }
    });
}

// (1), (2) stage 2, (5): one block a channel -> mean, inverse_deviation, moving_mean, moving_variance (C).
extern "C" __global__ void __launch_bounds__(THREADS)
    finish_statistics(const double* partial, float* mean, float* inverse_deviation, float* moving_mean,
                      float* moving_variance, int rows, int slices, float epsilon, float step) {
    DYNAMIC_SHARED(double, shared);
    double center = slice_sum(shared, partial, slices, 0) / rows;
    __syncthreads();
    double variance = slice_sum(shared, partial, slices, 1) / rows - center * center;
    if (threadIdx.x > 0) return;
    variance = variance < 0.0 ? 0.0 : variance;
    int channel = blockIdx.x;
    mean[channel] = float(center);
    inverse_deviation[channel] = float(1.0 / sqrt(variance + double(epsilon)));
    moving_mean[channel] -= step * (moving_mean[channel] - float(center));
    moving_variance[channel] -= step * (moving_variance[channel] - float(variance));
}

// (3), (4) of every element; inverse(channel) gives 1 / sqrt(variance + epsilon).
template <class Inverse>
__device__ __forceinline__ void normalize_rows(const INPUT* x, const float* mean, const float* gamma, const float* beta,
                                               OUTPUT* y, int rows, Inverse inverse) {
    for_each_element(rows, [&](long long at, int channel) {
        Vector<WIDTH> value = load<WIDTH>(x + at);
#pragma unroll
        for (int q = 0; q < WIDTH; ++q) {
            float xhat = (value.v[q] - mean[channel + q]) * inverse(channel + q);  // (3)
            const float output = gamma[channel + q] * xhat + beta[channel + q];    // (4)
            value.v[q] = ROUND_OUTPUT ? __uint_as_float(cvt_tf32(output)) : output;
        }
        store<WIDTH>(y + at, value);
    });
}

// x (rows, C) -> y (rows, C), with the batch's statistics.
extern "C" __global__ void __launch_bounds__(THREADS)
    normalize(const INPUT* x, const float* mean, const float* inverse_deviation, const float* gamma, const float* beta,
              OUTPUT* y, int rows) {
    normalize_rows(x, mean, gamma, beta, y, rows, [&](int channel) { return inverse_deviation[channel]; });
}

// x (rows, C) -> y (rows, C), with the moving averages.
extern "C" __global__ void __launch_bounds__(THREADS)
    normalize_by_moving(const INPUT* x, const float* moving_mean, const float* moving_variance, const float* gamma,
                        const float* beta, OUTPUT* y, int rows, float epsilon) {
    normalize_rows(x, moving_mean, gamma, beta, y, rows,
                   [&](int channel) { return 1.0f / sqrtf(moving_variance[channel] + epsilon); });
}

// (4) stage 1: dy, x (rows, C) -> partial (slices, 2, C): sum(dy), sum(dy * xhat).
extern "C" __global__ void __launch_bounds__(THREADS)
    gradient_statistics(const OUTPUT* dy, const INPUT* x, const float* mean, const float* inverse_deviation,
                        double* partial, int rows, int rows_per_slice) {
    DYNAMIC_SHARED(double, shared);
    column_sums(shared, partial, rows, rows_per_slice, [&](long long at, int channel, double* sum, double* product) {
        const Vector<WIDTH> gradient = load<WIDTH>(dy + at), value = load<WIDTH>(x + at);
#pragma unroll
        for (int q = 0; q < WIDTH; ++q) {
            int c = channel + q;
            sum[q] += gradient.v[q];
            product[q] += double(gradient.v[q]) * double((value.v[q] - mean[c]) * inverse_deviation[c]);
        }
    });
}

// (4) stage 2: one block a channel -> dgamma, dbeta (C).
// (1), (2), (3) of a linked layer: coefficients (C, 4), from which the layer before computes dx (batch_norm_link.cuh);
// null where normalize_backward does.
extern "C" __global__ void __launch_bounds__(THREADS)
    finish_gradient(const double* partial, const float* mean, const float* inverse_deviation, const float* gamma,
                    float* dgamma, float* dbeta, float* coefficients, int rows, int slices) {
    DYNAMIC_SHARED(double, shared);
    double sum = slice_sum(shared, partial, slices, 0);
    __syncthreads();
    double product = slice_sum(shared, partial, slices, 1);
    if (threadIdx.x > 0) return;
    int channel = blockIdx.x;
    dbeta[channel] = float(sum);
    dgamma[channel] = float(product);
    if (coefficients == nullptr) return;
    const float inverse = inverse_deviation[channel];
    put4(coefficients + 4 * channel, make_float4(gamma[channel] * inverse, float(sum / rows), mean[channel],
                                                 float(product * inverse / rows)));
}

// (1), (2), (3): dy, x (rows, C) -> dx (rows, C).
extern "C" __global__ void __launch_bounds__(THREADS)
    normalize_backward(const OUTPUT* dy, const INPUT* x, const float* mean, const float* inverse_deviation,
                       const float* gamma, const float* dgamma, const float* dbeta, INPUT* dx, int rows) {
    float share = 1.0f / float(rows);
    for_each_element(rows, [&](long long at, int channel) {
        Vector<WIDTH> gradient = load<WIDTH>(dy + at), value = load<WIDTH>(x + at);
#pragma unroll
        for (int q = 0; q < WIDTH; ++q) {
            int c = channel + q;
            float xhat = (value.v[q] - mean[c]) * inverse_deviation[c];
            value.v[q] = gamma[c] * inverse_deviation[c] *
                         (gradient.v[q] - dbeta[c] * share - xhat * (dgamma[c] * share));
        }
        store<WIDTH>(dx + at, value);
    });
}
