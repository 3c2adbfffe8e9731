// Faults of kernels whose blocks run a sequence together, as in kernels/cuda/conv_lstm/persistent.cuh, each beside its corrected
// twin (FAULT 0). The comment `!` marks the line that the report must name.
//
//     y_t[i] = y_(t-1)[i - 1] + y_(t-1)[i + 1]      t = 1, 2, 3; y_0 = x; 128 elements, of a ring
//
// Launched as 4 blocks of 32 threads, which own 32 elements each and wait for both neighbours before each step. y has
// 4 * 128 elements; flags count the steps of each block and stand at 7 before the launch, as after an earlier one.
#include "common/ptx.cuh"

#define INDEX (blockIdx.x * 32 + threadIdx.x)
#define LEFT ((blockIdx.x + 3) % 4)
#define RIGHT ((blockIdx.x + 1) % 4)

#define WAIT_FOR(flag, count) \
    while (int(ld_acquire(flag) - (count)) < 0) spin_pause()

extern "C" __global__ void raised_before_data(const float* x, float* y, uint32_t* flags) {
    uint32_t epoch = ld_acquire(&flags[blockIdx.x]);
    __syncthreads();
    y[INDEX] = x[INDEX];
    for (int t = 1; t < 4; ++t, y += 128) {
        if (!FAULT) __syncthreads();
        if (threadIdx.x == 0) st_release(&flags[blockIdx.x], epoch + t);
        if (FAULT) __syncthreads();
        if (threadIdx.x < 2) WAIT_FOR(&flags[threadIdx.x ? LEFT : RIGHT], epoch + t);
        __syncthreads();
        y[128 + INDEX] = y[(INDEX + 127) % 128] + y[(INDEX + 1) % 128];  // !
    }
}

extern "C" __global__ void read_without_acquire(const float* x, float* y, uint32_t* flags) {
    uint32_t epoch = ld_acquire(&flags[blockIdx.x]);
    y[INDEX] = x[INDEX];
    for (int t = 1; t < 4; ++t, y += 128) {
        __syncthreads();
        if (threadIdx.x == 0) st_release(&flags[blockIdx.x], epoch + t);
        if (threadIdx.x < 2) {
            uint32_t* flag = &flags[threadIdx.x ? LEFT : RIGHT];
            while (int((FAULT ? *(volatile uint32_t*)flag : ld_acquire(flag)) - epoch - t) < 0) spin_pause();
        }
        __syncthreads();
        y[128 + INDEX] = y[(INDEX + 127) % 128] + y[(INDEX + 1) % 128];  // !
    }
}

extern "C" __global__ void acquired_by_one_thread_only(const float* x, float* y, uint32_t* flags) {
    uint32_t epoch = ld_acquire(&flags[blockIdx.x]);
    y[INDEX] = x[INDEX];
    for (int t = 1; t < 4; ++t, y += 128) {
        __syncthreads();
        if (threadIdx.x == 0) st_release(&flags[blockIdx.x], epoch + t);
        if (threadIdx.x < 2) WAIT_FOR(&flags[threadIdx.x ? LEFT : RIGHT], epoch + t);
        if (!FAULT) __syncthreads();
        y[128 + INDEX] = y[(INDEX + 127) % 128] + y[(INDEX + 1) % 128];  // !
    }
}

extern "C" __global__ void waits_for_the_wrong_neighbour(const float* x, float* y, uint32_t* flags) {
    uint32_t epoch = ld_acquire(&flags[blockIdx.x]);
    y[INDEX] = x[INDEX];
    for (int t = 1; t < 4; ++t, y += 128) {
        __syncthreads();
        if (threadIdx.x == 0) st_release(&flags[blockIdx.x], epoch + t);
        if (threadIdx.x < 2) WAIT_FOR(&flags[threadIdx.x || FAULT ? LEFT : RIGHT], epoch + t);
        __syncthreads();
        y[128 + INDEX] = y[(INDEX + 127) % 128] + y[(INDEX + 1) % 128];  // !
    }
}

extern "C" __global__ void waits_for_the_step_before(const float* x, float* y, uint32_t* flags) {
    uint32_t epoch = ld_acquire(&flags[blockIdx.x]);
    y[INDEX] = x[INDEX];
    for (int t = 1; t < 4; ++t, y += 128) {
        __syncthreads();
        if (threadIdx.x == 0) st_release(&flags[blockIdx.x], epoch + t);
        if (threadIdx.x < 2) WAIT_FOR(&flags[threadIdx.x ? LEFT : RIGHT], epoch + t - FAULT);
        __syncthreads();
        y[128 + INDEX] = y[(INDEX + 127) % 128] + y[(INDEX + 1) % 128];  // !
    }
}

// Counts from 0, though an earlier launch has raised the flags.
extern "C" __global__ void flags_of_an_earlier_launch(const float* x, float* y, uint32_t* flags) {
    uint32_t epoch = FAULT ? 0 : ld_acquire(&flags[blockIdx.x]);
    y[INDEX] = x[INDEX];
    for (int t = 1; t < 4; ++t, y += 128) {
        __syncthreads();
        if (threadIdx.x == 0) st_release(&flags[blockIdx.x], epoch + t);
        if (threadIdx.x < 2) WAIT_FOR(&flags[threadIdx.x ? LEFT : RIGHT], epoch + t);
        __syncthreads();
        y[128 + INDEX] = y[(INDEX + 127) % 128] + y[(INDEX + 1) % 128];  // !
    }
}

// One frame for all steps: a block may write it while its neighbours still read.
extern "C" __global__ void overwrites_what_neighbours_read(const float* x, float* y, uint32_t* flags) {
    uint32_t epoch = ld_acquire(&flags[blockIdx.x]);
    y[INDEX] = x[INDEX];
    for (int t = 1; t < 4; ++t, y += FAULT ? 0 : 128) {
        __syncthreads();
        if (threadIdx.x == 0) st_release(&flags[blockIdx.x], epoch + t);
        if (threadIdx.x < 2) WAIT_FOR(&flags[threadIdx.x ? LEFT : RIGHT], epoch + t);
        __syncthreads();
        float sum = y[(INDEX + 127) % 128] + y[(INDEX + 1) % 128];  // !
        __syncthreads();
        y[(FAULT ? 0 : 128) + INDEX] = sum;  // !
    }
}

// With FAULT launched as an ordinary grid, whose blocks may run one after another.
extern "C" __global__ void blocks_are_not_coresident(const float* x, float* y, uint32_t* flags) {
    uint32_t epoch = ld_acquire(&flags[blockIdx.x]);
    y[INDEX] = x[INDEX];
    for (int t = 1; t < 4; ++t, y += 128) {
        __syncthreads();
        if (threadIdx.x == 0) st_release(&flags[blockIdx.x], epoch + t);
        if (threadIdx.x < 2)
            while (int(ld_acquire(&flags[threadIdx.x ? LEFT : RIGHT]) - epoch - t) < 0) spin_pause();  // !
        __syncthreads();
        y[128 + INDEX] = y[(INDEX + 127) % 128] + y[(INDEX + 1) % 128];
    }
}
