// The LSTM cell with any activations, at every pixel of one step; conv_lstm.cu is the fast way for tanh and sigmoids.
//
//     forward                                                      backward
//     (1)  z    = z_input + z_recurrent      blocks i, f, g, o     dz = [di s'(i) | df s'(f) | dg a'(g) | do s'(o)]
//     (2)  i, f, o = s(z_i), s(z_f), s(z_o)
//     (3)  g    = a(z_g)
//     (4)  c    = f * c_prev + i * g                               di = dc g, df = dc c_prev, dg = dc i, dc_prev = dc f
//     (5)  h    = o * a(c)                                         do = dh a(c), dc = dc_next + dh o a'(c)
//
// One thread an element of c. float32 in every precision.

#include "common/activations.cuh"
#include "common/ptx.cuh"

// z_input, z_recurrent (n/F, 4F), c_prev (n) -> gates (n/F, 4F), c, h (n).
extern "C" __global__ void lstm_cell_forward(const float* z_input, const float* z_recurrent, const float* c_prev,
                                             float* gates, float* c, float* h, int activation,
                                             int recurrent_activation, int filters, long long n) {
    long long state = (long long)blockIdx.x * blockDim.x + threadIdx.x;
    if (state >= n) return;
    long long at = state / filters * 4 * filters + state % filters;
    float z[4];
#pragma unroll
    for (int gate = 0; gate < 4; ++gate) z[gate] = z_input[at + gate * filters] + z_recurrent[at + gate * filters];  // (1)
    float i = activated(recurrent_activation, z[0]), f = activated(recurrent_activation, z[1]);  // (2)
    float g = activated(activation, z[2]), o = activated(recurrent_activation, z[3]);            // (3), (2)
    float c_t = f * c_prev[state] + i * g;                                                       // (4)
    c[state] = c_t;
    h[state] = o * activated(activation, c_t);  // (5)
    gates[at] = i;
    gates[at + filters] = f;
    gates[at + 2 * filters] = g;
    gates[at + 3 * filters] = o;
}

// dh, dh_next, dc, c, c_prev (n), gates (n/F, 4F) -> dz (n/F, 4F), and dc_prev in the place of dc.
extern "C" __global__ void lstm_cell_backward(const float* dh, const float* dh_next, float* dc, const float* gates,
                                              const float* c, const float* c_prev, float* dz, int activation,
                                              int recurrent_activation, int filters, long long n) {
    long long state = (long long)blockIdx.x * blockDim.x + threadIdx.x;
    if (state >= n) return;
    long long at = state / filters * 4 * filters + state % filters;
    float i = gates[at], f = gates[at + filters], g = gates[at + 2 * filters], o = gates[at + 3 * filters];
    float activated_c = activated(activation, c[state]);
    float dh_t = dh[state] + dh_next[state];
    float dc_t = dc[state] + through(activation, activated_c, dh_t * o);  // (5)
    dc[state] = dc_t * f;                                                 // (4)
    dz[at] = through(recurrent_activation, i, dc_t * g);                  // (4), (2)
    dz[at + filters] = through(recurrent_activation, f, dc_t * c_prev[state]);
    dz[at + 2 * filters] = through(activation, g, dc_t * i);                       // (4), (3)
    dz[at + 3 * filters] = through(recurrent_activation, o, dh_t * activated_c);  // (5), (2)
}
