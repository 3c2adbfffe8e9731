// mma.sync and ldmatrix, from the fragment layouts drawn in kernels/cuda/common/ptx.cuh.
#include <cstring>

#include "sim.h"

template <int K, class Gather>
static void multiply(void** operands, Gather gather) {
    float a[16][K], b[K][8], d[16][8];
    for (int lane = 0; lane < 32; ++lane) {
        const SimMma* mma = static_cast<const SimMma*>(operands[lane]);
        const int g = lane / 4, t = lane % 4;
        gather(a, b, mma, g, t);
        for (int i = 0; i < 4; ++i) d[g + i / 2 * 8][2 * t + i % 2] = mma->c[i];
    }
    for (int k = 0; k < K; ++k)
        for (int row = 0; row < 16; ++row)
            for (int column = 0; column < 8; ++column) d[row][column] += a[row][k] * b[k][column];
    for (int lane = 0; lane < 32; ++lane) {
        float* result = static_cast<const SimMma*>(operands[lane])->d;
        const int g = lane / 4, t = lane % 4;
        for (int i = 0; i < 4; ++i) result[i] = d[g + i / 2 * 8][2 * t + i % 2];
    }
}

static void load_matrices(void** operands, Site site, const Thread* lanes) {
    const SimLdmatrix* const first = static_cast<const SimLdmatrix*>(operands[0]);
    uint32_t rows[32][4];
    for (int lane = 0; lane < 8 * first->matrices; ++lane) {
        const void* row = static_cast<const SimLdmatrix*>(operands[lane])->row;
        SimCoordinates* const running = sim_here;
        sim_here = const_cast<Thread*>(&lanes[lane]);  // the access is the lane's that gave the address
        memory_access(row, 16, Access::read, site, nullptr);
        sim_here = running;
        memcpy(rows[lane], row, 16);
    }
    for (int lane = 0; lane < 32; ++lane) {
        uint32_t* d = static_cast<const SimLdmatrix*>(operands[lane])->d;
        const int g = lane / 4, t = lane % 4;
        for (int m = 0; m < first->matrices; ++m) {
            if (!first->transposed) {
                d[m] = rows[8 * m + g][t];
            } else {
                const uint32_t low = rows[8 * m + 2 * t][g / 2] >> g % 2 * 16 & 0xffffu;
                const uint32_t high = rows[8 * m + 2 * t + 1][g / 2] >> g % 2 * 16 & 0xffffu;
                d[m] = low | high << 16;
            }
        }
    }
}

void run_tensor(SimOp op, void** operands, Site site, const Thread* lanes) {
    switch (op) {
        case SIM_MMA_TF32:
            multiply<8>(operands, [](float a[][8], float b[][8], const SimMma* mma, int g, int t) {
                for (int i = 0; i < 4; ++i) a[g + i % 2 * 8][t + i / 2 * 4] = tf32(mma->a[i]);
                for (int i = 0; i < 2; ++i) b[t + 4 * i][g] = tf32(mma->b[i]);
            });
            break;
        case SIM_MMA_BF16_K16:
            multiply<16>(operands, [](float a[][16], float b[][8], const SimMma* mma, int g, int t) {
                for (int i = 0; i < 4; ++i) {
                    a[g + i % 2 * 8][2 * t + i / 2 * 8] = bf16_low(mma->a[i]);
                    a[g + i % 2 * 8][2 * t + 1 + i / 2 * 8] = bf16_high(mma->a[i]);
                }
                for (int i = 0; i < 2; ++i) {
                    b[2 * t + 8 * i][g] = bf16_low(mma->b[i]);
                    b[2 * t + 1 + 8 * i][g] = bf16_high(mma->b[i]);
                }
            });
            break;
        case SIM_MMA_BF16_K8:
            multiply<8>(operands, [](float a[][8], float b[][8], const SimMma* mma, int g, int t) {
                for (int i = 0; i < 2; ++i) {
                    a[g + 8 * i][2 * t] = bf16_low(mma->a[i]);
                    a[g + 8 * i][2 * t + 1] = bf16_high(mma->a[i]);
                }
                b[2 * t][g] = bf16_low(mma->b[0]);
                b[2 * t + 1][g] = bf16_high(mma->b[0]);
            });
            break;
        default: load_matrices(operands, site, lanes);
    }
}
