"""DryRuntime: a device that plans and never runs, to learn what a network would compile and allocate."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from kernels.arrays import Array, HostArray
from kernels.cuda.launch.launch import DeviceLimits, Function, Graph, Runtime
from kernels.cuda.launch.source import Source

H200 = DeviceLimits(sm_count=132, shared_bytes_per_block=232_448, threads_per_block=1024, architecture="90a")


class DryFunction(Function):
    """A kernel that was not compiled; launching it notes the shared memory it asks for and does nothing."""

    def __init__(self) -> None:
        self.shared_bytes = 0

    def launch(
        self,
        grid: tuple[int, int, int],
        block: tuple[int, int, int],
        args: Sequence[Any],
        shared_bytes: int,
        cooperative: bool,
    ) -> None:
        self.shared_bytes = max(self.shared_bytes, shared_bytes)

    def blocks_per_sm(self, threads: int, shared_bytes: int) -> int:
        return 1


class DryGraph(Graph):
    """Nothing, recorded."""

    def replay(self) -> None:
        pass


class DryRuntime(Runtime):
    """Notes every program in `programs` with its kernels; arrays hold nothing. limits: of the device, an H200's."""

    def __init__(self, limits: DeviceLimits = H200) -> None:
        self.name = "dry run"
        self.limits = limits
        self.programs: dict[str, tuple[Source, dict[str, DryFunction]]] = {}

    def empty(self, shape: tuple[int, ...], dtype: Any) -> Array:
        return np.empty(shape, dtype)

    def zeros(self, shape: tuple[int, ...], dtype: Any) -> Array:
        return np.zeros(shape, dtype)

    def from_host(self, array: HostArray, dtype: Any) -> Array:
        return self.empty(array.shape, dtype)

    def to_host(self, array: Array) -> HostArray:
        return np.array(array)

    def read_later(self, array: Array) -> Callable[[], HostArray]:
        return lambda: np.array(array)

    def copy(self, target: Array, source: Array | HostArray) -> None:
        pass

    def is_array(self, value: object) -> bool:
        return isinstance(value, np.ndarray)

    def compile(self, source: Source) -> Mapping[str, Function]:
        if source.text not in self.programs:
            self.programs[source.text] = (source, {name: DryFunction() for name in source.kernels})
        return self.programs[source.text][1]

    def capture(self, body: Callable[[], None]) -> Graph:
        body()
        return DryGraph()

    def memory(self) -> tuple[int, int]:
        return 1 << 40, 1 << 40

    def synchronize(self) -> None:
        pass
