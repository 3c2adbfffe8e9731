// One shuffled, time-major batch out of a data set that lives on the device.
//
//     batch[t][b] = movies[rows[b]][t]
//
//     movies (N,T,frame), batch (T,B,frame), rows (B), frame = H*W*C floats

#include "common/elementwise.cuh"

constexpr int THREADS = 256;

// images = T*B, over blockIdx.y; quads: fours of floats in a frame, 0 unless every frame is 16-byte aligned.
extern "C" __global__ void __launch_bounds__(THREADS)
    gather_batch(const float* movies, const long long* rows, float* batch, int frames, int per_frame, int images,
                 long long frame, long long quads) {
    for (int image = blockIdx.y; image < images; image += gridDim.y) {
        int t = image / per_frame;
        const float* source = movies + (rows[image - t * per_frame] * frames + t) * frame;
        float* target = batch + image * frame;
        for_each(frame, quads, [&](long long at, auto width) {
            constexpr int WIDTH = decltype(width)::WIDTH;
            store<WIDTH>(target + at, load<WIDTH>(source + at));
        });
    }
}
