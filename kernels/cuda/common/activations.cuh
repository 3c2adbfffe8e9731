// Activations and their derivatives in terms of the output. A NaN stays a NaN.
//
//     linear   y = z                      dz = dy
//     sigmoid  y = 1 / (1 + exp(-z))      dz = dy * y * (1 - y)
//     tanh     y = tanh(z)                dz = dy * (1 - y^2)
//     relu     y = max(z, 0)              dz = dy where y > 0, else 0
//     hard     y = clip(s z + 1/2, 0, 1)  dz = s dy where 0 < y < 1, else 0     s = 1/5 (Keras 2), 1/6 (Keras 3)
#pragma once

constexpr int SIGMOID = 1, TANH = 2, RELU = 3, HARD_SIGMOID = 4, HARD_SIGMOID_KERAS3 = 5;

__device__ __forceinline__ float sigmoid(float z) { return 1.0f / (1.0f + expf(-z)); }

__device__ __forceinline__ float hard_slope(int activation) {
    return activation == HARD_SIGMOID ? 0.2f : 1.0f / 6.0f;
}

__device__ __forceinline__ float activated(int activation, float z) {
    if (activation == SIGMOID) return sigmoid(z);
    if (activation == TANH) return tanhf(z);
    if (activation == RELU) return z < 0.0f ? 0.0f : z;
    if (activation >= HARD_SIGMOID) {
        float y = hard_slope(activation) * z + 0.5f;
        return y < 0.0f ? 0.0f : y > 1.0f ? 1.0f : y;
    }
    return z;
}

__device__ __forceinline__ float through(int activation, float y, float dy) {
    if (activation == SIGMOID) return dy * y * (1.0f - y);
    if (activation == TANH) return dy * (1.0f - y * y);
    if (activation == RELU) return y > 0.0f ? dy : 0.0f;
    if (activation >= HARD_SIGMOID) return y > 0.0f && y < 1.0f ? dy * hard_slope(activation) : 0.0f;
    return dy;
}
