// A block of one array copied into a block of another, either way: kernels/operations/layout.py.
//
//     (1)  y[y_start : y_start + size] = x[x_start : x_start + size], and zero outside, or nothing

constexpr int AXES = 5, NUMBERS = 5;

// (1): one thread an element of y that is written, n of them. axes (AXES, NUMBERS): how many indices are written, the
// first of them in the block, how many there are in the block, and by how much an index moves in x and in y;
// x_first, y_first: the elements where all indices are zero, that of x before its beginning if need be.
extern "C" __global__ void block(const float* x, float* y, const long long* axes, long long x_first, long long y_first,
                                 long long n) {
    const long long at = (long long)blockIdx.x * blockDim.x + threadIdx.x;
    if (at >= n) return;
    long long rest = at, source = x_first, target = y_first;
    bool inside = true;
    for (int k = AXES - 1; k >= 0; --k) {
        const long long* axis = axes + k * NUMBERS;
        const long long index = rest % axis[0];
        rest /= axis[0];
        inside = inside && index >= axis[1] && index < axis[1] + axis[2];
        source += index * axis[3];
        target += index * axis[4];
    }
    y[target] = inside ? x[source] : 0.0f;
}
