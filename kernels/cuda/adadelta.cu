// Adadelta (Zeiler 2012) as Keras 2.3 has it: the learning rate is not in the accumulated delta.
//
//     (1)  a <- rho * a + (1 - rho) * g^2
//     (2)  u  = g * sqrt(d + epsilon) / sqrt(a + epsilon)
//     (3)  w <- w - learning_rate * u
//     (4)  d <- rho * d + (1 - rho) * u^2
//
// Every parameter of the network in one launch: flat buffers of n floats.

#include "elementwise.cuh"

constexpr int THREADS = 256;

// weights, gradients, accumulated_gradient, accumulated_delta (n), in place.
extern "C" __global__ void __launch_bounds__(THREADS)
    adadelta(float* weights, const float* gradients, float* accumulated_gradient, float* accumulated_delta,
             float learning_rate, float rho, float epsilon, long long n, long long quads) {
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
