"""The CUDA back end: hand-written kernels, launched through CuPy, simulated in tests/cuda_sim."""

from kernels.cuda.backend import CudaBackend

__all__ = ["CudaBackend"]
