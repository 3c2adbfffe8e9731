"""The CUDA back end: hand-written kernels, launched through CuPy, simulated in kernels/cuda/simulator."""

from kernels.cuda.backend import CudaBackend

__all__ = ["CudaBackend"]
