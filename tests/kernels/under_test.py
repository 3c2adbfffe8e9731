"""The back ends under test, the oracle they are held against, and how close they must come: one table for all tests."""

from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from kernels import Backend
from kernels.cpu import CpuBackend
from kernels.cuda.simulator import sim_backend
from kernels.reference import ReferenceBackend
from kernels.select import open_backend

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Closeness:
    """Largest ||actual - expected|| / ||expected|| that is allowed."""

    tolerance: float


# float64 leaves room for sums in another order only; float32 for its rounding over a few thousand terms; tf32 has
# 10 bits of mantissa in every product (design: 2e-3 in the gradients of a whole network), bfloat16 7 bits (2e-2).
CLOSENESS = {
    "reference-float32": Closeness(1e-4),
    "reference-float64": Closeness(1e-12),
    "cpu-float32": Closeness(1e-4),
    "cpu-float64": Closeness(1e-10),
    "cuda-float32": Closeness(1e-4),
    "cuda-tf32": Closeness(2e-3),
    "cuda-bfloat16": Closeness(2e-2),
    "gpu-float32": Closeness(1e-4),
    "gpu-tf32": Closeness(2e-3),
    "gpu-bfloat16": Closeness(2e-2),
}
FLOAT64 = ("reference-float64", "cpu-float64")


@cache
def open_under_test(name: str) -> Backend:
    """A back end by its name in CLOSENESS; "cuda" runs in the simulator, "gpu" on the first CUDA device."""
    kind, precision = name.split("-")
    if kind == "reference":
        return ReferenceBackend(precision)
    if kind == "cpu":
        return CpuBackend(precision)
    if kind == "gpu":
        return open_backend("cuda", precision=precision)
    return sim_backend(precision=precision)


def random_array(seed: int, shape: tuple[int, ...], scale: float = 1.0) -> Array:
    """Normal numbers; the same for every back end."""
    return np.random.default_rng(seed).standard_normal(shape) * scale


class Checker:
    """A back end with the comparisons that its tests need; arrays go in and come out as host float64."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.backend = open_under_test(name)
        self.tolerance = CLOSENESS[name].tolerance

    def device(self, array: Array | None) -> Any:
        """The array on the back end; None stays None."""
        return None if array is None else self.backend.from_host(array)

    def garbage(self, shape: tuple[int, ...]) -> Any:
        """An output array full of NaN: what an operation forgets to write is seen."""
        return self.backend.from_host(np.full(shape, np.nan))

    def close(self, actual: Any, expected: Array, what: str) -> None:
        """Assert closeness in norm, and that neither is zero or NaN."""
        host = self.backend.to_host(actual).astype(np.float64)
        assert host.shape == expected.shape, f"{what}: shape {host.shape}, expected {expected.shape}"
        size = np.linalg.norm(expected)
        assert size > 0, f"{what}: the expected array is all zero, which proves nothing"
        error = np.linalg.norm(host - expected) / size
        assert error <= self.tolerance, f"{what}: relative error {error:.2e} > {self.tolerance:.0e} on {self.name}"
