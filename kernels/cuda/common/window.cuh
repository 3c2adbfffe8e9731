// The window: which element of x a convolution reads for output pixel m through kernel position k.
//
//     k = ((dt * KH + dy) * KW + dx) * CHANNELS + channel
//     source(m, k) = x[image + (dt - BEFORE) * per_frame][y + dy - KH/2][x + dx - KW/2][channel]     0 outside
//
// Frames are time-major, x (T,B,H,W,CHANNELS), so an image is t * B + b and one step in time is per_frame = B images.
// A 2-D convolution is KT = 1, BEFORE = 0.
#pragma once

#include "common/operand.cuh"

struct Frames {
    int images;     // T * B
    int per_frame;  // B
    int height, width;
    __device__ __forceinline__ int pixels() const { return images * height * width; }
};

struct alignas(16) Pixel {
    int linear, image, y, x;  // linear = (image * height + y) * width + x
};

// An image no step in time can bring back inside: what stands past the last pixel.
constexpr int NO_IMAGE = -(1 << 30);

__device__ __forceinline__ Pixel pixel_at(int linear, Frames frames) {
    int row = linear / frames.width;
    int image = row / frames.height;
    return Pixel{linear, linear < frames.pixels() ? image : NO_IMAGE, row - image * frames.height,
                 linear - row * frames.width};
}

template <int CHANNELS_, int KT_, int KH_, int KW_, int BEFORE_>
struct Window {
    static constexpr int CHANNELS = CHANNELS_, KT = KT_, KH = KH_, KW = KW_, BEFORE = BEFORE_;
    static constexpr int TAPS = KT * KH * KW;
    static constexpr int K = TAPS * CHANNELS;
    // Elements that one copy moves: 16 bytes of them where none can straddle two taps and every pixel is aligned so.
    static constexpr int VECTOR = copied_together(CHANNELS);

    // The index in x behind k = (tap, channel) of pixel p, or -1 where it is a zero of the padding (or k is past K).
    static __device__ __forceinline__ long long source(Frames frames, Pixel p, int tap, int channel) {
        int dx = tap % KW - KW / 2;
        int dy = tap / KW % KH - KH / 2;
        int images = (tap / (KW * KH) - BEFORE) * frames.per_frame;
        bool inside = tap < TAPS && unsigned(p.x + dx) < unsigned(frames.width) &&
                      unsigned(p.y + dy) < unsigned(frames.height) &&
                      unsigned(p.image + images) < unsigned(frames.images);
        int linear = p.linear + (images * frames.height + dy) * frames.width + dx;
        return inside ? (long long)linear * CHANNELS + channel : -1;
    }
};
