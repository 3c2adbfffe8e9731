"""The CPU back end: SIMD kernels in pure Python, compiled by Numba for the machine they run on."""

from kernels.cpu.backend import CpuBackend

__all__ = ["CpuBackend"]
