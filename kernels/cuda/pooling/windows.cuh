// Windows over frames, rows and columns: what an element sees, along each axis a first position and how many.
//
// Constants: ROWS threads share an element's window where it is large; of a block's threads LANES have elements.
#pragma once

#include "common/ptx.cuh"

constexpr int THREADS = 256, LANES = THREADS / ROWS;

struct Span {
    int first, count;
};

__device__ __forceinline__ Span span(const int* spans, int place) { return Span{spans[2 * place], spans[2 * place + 1]}; }

// Element `at` of an array (frames, batch, height, width, channels).
struct Place {
    int t, b, v, u, c;
};

__device__ __forceinline__ Place place(long long at, int batch, int height, int width, int channels) {
    long long pixel = at / channels, row = pixel / width, image = row / height;
    return Place{int(image / batch), int(image % batch), int(row % height), int(pixel % width), int(at % channels)};
}

// Where element (t, b, v, u, c) stands in such an array.
__device__ __forceinline__ long long element(int t, int b, int v, int u, int c, int batch, int height, int width,
                                             int channels) {
    return ((((long long)t * batch + b) * height + v) * width + u) * channels + c;
}
