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
//     one block: ROWS x LANES threads              channels  0..3  4..7  ..        consecutive threads read
//     (by ones where C is no multiple of 4)        row 0     .     .               consecutive fours; columns
//                                                  row 1     .     .               are summed by halving
//
// So a thread of any kernel that goes through x has the same channels in every row, and what depends on them in registers.
//
// Directly behind a ConvLSTM two of the passes over x are that layer's (batch_norm_link.cuh): it sums (1) and (2), stage
// 1, where it writes its h, and computes dx where it reads its dh.
//
// Constants: SPEC_C; INPUT, the type of x and dx, and OUTPUT, of y and dy: float or bf16. Arithmetic is float32.

#include "common/block_sums.cuh"
#include "common/elementwise.cuh"

constexpr int C = SPEC_C, THREADS = 256, WIDTH = C % 4 == 0 ? 4 : 1;
constexpr int LANES = C / WIDTH < THREADS ? C / WIDTH : THREADS, ROWS = THREADS / LANES;
constexpr int ROWS_EACH = 4;  // that a thread reads together

// The WIDTH neighbouring channels of a thread, the last ones where there are no more, and its row among its block's.
struct Column {
    const int lane = threadIdx.x % LANES, row = threadIdx.x / LANES;
    const int channel = min(int(blockIdx.y) * LANES + lane, C / WIDTH - 1) * WIDTH;
    const bool active = row < ROWS && int(blockIdx.y) * LANES + lane < C / WIDTH;

    // Of an array (C).
    __device__ __forceinline__ Vector<WIDTH> of(const float* array) const {
        Vector<WIDTH> v;
#pragma unroll
        for (int q = 0; q < WIDTH; ++q) v.v[q] = array[channel + q];
        return v;
    }
    // use(at, read(at)) for its channels in its rows of [first, last), at: of an array (rows, C). ROWS_EACH of them are read
    // before the first is used: the compiler must take what is written for what is read next, and a loop that it unrolls
    // has rows left over, one after another.
    template <class Read, class Use>
    __device__ __forceinline__ void for_each_row(int first, int last, Read read, Use use) const {
        if (!active) return;
#pragma unroll 1
        for (int begin = first + row; begin < last; begin += ROWS_EACH * ROWS) {
            decltype(read(0LL)) values[ROWS_EACH];
#pragma unroll
            for (int i = 0; i < ROWS_EACH; ++i)
                if (begin + i * ROWS < last) values[i] = read((long long)(begin + i * ROWS) * C + channel);
#pragma unroll
            for (int i = 0; i < ROWS_EACH; ++i)
                if (begin + i * ROWS < last) use((long long)(begin + i * ROWS) * C + channel, values[i]);
        }
    }
};

// The same in all rows, ROWS_EACH for each thread of a block.
template <class Read, class Use>
__device__ __forceinline__ void for_rows_of_block(const Column& column, int rows, Read read, Use use) {
    const int first = blockIdx.x * (ROWS * ROWS_EACH);
    column.for_each_row(first, min(first + ROWS * ROWS_EACH, rows), read, use);
}

// Sums two quantities of every element over this block's rows; term(read(at), first, second) adds those of WIDTH
// neighbouring channels to first and second. shared: 2 * WIDTH * THREADS doubles.
template <class Read, class Term>
__device__ __forceinline__ void column_sums(double* shared, double* partial, int rows, int rows_per_slice, Read read,
                                            Term term) {
    const Column column;
    const int first = blockIdx.x * rows_per_slice;
    double sums[2][WIDTH] = {};
    column.for_each_row(first, min(first + rows_per_slice, rows), read,
                        [&](long long, const auto& values) { term(values, sums[0], sums[1]); });
#pragma unroll
    for (int q = 0; q < 2 * WIDTH; ++q) shared[q * THREADS + threadIdx.x] = sums[q / WIDTH][q % WIDTH];
    sum_rows<2 * WIDTH, ROWS, LANES, THREADS>(shared);
    if (column.row == 0 && column.active) {
        double* target = partial + (long long)blockIdx.x * 2 * C + column.channel;
        for (int q = 0; q < 2 * WIDTH; ++q) target[q / WIDTH * C + q % WIDTH] = shared[q * THREADS + threadIdx.x];
    }
}

// Both quantities of channel blockIdx.x, over all slices, for every thread of the block.
struct SliceSums {
    double first = 0.0, second = 0.0;

    __device__ __forceinline__ SliceSums(double* shared, const double* partial, int slices) {
        for (int begin = threadIdx.x; begin < slices; begin += ROWS_EACH * THREADS) {
            double values[ROWS_EACH][2] = {};
#pragma unroll
            for (int i = 0; i < ROWS_EACH; ++i) {
                const int slice = begin + i * THREADS;
                for (int q = 0; q < 2 && slice < slices; ++q) values[i][q] = partial[(2 * slice + q) * C + blockIdx.x];
            }
#pragma unroll
            for (int i = 0; i < ROWS_EACH; ++i) {
                first += values[i][0];
                second += values[i][1];
            }
        }
        first = block_sum<THREADS>(first, shared);
        __syncthreads();
        second = block_sum<THREADS>(second, shared);
    }
};

// What is read of dy and x, as it stands in memory.
struct Both {
    decltype(stored<WIDTH>((const OUTPUT*)nullptr)) dy;
    decltype(stored<WIDTH>((const INPUT*)nullptr)) x;
};

// (1), (2) stage 1: x (rows, C) -> partial (slices, 2, C): sum(x), sum(x^2).
extern "C" __global__ void __launch_bounds__(THREADS)
    batch_statistics(const INPUT* x, double* partial, int rows, int rows_per_slice) {
    DYNAMIC_SHARED(double, shared);
    const auto read = [&](long long at) { return stored<WIDTH>(x + at); };
    column_sums(shared, partial, rows, rows_per_slice, read, [&](const auto& element, double* sum, double* squares) {
        const Vector<WIDTH> value = widened<WIDTH>(element);
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
    const SliceSums sums(shared, partial, slices);
    const double center = sums.first / rows;
    double variance = sums.second / rows - center * center;
    if (threadIdx.x > 0) return;
    variance = variance < 0.0 ? 0.0 : variance;
    int channel = blockIdx.x;
    mean[channel] = float(center);
    inverse_deviation[channel] = float(1.0 / sqrt(variance + double(epsilon)));
    moving_mean[channel] -= step * (moving_mean[channel] - float(center));
    moving_variance[channel] -= step * (moving_variance[channel] - float(variance));
}

// (3), (4) of every element, from 1 / sqrt(variance + epsilon).
__device__ __forceinline__ void normalize_rows(const Column& column, const INPUT* x, const float* mean,
                                               const Vector<WIDTH>& inverse, const float* gamma, const float* beta,
                                               OUTPUT* y, int rows) {
    const Vector<WIDTH> center = column.of(mean), shift = column.of(beta);
    Vector<WIDTH> scale = column.of(gamma);
#pragma unroll
    for (int q = 0; q < WIDTH; ++q) scale.v[q] *= inverse.v[q];
    const auto read = [&](long long at) { return stored<WIDTH>(x + at); };
    for_rows_of_block(column, rows, read, [&](long long at, const auto& element) {
        Vector<WIDTH> value = widened<WIDTH>(element);
#pragma unroll
        for (int q = 0; q < WIDTH; ++q) {
            const float output = fmaf(value.v[q] - center.v[q], scale.v[q], shift.v[q]);
            value.v[q] = ROUND_OUTPUT ? __uint_as_float(cvt_tf32(output)) : output;
        }
        store<WIDTH>(y + at, value);
    });
}

// x (rows, C) -> y (rows, C), with the batch's statistics.
extern "C" __global__ void __launch_bounds__(THREADS)
    normalize(const INPUT* x, const float* mean, const float* inverse_deviation, const float* gamma, const float* beta,
              OUTPUT* y, int rows) {
    const Column column;
    if (column.active) normalize_rows(column, x, mean, column.of(inverse_deviation), gamma, beta, y, rows);
}

// x (rows, C) -> y (rows, C), with the moving averages.
extern "C" __global__ void __launch_bounds__(THREADS)
    normalize_by_moving(const INPUT* x, const float* moving_mean, const float* moving_variance, const float* gamma,
                        const float* beta, OUTPUT* y, int rows, float epsilon) {
    const Column column;
    if (!column.active) return;
    Vector<WIDTH> inverse = column.of(moving_variance);
#pragma unroll
    for (int q = 0; q < WIDTH; ++q) inverse.v[q] = rsqrtf(inverse.v[q] + epsilon);
    normalize_rows(column, x, moving_mean, inverse, gamma, beta, y, rows);
}

// (4) stage 1: dy, x (rows, C) -> partial (slices, 2, C): sum(dy), sum(dy * (x - mean)).
extern "C" __global__ void __launch_bounds__(THREADS, 4)
    gradient_statistics(const OUTPUT* dy, const INPUT* x, const float* mean, double* partial, int rows,
                        int rows_per_slice) {
    DYNAMIC_SHARED(double, shared);
    const Column column;
    const Vector<WIDTH> center = column.of(mean);
    const auto read = [&](long long at) { return Both{stored<WIDTH>(dy + at), stored<WIDTH>(x + at)}; };
    column_sums(shared, partial, rows, rows_per_slice, read, [&](const Both& both, double* sum, double* product) {
        const Vector<WIDTH> gradient = widened<WIDTH>(both.dy), value = widened<WIDTH>(both.x);
#pragma unroll
        for (int q = 0; q < WIDTH; ++q) {
            sum[q] += gradient.v[q];
            product[q] += double(gradient.v[q]) * double(value.v[q] - center.v[q]);
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
    const SliceSums sums(shared, partial, slices);
    if (threadIdx.x > 0) return;
    int channel = blockIdx.x;
    const float inverse = inverse_deviation[channel];
    const double slope = sums.second * inverse;
    dbeta[channel] = float(sums.first);
    dgamma[channel] = float(slope);
    if (coefficients == nullptr) return;
    put4(coefficients + 4 * channel, make_float4(gamma[channel] * inverse, float(sums.first / rows), mean[channel],
                                                 float(slope * inverse / rows)));
}

// (1), (2), (3): dy, x (rows, C) -> dx (rows, C).
extern "C" __global__ void __launch_bounds__(THREADS)
    normalize_backward(const OUTPUT* dy, const INPUT* x, const float* mean, const float* inverse_deviation,
                       const float* gamma, const float* dgamma, const float* dbeta, INPUT* dx, int rows) {
    const Column column;
    if (!column.active) return;
    const float share = 1.0f / float(rows);
    const Vector<WIDTH> center = column.of(mean), inverse = column.of(inverse_deviation);
    Vector<WIDTH> scale = column.of(gamma), shift = column.of(dbeta), slope = column.of(dgamma);
#pragma unroll
    for (int q = 0; q < WIDTH; ++q) {
        scale.v[q] *= inverse.v[q];
        shift.v[q] *= share;
        slope.v[q] *= inverse.v[q] * share;
    }
    const auto read = [&](long long at) { return Both{stored<WIDTH>(dy + at), stored<WIDTH>(x + at)}; };
    for_rows_of_block(column, rows, read, [&](long long at, const Both& both) {
        const Vector<WIDTH> gradient = widened<WIDTH>(both.dy);
        Vector<WIDTH> value = widened<WIDTH>(both.x);
#pragma unroll
        for (int q = 0; q < WIDTH; ++q)
            value.v[q] = scale.v[q] * (gradient.v[q] - shift.v[q] - (value.v[q] - center.v[q]) * slope.v[q]);
        store<WIDTH>(dx + at, value);
    });
}
