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

#include "block_sums.cuh"
#include "elementwise.cuh"

constexpr int C = SPEC_C, THREADS = 256, WIDTH = C % 4 == 0 ? 4 : 1;
constexpr int LANES = C / WIDTH < THREADS ? C / WIDTH : THREADS, ROWS = THREADS / LANES;
constexpr int ROWS_EACH = 4;  // of a thread, where rows are neither summed nor counted in slices

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
    // Row i of ROWS_EACH, where blocks have as many for each of their threads.
    __device__ __forceinline__ int row_of_block(int i) const { return (int(blockIdx.x) * ROWS_EACH + i) * ROWS + row; }
    // visit(at) for its channels in its rows of [first, last), at: of an array (rows, C).
    template <class Visit>
    __device__ __forceinline__ void for_each_row(int first, int last, Visit visit) const {
        if (!active) return;
#pragma unroll 4
        for (int r = first + row; r < last; r += ROWS) visit((long long)r * C + channel);
    }
};

// Sums two quantities of every element over this block's rows; term(at, first, second) adds those of WIDTH neighbouring
// channels to first and second. shared: 2 * WIDTH * THREADS doubles.
template <class Term>
__device__ __forceinline__ void column_sums(double* shared, double* partial, int rows, int rows_per_slice, Term term) {
    const Column column;
    const int first = blockIdx.x * rows_per_slice;
    double sums[2][WIDTH] = {};
    column.for_each_row(first, min(first + rows_per_slice, rows), [&](long long at) { term(at, sums[0], sums[1]); });
#pragma unroll
    for (int q = 0; q < 2 * WIDTH; ++q) shared[q * THREADS + threadIdx.x] = sums[q / WIDTH][q % WIDTH];
    sum_rows<2 * WIDTH, ROWS, LANES, THREADS>(shared);
    if (column.row == 0 && column.active) {
        double* target = partial + (long long)blockIdx.x * 2 * C + column.channel;
        for (int q = 0; q < 2 * WIDTH; ++q) target[q / WIDTH * C + q % WIDTH] = shared[q * THREADS + threadIdx.x];
    }
}

// One of the two quantities of channel blockIdx.x, over all slices; every thread of the block gets it.
__device__ __forceinline__ double slice_sum(double* shared, const double* partial, int slices, int which) {
    double sum = 0.0;
    for (int s = threadIdx.x; s < slices; s += THREADS) sum += partial[(2 * s + which) * C + blockIdx.x];
    return block_sum<THREADS>(sum, shared);
}

// write(at, read(at)) for the channels of a thread in its rows of this block's, ROWS_EACH of them: read first and written then,
// since the compiler must take what is written for what is read next.
template <class Read, class Write>
__device__ __forceinline__ void for_rows_of_block(const Column& column, int rows, Read read, Write write) {
    decltype(read(0LL)) values[ROWS_EACH];
#pragma unroll
    for (int i = 0; i < ROWS_EACH; ++i)
        if (column.row_of_block(i) < rows) values[i] = read((long long)column.row_of_block(i) * C + column.channel);
#pragma unroll
    for (int i = 0; i < ROWS_EACH; ++i)
        if (column.row_of_block(i) < rows) write((long long)column.row_of_block(i) * C + column.channel, values[i]);
}

// (1), (2) stage 1: x (rows, C) -> partial (slices, 2, C): sum(x), sum(x^2).
extern "C" __global__ void __launch_bounds__(THREADS)
    batch_statistics(const INPUT* x, double* partial, int rows, int rows_per_slice) {
    DYNAMIC_SHARED(double, shared);
    column_sums(shared, partial, rows, rows_per_slice, [&](long long at, double* sum, double* squares) {
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

// (3), (4) of every element, from 1 / sqrt(variance + epsilon).
__device__ __forceinline__ void normalize_rows(const Column& column, const INPUT* x, const float* mean,
                                               const Vector<WIDTH>& inverse, const float* gamma, const float* beta,
                                               OUTPUT* y, int rows) {
    const Vector<WIDTH> center = column.of(mean), shift = column.of(beta);
    Vector<WIDTH> scale = column.of(gamma);
#pragma unroll
    for (int q = 0; q < WIDTH; ++q) scale.v[q] *= inverse.v[q];
    const auto read = [&](long long at) { return load<WIDTH>(x + at); };
    for_rows_of_block(column, rows, read, [&](long long at, Vector<WIDTH> value) {
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

// (4) stage 1: dy, x (rows, C) -> partial (slices, 2, C): sum(dy), sum(dy * xhat).
extern "C" __global__ void __launch_bounds__(THREADS)
    gradient_statistics(const OUTPUT* dy, const INPUT* x, const float* mean, const float* inverse_deviation,
                        double* partial, int rows, int rows_per_slice) {
    DYNAMIC_SHARED(double, shared);
    const Column column;
    const Vector<WIDTH> center = column.of(mean), inverse = column.of(inverse_deviation);
    column_sums(shared, partial, rows, rows_per_slice, [&](long long at, double* sum, double* product) {
        const Vector<WIDTH> gradient = load<WIDTH>(dy + at), value = load<WIDTH>(x + at);
#pragma unroll
        for (int q = 0; q < WIDTH; ++q) {
            sum[q] += gradient.v[q];
            product[q] += double(gradient.v[q]) * double((value.v[q] - center.v[q]) * inverse.v[q]);
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
    struct Both {
        Vector<WIDTH> gradient, value;
    };
    const auto read = [&](long long at) { return Both{load<WIDTH>(dy + at), load<WIDTH>(x + at)}; };
    for_rows_of_block(column, rows, read, [&](long long at, const Both& both) {
        Vector<WIDTH> result;
#pragma unroll
        for (int q = 0; q < WIDTH; ++q)
            result.v[q] =
                scale.v[q] * (both.gradient.v[q] - shift.v[q] - (both.value.v[q] - center.v[q]) * slope.v[q]);
        store<WIDTH>(dx + at, result);
    });
}
