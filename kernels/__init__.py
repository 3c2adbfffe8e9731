"""The operations of the network, three times: readable NumPy, Numba for a CPU, CUDA for a GPU."""

from kernels.backend import Backend
from kernels.specs import BatchNormSpec, Conv3DSpec, ConvLSTMSpec

__all__ = ["Backend", "BatchNormSpec", "Conv3DSpec", "ConvLSTMSpec"]
