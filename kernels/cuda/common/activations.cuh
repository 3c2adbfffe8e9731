// Activations and their derivatives in terms of the output. A NaN stays a NaN. kernels/activations.py has the formulas,
// common/activations.py writes the constants ACTIVATION_... and SLOPE_... in front; a code without a branch gives NaN.
#pragma once

__device__ __forceinline__ float sigmoid(float z) { return 1.0f / (1.0f + expf(-z)); }

__device__ __forceinline__ float clipped(float y) { return y < 0.0f ? 0.0f : y > 1.0f ? 1.0f : y; }

__device__ __forceinline__ float activated(int activation, float z) {
    if (activation == ACTIVATION_LINEAR) return z;
    if (activation == ACTIVATION_SIGMOID) return sigmoid(z);
    if (activation == ACTIVATION_TANH) return tanhf(z);
    if (activation == ACTIVATION_RELU) return z < 0.0f ? 0.0f : z;
    if (activation == ACTIVATION_HARD_SIGMOID) return clipped(SLOPE_HARD_SIGMOID * z + 0.5f);
    if (activation == ACTIVATION_HARD_SIGMOID_KERAS3) return clipped(SLOPE_HARD_SIGMOID_KERAS3 * z + 0.5f);
    return __int_as_float(0x7fffffff);
}

__device__ __forceinline__ float through(int activation, float y, float dy) {
    if (activation == ACTIVATION_LINEAR) return dy;
    if (activation == ACTIVATION_SIGMOID) return dy * y * (1.0f - y);
    if (activation == ACTIVATION_TANH) return dy * (1.0f - y * y);
    if (activation == ACTIVATION_RELU) return y > 0.0f ? dy : 0.0f;
    const bool inside = y > 0.0f && y < 1.0f;
    if (activation == ACTIVATION_HARD_SIGMOID) return inside ? dy * SLOPE_HARD_SIGMOID : 0.0f;
    if (activation == ACTIVATION_HARD_SIGMOID_KERAS3) return inside ? dy * SLOPE_HARD_SIGMOID_KERAS3 : 0.0f;
    return __int_as_float(0x7fffffff);
}
