"""The CUDA kernels without a GPU: the unchanged .cu files compiled for the host and run thread by thread."""

from kernels.cuda.backend import CudaBackend
from tests.cuda_sim.runtime import SimRuntime


def sim_backend(precision: str = "float32", checked: bool = True, seed: int = 0) -> CudaBackend:
    """The CUDA back end on the simulator. checked: report every race, bound and missing wait; seed: order of blocks."""
    return CudaBackend(precision=precision, runtime=SimRuntime(checked=checked, seed=seed))
