// How gradients move weights, and what is done to gradients before: every parameter of the network in one launch, flat
// buffers of n floats, in place. What may change from step to step is read from device memory, so that a step which was
// recorded as a graph takes it up.
//
// The kernel of a rule of kernels/updates.py has as parameters weights, gradients, the rule's slots in their order, rate
// (R), the hyperparameters by name (one_minus_NAME: what they lack to 1), n and, if it goes by fours, quads.
//
//     adadelta (Zeiler 2012, as Keras 2.3 has it: the learning rate is not in the accumulated delta)
//     (1)  a <- rho * a + (1 - rho) * g^2
//     (2)  u  = g * sqrt(d + epsilon) / sqrt(a + epsilon)
//     (3)  w <- w - rate * u
//     (4)  d <- rho * d + (1 - rho) * u^2
//     sgd
//     (5)  v <- momentum * v - rate * g
//     (6)  w <- w + v                                      nesterov: w + momentum * v - rate * g
//     adam (Kingma and Ba 2014), amsgrad (Reddi 2018)
//     (7)  m <- m + (1 - beta_1) * (g - m)
//     (8)  s <- s + (1 - beta_2) * (g^2 - s)
//     (9)  h <- max(h, s)                                  only amsgrad, where h stands for s in (10)
//     (10) w <- w - rate * m / (sqrt(s) + epsilon)
//     nadam (Dozat 2016): (7), (8)
//     (11) w <- w - rate * (of_mean * m + of_gradient * g) / (sqrt(s / of_square) + epsilon)
//     rmsprop (Hinton 2012)
//     (12) s <- rho * s + (1 - rho) * g^2
//     (13) a <- rho * a + (1 - rho) * g                    only centered, where s - a^2 stands for s in (14)
//     (14) w <- w - rate * g / sqrt(s + epsilon)           with momentum: v <- momentum * v + that; w <- w - v
//     decay_weights (Loshchilov and Hutter 2017)
//     (15) w <- w - rate * k * w
//     clip_by_value, clip_by_norm
//     (16) g <- g into [-limit, limit]
//     (17) g <- g * limit / norm                           where norm > limit

#include "common/block_sums.cuh"
#include "common/elementwise.cuh"

constexpr int THREADS = 256;

// (1) to (4): weights, gradients, accumulated_gradient, accumulated_delta (n); rate (1).
extern "C" __global__ void __launch_bounds__(THREADS)
    adadelta(float* weights, const float* gradients, float* accumulated_gradient, float* accumulated_delta,
             const float* rate, float rho, float epsilon, long long n, long long quads) {
    const float learning_rate = rate[0];
    for_each(n, quads, [&](long long at, auto width) {
        constexpr int WIDTH = decltype(width)::WIDTH;
        Vector<WIDTH> w = load<WIDTH>(weights + at), a = load<WIDTH>(accumulated_gradient + at),
                      d = load<WIDTH>(accumulated_delta + at);
        const Vector<WIDTH> g = load<WIDTH>(gradients + at);
#pragma unroll
        for (int q = 0; q < WIDTH; ++q) {
            a.v[q] = rho * a.v[q] + (1.0f - rho) * (g.v[q] * g.v[q]);                // (1)
            float u = g.v[q] * sqrtf(d.v[q] + epsilon) / sqrtf(a.v[q] + epsilon);    // (2)
            w.v[q] -= learning_rate * u;                                             // (3)
            d.v[q] = rho * d.v[q] + (1.0f - rho) * (u * u);                          // (4)
        }
        store<WIDTH>(weights + at, w);
        store<WIDTH>(accumulated_gradient + at, a);
        store<WIDTH>(accumulated_delta + at, d);
    });
}

// (5), (6): weights, gradients (n), velocity (n) or null: zero, not kept; rate (1).
extern "C" __global__ void __launch_bounds__(THREADS)
    sgd(float* weights, const float* gradients, float* velocity, const float* rate, float momentum,
        int nesterov, long long n, long long quads) {
    const float learning_rate = rate[0];
    for_each(n, quads, [&](long long at, auto width) {
        constexpr int WIDTH = decltype(width)::WIDTH;
        Vector<WIDTH> w = load<WIDTH>(weights + at), v{};
        const Vector<WIDTH> g = load<WIDTH>(gradients + at);
        if (velocity != nullptr) v = load<WIDTH>(velocity + at);
#pragma unroll
        for (int q = 0; q < WIDTH; ++q) {
            float step = learning_rate * g.v[q];
            v.v[q] = momentum * v.v[q] - step;                                       // (5)
            w.v[q] += nesterov ? momentum * v.v[q] - step : v.v[q];                  // (6)
        }
        store<WIDTH>(weights + at, w);
        if (velocity != nullptr) store<WIDTH>(velocity + at, v);
    });
}

// (7) to (10): weights, gradients, mean, square (n), largest_square (n) or null; rate (1). One element a turn: with
// four, the slow paths of root and division spill registers on sm_120.
extern "C" __global__ void __launch_bounds__(THREADS)
    adam(float* weights, const float* gradients, float* mean, float* square, float* largest_square,
         const float* rate, float one_minus_beta_1, float one_minus_beta_2, float epsilon, long long n) {
    const float step = rate[0];
    const long long first = (long long)blockIdx.x * THREADS + threadIdx.x, stride = (long long)gridDim.x * THREADS;
    for (long long at = first; at < n; at += stride) {
        const float g = gradients[at], m = mean[at] + one_minus_beta_1 * (g - mean[at]);    // (7)
        float s = square[at] + one_minus_beta_2 * (g * g - square[at]);                     // (8)
        mean[at] = m;
        square[at] = s;
        if (largest_square != nullptr) {
            if (s <= largest_square[at]) s = largest_square[at];                            // (9)
            largest_square[at] = s;
        }
        weights[at] -= step * m / (sqrtf(s) + epsilon);                                     // (10)
    }
}

// (7), (8), (11): weights, gradients, mean, square (n); rate (4): rate, of_mean, of_gradient, of_square.
extern "C" __global__ void __launch_bounds__(THREADS)
    nadam(float* weights, const float* gradients, float* mean, float* square, const float* rate,
          float one_minus_beta_1, float one_minus_beta_2, float epsilon, long long n) {
    const float step = rate[0], of_mean = rate[1], of_gradient = rate[2], of_square = rate[3];
    const long long first = (long long)blockIdx.x * THREADS + threadIdx.x, stride = (long long)gridDim.x * THREADS;
    for (long long at = first; at < n; at += stride) {
        const float g = gradients[at], m = mean[at] + one_minus_beta_1 * (g - mean[at]);                  // (7)
        const float s = square[at] + one_minus_beta_2 * (g * g - square[at]);                             // (8)
        mean[at] = m;
        square[at] = s;
        weights[at] -= step * (of_mean * m + of_gradient * g) / (sqrtf(s / of_square) + epsilon);         // (11)
    }
}

// (12) to (14) of one element, but for the last step: rate * g / sqrt(s + epsilon).
__device__ __forceinline__ float scaled_gradient(float g, float* square, float* mean, float rate, float rho,
                                                 float one_minus_rho, float epsilon) {
    float s = rho * *square + one_minus_rho * (g * g);                                                    // (12)
    *square = s;
    if (mean != nullptr) {
        const float a = rho * *mean + one_minus_rho * g;                                                  // (13)
        *mean = a;
        s -= a * a;
    }
    return rate * g / sqrtf(s + epsilon);                                                                 // (14)
}

// (12) to (14): weights, gradients, square (n), mean (n) or null: not centered; rate (1).
extern "C" __global__ void __launch_bounds__(THREADS)
    rmsprop(float* weights, const float* gradients, float* square, float* mean, const float* rate, float rho,
            float one_minus_rho, float epsilon, long long n) {
    const long long first = (long long)blockIdx.x * THREADS + threadIdx.x, stride = (long long)gridDim.x * THREADS;
    for (long long at = first; at < n; at += stride)
        weights[at] -= scaled_gradient(gradients[at], square + at, mean == nullptr ? nullptr : mean + at, rate[0], rho,
                                       one_minus_rho, epsilon);
}

// (12) to (14) with momentum: weights, gradients, square, velocity (n), mean (n) or null: not centered; rate (1).
extern "C" __global__ void __launch_bounds__(THREADS)
    rmsprop_momentum(float* weights, const float* gradients, float* square, float* velocity, float* mean,
                     const float* rate, float rho, float one_minus_rho, float epsilon, float momentum, long long n) {
    const long long first = (long long)blockIdx.x * THREADS + threadIdx.x, stride = (long long)gridDim.x * THREADS;
    for (long long at = first; at < n; at += stride) {
        const float v = momentum * velocity[at] +
                        scaled_gradient(gradients[at], square + at, mean == nullptr ? nullptr : mean + at, rate[0],
                                        rho, one_minus_rho, epsilon);
        velocity[at] = v;
        weights[at] -= v;
    }
}

// (15): weights, decayed (n); rate (1).
extern "C" __global__ void __launch_bounds__(THREADS)
    decay_weights(float* weights, const float* decayed, const float* rate, long long n, long long quads) {
    const float factor = rate[0];
    for_each(n, quads, [&](long long at, auto width) {
        constexpr int WIDTH = decltype(width)::WIDTH;
        Vector<WIDTH> w = load<WIDTH>(weights + at);
        const Vector<WIDTH> k = load<WIDTH>(decayed + at);
#pragma unroll
        for (int q = 0; q < WIDTH; ++q) w.v[q] -= factor * k.v[q] * w.v[q];          // (15)
        store<WIDTH>(weights + at, w);
    });
}

// (16): gradients (n); a NaN stays one.
extern "C" __global__ void __launch_bounds__(THREADS)
    clip_by_value(float* gradients, float limit, long long n, long long quads) {
    for_each(n, quads, [&](long long at, auto width) {
        constexpr int WIDTH = decltype(width)::WIDTH;
        Vector<WIDTH> g = load<WIDTH>(gradients + at);
#pragma unroll
        for (int q = 0; q < WIDTH; ++q)
            g.v[q] = g.v[q] > limit ? limit : g.v[q] < -limit ? -limit : g.v[q];     // (16)
        store<WIDTH>(gradients + at, g);
    });
}

// squares[part] = sum of the squares of gradients[bounds[part] .. bounds[part + 1] - 1]; one block a part.
extern "C" __global__ void __launch_bounds__(THREADS)
    square_sums(const float* gradients, const long long* bounds, double* squares) {
    DYNAMIC_SHARED(double, shared);
    double sum = 0.0;
    for (long long i = bounds[blockIdx.x] + threadIdx.x; i < bounds[blockIdx.x + 1]; i += THREADS)
        sum += double(gradients[i]) * double(gradients[i]);
    sum = block_sum<THREADS>(sum, shared);
    if (threadIdx.x == 0) squares[blockIdx.x] = sum;
}

// (17): gradients, scaled part by part; blockIdx.y is the part. together: by the norm of all parts.
extern "C" __global__ void __launch_bounds__(THREADS)
    clip_by_norm(float* gradients, const long long* bounds, const double* squares, double limit, int together) {
    double square = together ? 0.0 : squares[blockIdx.y];
    if (together)
        for (int part = 0; part < gridDim.y; ++part) square += squares[part];
    const double norm = sqrt(square);
    if (norm <= limit) return;
    const float scale = float(limit / norm);
    long long first = bounds[blockIdx.y] + (long long)blockIdx.x * THREADS + threadIdx.x;
    for (long long i = first; i < bounds[blockIdx.y + 1]; i += (long long)gridDim.x * THREADS)
        gradients[i] *= scale;                                                       // (17)
}
