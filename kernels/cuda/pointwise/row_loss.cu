// Losses of rows, each with its gradient: of a row p (K), the target t (K) or the class y, and its probabilities or logits.
//
//     forward: sum of w * term / rows                                        backward, times scale * w / rows
//     (1)  categorical cross-entropy    sum t (l - z), l = log sum exp(z)    sum(t) exp(z - l) - t
//     (1') of probabilities             -sum t log q, q = p / sum(p)         (u - sum(u q)) / sum(p), u = -t / q
//     (2)  sparse one                   l - z[y]                             exp(z - l) - (k = y)
//     (2') of probabilities             log sum(q) - log q[y], q = p         1 / sum(q) - (k = y) / q
//     (3)  Kullback-Leibler divergence  sum t log(t / p)                     -t / p
//     (4)  cosine similarity            -sum(p t) / (|p| |t|)                -t / (|p| |t|) - term p / |p|^2
//     (5)  categorical accuracy         1 where the first largest of p and of t, or y, is one class
//
// q and, in (3), t and p are clipped to [PROBABILITY_MARGIN, 1 - PROBABILITY_MARGIN] ((3): to 1), with no slope outside;
// in (4) lengths are at least the margin. One thread has a whole row. Terms are summed in float64: each block its share
// into partial (gridDim), then one block all shares, in order. A NaN stays a NaN everywhere.

#include "common/block_sums.cuh"

constexpr int THREADS = 256;
constexpr float LOW = PROBABILITY_MARGIN, HIGH = 1.0f - PROBABILITY_MARGIN;

__device__ __forceinline__ float clipped(float value, float high) { return value < LOW ? LOW : value > high ? high : value; }

__device__ __forceinline__ float not_a_number() { return __int_as_float(0x7fffffff); }

__device__ __forceinline__ float log_sum_exp(const float* z, int count) {
    float most = z[0], sum = 0.0f;
    for (int k = 1; k < count; ++k) most = z[k] > most ? z[k] : most;
    for (int k = 0; k < count; ++k) sum += expf(z[k] - most);
    return most + logf(sum);
}

__device__ __forceinline__ int index_of_largest(const float* row, int count) {
    int best = 0;
    for (int k = 1; k < count; ++k)
        if (row[k] > row[best]) best = k;
    return best;
}

// A row as it is given, or as its softmax; value(k) is what the term sees.
struct Row {
    const float* given;
    float log_sum;
    bool softmax;
    __device__ __forceinline__ float operator()(int k) const { return softmax ? expf(given[k] - log_sum) : given[k]; }
};

// (1), (1'): slope (K) or null gets scale times the slope.
__device__ __forceinline__ float crossentropy(const float* x, const float* y, int count, float smoothing, bool of_logits,
                                              float* slope, float scale) {
    const float uniform = smoothing / float(count);
    float term = 0.0f, total = 0.0f, inner = 0.0f;
    if (of_logits) {
        const float l = log_sum_exp(x, count);
        for (int k = 0; k < count; ++k) {
            const float t = y[k] * (1.0f - smoothing) + uniform;
            term += t * (l - x[k]);                                                                           // (1)
            total += t;
        }
        if (slope != nullptr)
            for (int k = 0; k < count; ++k)
                slope[k] = scale * (total * expf(x[k] - l) - (y[k] * (1.0f - smoothing) + uniform));
        return term;
    }
    for (int k = 0; k < count; ++k) total += x[k];
    for (int k = 0; k < count; ++k) {
        const float t = y[k] * (1.0f - smoothing) + uniform, share = x[k] / total, q = clipped(share, HIGH);
        term -= t * logf(q);                                                                                  // (1')
        if (q == share) inner -= t;
    }
    if (slope != nullptr)
        for (int k = 0; k < count; ++k) {
            const float t = y[k] * (1.0f - smoothing) + uniform, share = x[k] / total;
            const float u = clipped(share, HIGH) == share ? -t / share : 0.0f;
            slope[k] = scale * ((u - inner) / total);
        }
    return term;
}

// (2), (2').
__device__ __forceinline__ float sparse_crossentropy(const float* x, int y, int count, bool of_logits, float* slope,
                                                     float scale) {
    if (y < 0 || y >= count) return not_a_number();
    if (of_logits) {
        const float l = log_sum_exp(x, count);
        if (slope != nullptr)
            for (int k = 0; k < count; ++k) slope[k] = scale * (expf(x[k] - l) - (k == y ? 1.0f : 0.0f));
        return l - x[y];                                                                                      // (2)
    }
    float total = 0.0f;
    for (int k = 0; k < count; ++k) total += clipped(x[k], HIGH);
    const float q = clipped(x[y], HIGH);
    if (slope != nullptr)
        for (int k = 0; k < count; ++k)
            slope[k] = clipped(x[k], HIGH) == x[k] ? scale * (1.0f / total - (k == y ? 1.0f / q : 0.0f)) : 0.0f;
    return logf(total) - logf(q);                                                                             // (2')
}

// (3).
__device__ __forceinline__ float divergence(Row p, const float* y, int count, float* slope, float scale) {
    float term = 0.0f;
    for (int k = 0; k < count; ++k) {
        const float t = clipped(y[k], 1.0f), q = clipped(p(k), 1.0f);
        term += t * logf(t / q);                                                                              // (3)
        if (slope != nullptr) slope[k] = q == p(k) ? scale * (-t / q) : 0.0f;
    }
    return term;
}

// (4).
__device__ __forceinline__ float similarity(Row p, const float* y, int count, float* slope, float scale) {
    float product = 0.0f, of_p = 0.0f, of_y = 0.0f;
    for (int k = 0; k < count; ++k) {
        product += p(k) * y[k];
        of_p += p(k) * p(k);
        of_y += y[k] * y[k];
    }
    const float length = sqrtf(of_p), width = sqrtf(of_y);
    const float a = 1.0f / (length < LOW ? LOW : length), b = 1.0f / (width < LOW ? LOW : width);
    const float term = -a * b * product;                                                                      // (4)
    if (slope != nullptr)
        for (int k = 0; k < count; ++k)
            slope[k] = scale * (-a * b * y[k] - (length > LOW ? term * a * a * p(k) : 0.0f));
    return term;
}

// (1) to (5): output (rows, count), target (rows, count) or (rows), weights (rows / run) or null -> partial (gridDim.x),
// doutput (rows, count) or null. of_logits, softmax: output is z; the second takes its softmax first.
// Four blocks a multiprocessor leave 64 registers a thread; left to choose, compilers for sm_120 take 40 and spill.
extern "C" __global__ void __launch_bounds__(THREADS, 4)
    row_terms(const float* output, const float* target, const float* weights, double* partial, float* doutput,
              int kind, int of_logits, int softmax, float parameter, float scale, int count, int target_count,
              long long run, long long rows) {
    DYNAMIC_SHARED(double, shared);
    const float share = scale / float(rows);
    double sum = 0.0;
    for (long long row = (long long)blockIdx.x * THREADS + threadIdx.x; row < rows;
         row += (long long)gridDim.x * THREADS) {
        const float *x = output + row * count, *y = target + row * target_count;
        const float weight = weights == nullptr ? 1.0f : weights[row / run], factor = weight * share;
        float* slope = doutput == nullptr ? nullptr : doutput + row * count;
        const Row p{x, softmax ? log_sum_exp(x, count) : 0.0f, softmax != 0};
        float term;
        switch (kind) {
            case ROW_CATEGORICAL_CROSSENTROPY:
                term = crossentropy(x, y, count, parameter, of_logits, slope, factor);
                break;
            case ROW_SPARSE_CATEGORICAL_CROSSENTROPY:
                term = sparse_crossentropy(x, int(y[0]), count, of_logits, slope, factor);
                break;
            case ROW_KL_DIVERGENCE: term = divergence(p, y, count, slope, factor); break;
            case ROW_COSINE_SIMILARITY: term = similarity(p, y, count, slope, factor); break;
            case ROW_CATEGORICAL_ACCURACY:
                term = index_of_largest(x, count) == index_of_largest(y, count) ? 1.0f : 0.0f;                // (5)
                break;
            case ROW_SPARSE_CATEGORICAL_ACCURACY:
                term = index_of_largest(x, count) == int(y[0]) ? 1.0f : 0.0f;                                 // (5)
                break;
            default: term = not_a_number();
        }
        sum += double(weight) * double(term);
    }
    sum = block_sum<THREADS>(sum, shared);
    if (threadIdx.x == 0) partial[blockIdx.x] = sum;
}

// partial (blocks) -> loss (1) = sum / rows; one block.
extern "C" __global__ void __launch_bounds__(THREADS)
    finish_rows(const double* partial, double* loss, int blocks, long long rows) {
    DYNAMIC_SHARED(double, shared);
    double sum = 0.0;
    for (int i = threadIdx.x; i < blocks; i += THREADS) sum += partial[i];
    sum = block_sum<THREADS>(sum, shared);
    if (threadIdx.x == 0) loss[0] = sum / double(rows);
}
