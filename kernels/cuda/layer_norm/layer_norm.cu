// LayerNormalization over the last axes (Ba, Kiros & Hinton 2016): x (rows, n), each row by its own statistics.
//
//     forward                                                  backward
//     (1)  mean     = sum(x) / n                               dbeta  = sum of dy over the rows
//     (2)  variance = sum((x - mean)^2) / n                    dgamma = sum of dy * xhat over the rows
//     (3)  xhat     = (x - mean) / sqrt(variance + epsilon)    dxhat  = gamma * dy
//     (4)  y        = gamma * xhat + beta                      dx     = (dxhat - sum(dxhat)/n - xhat * sum(dxhat * xhat)/n)
//                                                                       / sqrt(variance + epsilon)
//
// A team of TEAM threads, a power of two, has a row; a block has THREADS / TEAM of them. Sums are float64, in an order that
// depends on TEAM alone. The sums over rows have two stages, as in batch_norm.cu: a block sums a slice of the rows, COLUMNS
// neighbouring columns of it, into partial (slices, 2, n); then a thread a column sums the slices. No atomics.
//
// Constants: SPEC_N, TEAM.

#include "common/block_sums.cuh"

constexpr int N = SPEC_N, THREADS = 256, ROWS = THREADS / TEAM;
constexpr int COLUMNS = N < THREADS ? N : THREADS, GRADIENT_ROWS = THREADS / COLUMNS;

// The sum of every thread's value over its team, for all of them. shared: THREADS doubles.
__device__ __forceinline__ double team_sum(double value, double* shared) {
    const int member = threadIdx.x % TEAM;
    __syncthreads();
    shared[threadIdx.x] = value;
    __syncthreads();
    for (int half = TEAM / 2; half > 0; half /= 2) {
        if (member < half) shared[threadIdx.x] += shared[threadIdx.x + half];
        __syncthreads();
    }
    return shared[threadIdx.x - member];
}

// x (rows, n), gamma, beta (n) -> mean, inverse_deviation (rows), y (rows, n).
extern "C" __global__ void __launch_bounds__(THREADS)
    layer_norm(const float* x, const float* gamma, const float* beta, float* mean, float* inverse_deviation, float* y,
               int rows, float epsilon) {
    DYNAMIC_SHARED(double, shared);
    const int member = threadIdx.x % TEAM, row = blockIdx.x * ROWS + threadIdx.x / TEAM;
    const long long first = (long long)row * N;
    const int columns = row < rows ? N : 0;
    double sum = 0.0, squares = 0.0;
    for (int k = member; k < columns; k += TEAM) sum += x[first + k];
    const float center = float(team_sum(sum, shared) / N);  // (1)
    for (int k = member; k < columns; k += TEAM) {
        const float difference = x[first + k] - center;
        squares += double(difference) * difference;
    }
    const float inverse = float(1.0 / sqrt(team_sum(squares, shared) / N + double(epsilon)));  // (2)
    for (int k = member; k < columns; k += TEAM)
        y[first + k] = fmaf(gamma[k], (x[first + k] - center) * inverse, beta[k]);  // (3), (4)
    if (member > 0 || row >= rows) return;
    mean[row] = center;
    inverse_deviation[row] = inverse;
}

// (4) to (1): dy, x (rows, n), gamma (n), mean, inverse_deviation (rows) -> dx (rows, n).
extern "C" __global__ void __launch_bounds__(THREADS)
    layer_norm_backward(const float* dy, const float* x, const float* gamma, const float* mean,
                        const float* inverse_deviation, float* dx, int rows) {
    DYNAMIC_SHARED(double, shared);
    const int member = threadIdx.x % TEAM, row = blockIdx.x * ROWS + threadIdx.x / TEAM;
    const long long first = (long long)row * N;
    const int columns = row < rows ? N : 0;
    const float center = row < rows ? mean[row] : 0.0f, inverse = row < rows ? inverse_deviation[row] : 0.0f;
    double sum = 0.0, along = 0.0;
    for (int k = member; k < columns; k += TEAM) {
        const float dxhat = gamma[k] * dy[first + k];
        sum += dxhat;
        along += double(dxhat) * ((x[first + k] - center) * inverse);
    }
    const float shift = float(team_sum(sum, shared) / N), slope = float(team_sum(along, shared) / N);
    for (int k = member; k < columns; k += TEAM) {
        const float xhat = (x[first + k] - center) * inverse;
        dx[first + k] = (gamma[k] * dy[first + k] - shift - xhat * slope) * inverse;
    }
}

// (4) stage 1: dy, x (rows, n) -> partial (slices, 2, n): sum(dy), sum(dy * xhat).
extern "C" __global__ void __launch_bounds__(THREADS)
    layer_norm_slices(const float* dy, const float* x, const float* mean, const float* inverse_deviation, double* partial,
                      int rows, int rows_per_slice) {
    DYNAMIC_SHARED(double, shared);
    const int column = blockIdx.y * COLUMNS + threadIdx.x % COLUMNS, lane_row = threadIdx.x / COLUMNS;
    const bool active = lane_row < GRADIENT_ROWS && column < N;
    const int begin = blockIdx.x * rows_per_slice, end = min(begin + rows_per_slice, rows);
    double sum = 0.0, slope = 0.0;
    for (int row = begin + lane_row; active && row < end; row += GRADIENT_ROWS) {
        const long long at = (long long)row * N + column;
        sum += dy[at];
        slope += double(dy[at]) * ((x[at] - mean[row]) * inverse_deviation[row]);
    }
    shared[threadIdx.x] = sum;
    shared[THREADS + threadIdx.x] = slope;
    sum_rows<2, GRADIENT_ROWS, COLUMNS, THREADS>(shared);
    if (lane_row > 0 || !active) return;
    for (int q = 0; q < 2; ++q) partial[(2LL * blockIdx.x + q) * N + column] = shared[q * THREADS + threadIdx.x];
}

// (4) stage 2: partial (slices, 2, n) -> dgamma, dbeta (n); one thread a column.
extern "C" __global__ void __launch_bounds__(THREADS)
    layer_norm_finish(const double* partial, float* dgamma, float* dbeta, int slices) {
    const int column = blockIdx.x * THREADS + threadIdx.x;
    if (column >= N) return;
    double sum = 0.0, slope = 0.0;
    for (int slice = 0; slice < slices; ++slice) {
        sum += partial[2LL * slice * N + column];
        slope += partial[(2LL * slice + 1) * N + column];
    }
    dbeta[column] = float(sum);
    dgamma[column] = float(slope);
}
