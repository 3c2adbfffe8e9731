// The LSTM cell with any activations, at every pixel of one step; conv_lstm.cu is the fast way for tanh and sigmoids.
//
//     forward                                                      backward
//     (1)  z    = z_input + z_recurrent      blocks i, f, g, o     dz = [di s'(i) | df s'(f) | dg a'(g) | do s'(o)]
//     (2)  i, f, o = s(z_i), s(z_f), s(z_o)
//     (3)  g    = a(z_g)
//     (4)  c    = f * c_prev + i * g                               di = dc g, df = dc c_prev, dg = dc i, dc_prev = dc f
//     (5)  h    = o * a(c)                                         do = dh a(c), dc = dc_next + dh o a'(c)
//
// gates hold i, f, g, o; for an activation that is of_input() its z instead, from which backward computes the output again.
//
// One thread an element of c. float32 in every precision.

#include "common/activations.cuh"
#include "common/ptx.cuh"

// An activation with its parameters, and what is kept of it for backward.
struct Activation {
    int code;
    Parameters p;
    __device__ __forceinline__ float operator()(float z) const { return activated(code, p, z); }
    __device__ __forceinline__ float kept(float z, float y) const { return of_input(code) ? z : y; }
    __device__ __forceinline__ float of_kept(float k) const { return of_input(code) ? activated(code, p, k) : k; }
    __device__ __forceinline__ float derivative(float k, float dy) const { return through(code, p, k, dy); }
};

// z_input, z_recurrent (n/F, 4F), c_prev (n) -> gates (n/F, 4F), c, h (n).
extern "C" __global__ void lstm_cell_forward(const float* z_input, const float* z_recurrent, const float* c_prev,
                                             float* gates, float* c, float* h, int activation, float activation_p0, float activation_p1,
                                             float activation_p2, int recurrent_activation,
                                             float recurrent_activation_p0, float recurrent_activation_p1,
                                             float recurrent_activation_p2, int filters, long long n) {
    const Activation a{activation, {activation_p0, activation_p1, activation_p2}};
    const Activation s{recurrent_activation,
                       {recurrent_activation_p0, recurrent_activation_p1, recurrent_activation_p2}};
    long long state = (long long)blockIdx.x * blockDim.x + threadIdx.x;
    if (state >= n) return;
    long long at = state / filters * 4 * filters + state % filters;
    float z[4];
#pragma unroll
    for (int gate = 0; gate < 4; ++gate) z[gate] = z_input[at + gate * filters] + z_recurrent[at + gate * filters];  // (1)
    float i = s(z[0]), f = s(z[1]), g = a(z[2]), o = s(z[3]);  // (2), (3)
    float c_t = f * c_prev[state] + i * g;                     // (4)
    c[state] = c_t;
    h[state] = o * a(c_t);  // (5)
    gates[at] = s.kept(z[0], i);
    gates[at + filters] = s.kept(z[1], f);
    gates[at + 2 * filters] = a.kept(z[2], g);
    gates[at + 3 * filters] = s.kept(z[3], o);
}

// dh, dh_next, dc, c, c_prev (n), gates (n/F, 4F) -> dz (n/F, 4F), and dc_prev in the place of dc.
extern "C" __global__ void lstm_cell_backward(const float* dh, const float* dh_next, float* dc, const float* gates,
                                              const float* c, const float* c_prev, float* dz, int activation, float activation_p0, float activation_p1,
                                              float activation_p2, int recurrent_activation,
                                              float recurrent_activation_p0, float recurrent_activation_p1,
                                              float recurrent_activation_p2, int filters, long long n) {
    const Activation a{activation, {activation_p0, activation_p1, activation_p2}};
    const Activation s{recurrent_activation,
                       {recurrent_activation_p0, recurrent_activation_p1, recurrent_activation_p2}};
    long long state = (long long)blockIdx.x * blockDim.x + threadIdx.x;
    if (state >= n) return;
    long long at = state / filters * 4 * filters + state % filters;
    float kept_i = gates[at], kept_f = gates[at + filters];
    float kept_g = gates[at + 2 * filters], kept_o = gates[at + 3 * filters];
    float i = s.of_kept(kept_i), f = s.of_kept(kept_f), g = a.of_kept(kept_g), o = s.of_kept(kept_o);
    float c_t = c[state], activated_c = a(c_t);
    float dh_t = dh[state] + dh_next[state];
    float dc_t = dc[state] + a.derivative(a.kept(c_t, activated_c), dh_t * o);  // (5)
    dc[state] = dc_t * f;                                                       // (4)
    dz[at] = s.derivative(kept_i, dc_t * g);                                    // (4), (2)
    dz[at + filters] = s.derivative(kept_f, dc_t * c_prev[state]);
    dz[at + 2 * filters] = a.derivative(kept_g, dc_t * i);            // (4), (3)
    dz[at + 3 * filters] = s.derivative(kept_o, dh_t * activated_c);  // (5), (2)
}
