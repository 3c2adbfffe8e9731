"""The CUDA kernels without a GPU: the unchanged .cu files compiled for the host, threads as fibers."""

from kernels.cuda.backend import CudaBackend
from kernels.cuda.conv_lstm.persistent import Recurrence
from kernels.cuda.simulator.runtime import SimRuntime


def sim_backend(
    precision: str = "float32", checked: bool = True, seed: int = 0, recurrence: Recurrence = "auto"
) -> CudaBackend:
    """The CUDA back end on the simulator.

    checked: report faults that leave the result right (races, reads past the end); without it about ten times faster.
    seed: order of blocks and warps. recurrence: see CudaBackend.
    """
    return CudaBackend(precision=precision, runtime=SimRuntime(checked=checked, seed=seed), recurrence=recurrence)
