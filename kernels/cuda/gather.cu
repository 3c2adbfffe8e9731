// One shuffled, time-major batch out of a data set that lives on the device.
//
//     batch[t][b] = movies[rows[b]][t]
//
//     movies (N,T,frame), batch (T,B,frame), rows (B), frame = H*W*C floats

#include "elementwise.cuh"

constexpr int THREADS = 256;

// n = T*B*frame; quads: fours of floats in the batch, 0 unless frames are 16-byte aligned.
extern "C" __global__ void __launch_bounds__(THREADS)
    gather_batch(const float* movies, const long long* rows, float* batch, int frames, int per_frame, long long frame,
                 long long n, long long quads) {
    for_each(n, quads, [&](long long at, auto width) {
        constexpr int WIDTH = decltype(width)::WIDTH;
        long long image = at / frame, t = image / per_frame, b = image - t * per_frame;
        store<WIDTH>(batch + at, load<WIDTH>(movies + (rows[b] * frames + t) * frame + (at - image * frame)));
    });
}
