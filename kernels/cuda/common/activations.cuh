// Activations and their derivatives in terms of what is kept: the output, or the input z for those of_input(). A NaN stays
// a NaN. kernels/activations.py has the formulas, common/activations.py writes the constants ACTIVATION_..., SLOPE_... and
// ACTIVATIONS_OF_INPUT in front; a code without a branch gives NaN.
#pragma once

// The parameters of an activation in the order of its entry; zero where it has fewer.
struct Parameters {
    float p0, p1, p2;
};

// Whether the derivative is written in terms of z, so that backward is given z.
__device__ __forceinline__ bool of_input(int activation) { return (ACTIVATIONS_OF_INPUT >> activation & 1) != 0; }

__device__ __forceinline__ float sigmoid(float z) { return 1.0f / (1.0f + expf(-z)); }

__device__ __forceinline__ float clipped(float y) { return y < 0.0f ? 0.0f : y > 1.0f ? 1.0f : y; }

// The share of a normal distribution below z.
__device__ __forceinline__ float normal_cdf(float z) { return 0.5f * erfcf(-0.70710678f * z); }

// gelu_tanh(z) = z sigmoid(of this).
__device__ __forceinline__ float gelu_tanh_score(float z) { return 2.0f * GELU_TANH_SCALE * (z + GELU_TANH_CUBE * z * z * z); }

__device__ __forceinline__ float clipped_relu(Parameters p, float z) {
    const float max_value = p.p0, negative_slope = p.p1, threshold = p.p2;
    if (z < threshold) return negative_slope > 0.0f ? negative_slope * (z - threshold) : 0.0f;
    return z > max_value ? max_value : z;
}

__device__ __forceinline__ float activated(int activation, Parameters p, float z) {
    if (activation == ACTIVATION_LINEAR) return z;
    if (activation == ACTIVATION_SIGMOID) return sigmoid(z);
    if (activation == ACTIVATION_TANH) return tanhf(z);
    if (activation == ACTIVATION_RELU) return z < 0.0f ? 0.0f : z;
    if (activation == ACTIVATION_HARD_SIGMOID) return clipped(SLOPE_HARD_SIGMOID * z + 0.5f);
    if (activation == ACTIVATION_HARD_SIGMOID_KERAS3) return clipped(SLOPE_HARD_SIGMOID_KERAS3 * z + 0.5f);
    if (activation == ACTIVATION_LEAKY_RELU) return z < 0.0f ? p.p0 * z : z;
    if (activation == ACTIVATION_CLIPPED_RELU) return clipped_relu(p, z);
    if (activation == ACTIVATION_ELU) return z < 0.0f ? p.p0 * expm1f(z) : z;
    if (activation == ACTIVATION_SELU) return SELU_SCALE * (z < 0.0f ? SELU_ALPHA * expm1f(z) : z);
    if (activation == ACTIVATION_SOFTPLUS) return (z < 0.0f ? 0.0f : z) + log1pf(expf(-fabsf(z)));
    if (activation == ACTIVATION_SOFTSIGN) return z / (1.0f + fabsf(z));
    if (activation == ACTIVATION_EXPONENTIAL) return expf(z);
    if (activation == ACTIVATION_SILU) return z * sigmoid(z);
    if (activation == ACTIVATION_GELU) return z * normal_cdf(z);
    if (activation == ACTIVATION_GELU_TANH) return z * sigmoid(gelu_tanh_score(z));
    return __int_as_float(0x7fffffff);
}

// kept: activated(z), or z where of_input().
__device__ __forceinline__ float through(int activation, Parameters p, float kept, float dy) {
    if (activation == ACTIVATION_LINEAR) return dy;
    if (activation == ACTIVATION_SIGMOID) return dy * kept * (1.0f - kept);
    if (activation == ACTIVATION_TANH) return dy * (1.0f - kept * kept);
    if (activation == ACTIVATION_RELU) return kept > 0.0f ? dy : 0.0f;
    const bool inside = kept > 0.0f && kept < 1.0f;
    if (activation == ACTIVATION_HARD_SIGMOID) return inside ? dy * SLOPE_HARD_SIGMOID : 0.0f;
    if (activation == ACTIVATION_HARD_SIGMOID_KERAS3) return inside ? dy * SLOPE_HARD_SIGMOID_KERAS3 : 0.0f;
    if (activation == ACTIVATION_LEAKY_RELU) return kept > 0.0f ? dy : dy * p.p0;
    if (activation == ACTIVATION_CLIPPED_RELU) return kept > 0.0f ? (kept < p.p0 ? dy : 0.0f) : dy * p.p1;
    if (activation == ACTIVATION_ELU) return kept > 0.0f ? dy : dy * (kept + p.p0);
    if (activation == ACTIVATION_SELU) return dy * (kept > 0.0f ? SELU_SCALE : kept + SELU_SCALE * SELU_ALPHA);
    if (activation == ACTIVATION_SOFTPLUS) return -dy * expm1f(-kept);
    if (activation == ACTIVATION_SOFTSIGN) return dy * (1.0f - fabsf(kept)) * (1.0f - fabsf(kept));
    if (activation == ACTIVATION_EXPONENTIAL) return dy * kept;
    const float density = 0.39894228f * expf(-0.5f * kept * kept);
    if (activation == ACTIVATION_GELU) return dy * (normal_cdf(kept) + kept * density);
    const float silu = sigmoid(kept), tanh_score = sigmoid(gelu_tanh_score(kept));
    if (activation == ACTIVATION_SILU) return dy * (silu + kept * silu * (1.0f - silu));
    const float slope = 2.0f * GELU_TANH_SCALE * (1.0f + 3.0f * GELU_TANH_CUBE * kept * kept);
    if (activation == ACTIVATION_GELU_TANH) return dy * (tanh_score + kept * tanh_score * (1.0f - tanh_score) * slope);
    return __int_as_float(0x7fffffff);
}
