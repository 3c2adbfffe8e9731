"""The one door to kernel launches: a program is built for a runtime, and every launch is checked before it is made.

    program = Program(runtime, "conv_lstm/conv_lstm.cu", {"C": 40, "F": 40, "H": 40, "W": 40})
    step = program.kernel("conv_lstm_step", sizes={"x": x_elements, "h": (B, H, W, F)}, optional=("h0",))
    step((blocks,), (256,), x=x, h=h, h0=None, t=3, shared_bytes=70_000)

A runtime is where programs run: a CUDA device through CuPy (runtime.py beside this file), or the simulator that the
tests use (kernels/cuda/simulator). Arrays are the runtime's own. Parameter names, types and order are read off the .cu
text, so a launch names its arguments and cannot get their order or width wrong.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import numpy as np

from kernels.arrays import Array, HostArray
from kernels.cuda.launch.source import FOLDER, Constant, Parameter, Source, load_source

Size = int | tuple[int, ...]
"""How many elements an array argument has, or its shape."""

GRID_LIMITS = (2**31 - 1, 65535, 65535)


class CompileError(RuntimeError):
    """The compiler refused a program; the message is its log, with the source lines it names."""


class OutOfDeviceMemory(MemoryError):
    """An array does not fit on the device."""

    def __init__(self, asked: int, free: int, total: int) -> None:
        super().__init__(
            f"out of device memory: {asked / 2**20:,.1f} MiB asked for, {free / 2**20:,.1f} MiB of "
            f"{total / 2**20:,.1f} MiB free; lower the batch size or the number of frames, or free the device"
        )


@dataclass(frozen=True)
class DeviceLimits:
    """What a launch may ask of a device.

    Attributes:
        sm_count: streaming multiprocessors.
        shared_bytes_per_block: dynamic shared memory that one block may have, opt-in included.
        threads_per_block: largest block.
        architecture: what programs are compiled for: compute capability as digits, e.g. "80"; on Hopper "90a".
    """

    sm_count: int
    shared_bytes_per_block: int
    threads_per_block: int
    architecture: str


class Graph(ABC):
    """Work recorded once, to be launched again and again as one."""

    @abstractmethod
    def replay(self) -> None:
        """Launch everything that was recorded, in order, without waiting for it."""


class Function(ABC):
    """One compiled kernel of one runtime, unchecked."""

    @abstractmethod
    def launch(
        self,
        grid: tuple[int, int, int],
        block: tuple[int, int, int],
        args: Sequence[Any],
        shared_bytes: int,
        cooperative: bool,
    ) -> None:
        """Launch asynchronously; args are arrays (or None) and NumPy scalars of the kernel's own widths."""

    @abstractmethod
    def blocks_per_sm(self, threads: int, shared_bytes: int) -> int:
        """How many blocks of this kernel one multiprocessor holds at a time."""

    def registers(self) -> tuple[int, int] | None:
        """Registers of a thread, and bytes of its local memory, where spills go; None where there are no registers."""
        return None


class Runtime(ABC):
    """A device and its arrays, programs and stream. All work runs in the order in which it was asked for.

    Attributes:
        name: one line for people, e.g. "cuda:0: NVIDIA H200, 132 SMs".
        limits: what the device allows.
    """

    name: str
    limits: DeviceLimits

    @abstractmethod
    def empty(self, shape: tuple[int, ...], dtype: Any) -> Array:
        """An uninitialised C-contiguous array, at least 256-byte aligned. Raises OutOfDeviceMemory."""

    @abstractmethod
    def zeros(self, shape: tuple[int, ...], dtype: Any) -> Array:
        """Allocate an array of zeros."""

    @abstractmethod
    def from_host(self, array: HostArray, dtype: Any) -> Array:
        """A C-contiguous copy of a host array on the device, cast to dtype."""

    @abstractmethod
    def to_host(self, array: Array) -> HostArray:
        """A copy on the host; waits for the device."""

    @abstractmethod
    def read_later(self, array: Array) -> Callable[[], HostArray]:
        """Ask for a copy on the host without waiting; the function returned waits for it and gives it."""

    @abstractmethod
    def copy(self, target: Array, source: Array | HostArray) -> None:
        """target[...] = source, from device or host, same shape; casts. A device-to-device copy can be recorded."""

    @abstractmethod
    def is_array(self, value: object) -> bool:
        """Whether the value is an array of this runtime."""

    @abstractmethod
    def compile(self, source: Source) -> Mapping[str, Function]:
        """Every kernel of a program. Raises CompileError, or its kernels do so when the first of them is used."""

    @abstractmethod
    def capture(self, body: Callable[[], None]) -> Graph:
        """Record what `body` launches, without running it. All of it must have been compiled and allocated before."""

    @abstractmethod
    def memory(self) -> tuple[int, int]:
        """Free and total bytes of the device."""

    @abstractmethod
    def synchronize(self) -> None:
        """Wait until the device has done all that was asked of it."""


class Kernel:
    """One kernel with the sizes of its arrays. Calling it checks the arguments and launches."""

    def __init__(
        self,
        runtime: Runtime,
        name: str,
        function: Function,
        parameters: tuple[Parameter, ...],
        sizes: Mapping[str, Size],
        optional: Sequence[str],
    ) -> None:
        self.name = name
        self.parameters = parameters
        self._runtime = runtime
        self._function = function
        self._optional = frozenset(optional)
        arrays = {parameter.name for parameter in parameters if parameter.is_array}
        if set(sizes) != arrays:
            self._refuse("sizes", f"one entry for each of {sorted(arrays)}", sorted(sizes))
        self._sizes = {key: int(np.prod(size, dtype=np.int64)) for key, size in sizes.items()}
        self._coresident: dict[tuple[int, int], int] = {}

    def __call__(
        self,
        grid: tuple[int, ...],
        block: tuple[int, ...],
        *,
        shared_bytes: int = 0,
        cooperative: bool = False,
        **arguments: Any,
    ) -> None:
        """Launch on the runtime's stream and return at once.

        grid, block: one to three sizes. shared_bytes: dynamic shared memory of a block. cooperative: every block runs
        at the same time, so blocks may wait for one another. arguments: one for each parameter of the kernel, by name;
        an array named in `optional` may be None, which passes a null pointer.

        Raises ValueError, naming the argument, for a missing, unknown or non-contiguous array, a wrong dtype or size, a
        grid or block beyond the device's limits, too much shared memory, and a cooperative grid that cannot all be on
        the device at a time.
        """
        grid3, block3 = self._dimensions("grid", grid), self._dimensions("block", block)
        self._check_dimensions(grid3, block3, shared_bytes, cooperative)
        args = [self._argument(parameter, arguments) for parameter in self.parameters]
        if len(arguments) != len(self.parameters):
            unknown = sorted(set(arguments) - {parameter.name for parameter in self.parameters})
            self._refuse("arguments", f"only {[parameter.name for parameter in self.parameters]}", unknown)
        self._function.launch(grid3, block3, args, shared_bytes, cooperative)

    def blocks_per_sm(self, threads: int, shared_bytes: int = 0) -> int:
        """How many blocks of so many threads one multiprocessor holds at a time."""
        key = (threads, shared_bytes)
        if key not in self._coresident:
            self._coresident[key] = self._function.blocks_per_sm(threads, shared_bytes)
        return self._coresident[key]

    def coresident_blocks(self, threads: int, shared_bytes: int = 0) -> int:
        """The largest cooperative grid with blocks of so many threads."""
        return self.blocks_per_sm(threads, shared_bytes) * self._runtime.limits.sm_count

    def _argument(self, parameter: Parameter, arguments: Mapping[str, Any]) -> Any:
        name = parameter.name
        if name not in arguments:
            self._refuse(name, "a value", "nothing")
        value = arguments[name]
        if not parameter.is_array:
            return self._number(name, np.dtype(parameter.dtype), value)
        if value is None:
            if name not in self._optional:
                self._refuse(name, "an array", None)
            return None
        if not self._runtime.is_array(value):
            self._refuse(name, f"an array of {self._runtime.name}", type(value).__name__)
        if value.dtype != parameter.dtype:
            self._refuse(name, f"dtype {parameter.dtype}", f"dtype {value.dtype}")
        if not value.flags.c_contiguous:
            self._refuse(name, "a C-contiguous array", f"shape {value.shape} with strides {value.strides}")
        if value.size != self._sizes[name]:
            self._refuse(name, f"{self._sizes[name]} elements", f"{value.size}, shape {value.shape}")
        return value

    def _number(self, name: str, dtype: np.dtype[Any], value: Any) -> Any:
        if isinstance(value, bool | np.bool_) or not isinstance(value, int | float | np.number):
            self._refuse(name, f"a number ({dtype})", value)
        if dtype.kind in "iu" and (int(value) != value or not np.iinfo(dtype).min <= int(value) <= np.iinfo(dtype).max):
            self._refuse(name, f"a whole number that fits {dtype}", value)
        return dtype.type(value)

    def _dimensions(self, name: str, sizes: tuple[int, ...]) -> tuple[int, int, int]:
        if not 1 <= len(sizes) <= 3 or any(int(size) != size or size < 1 for size in sizes):
            self._refuse(name, "one to three whole numbers of at least 1", sizes)
        x, y, z = (*map(int, sizes), 1, 1)[:3]
        return x, y, z

    def _check_dimensions(
        self, grid: tuple[int, int, int], block: tuple[int, int, int], shared_bytes: int, cooperative: bool
    ) -> None:
        limits = self._runtime.limits
        threads, blocks = block[0] * block[1] * block[2], grid[0] * grid[1] * grid[2]
        if any(size > limit for size, limit in zip(grid, GRID_LIMITS, strict=True)):
            self._refuse("grid", f"at most {GRID_LIMITS}", grid)
        if threads > limits.threads_per_block or block[2] > 64:
            self._refuse("block", f"at most {limits.threads_per_block} threads, 64 of them in z", block)
        if not 0 <= shared_bytes <= limits.shared_bytes_per_block:
            self._refuse("shared_bytes", f"0 to {limits.shared_bytes_per_block} on this device", shared_bytes)
        if cooperative and blocks > self.coresident_blocks(threads, shared_bytes):
            fits = self.coresident_blocks(threads, shared_bytes)
            self._refuse("grid", f"at most {fits} blocks on the device at a time, for a cooperative launch", blocks)

    def _refuse(self, argument: str, expected: str, got: object) -> NoReturn:
        raise ValueError(f"{self.name}: {argument}: expected {expected}, got {got}")


class Program:
    """A .cu file specialised by constants, compiled for a runtime (from the cache when it has been before)."""

    def __init__(self, runtime: Runtime, filename: str, defines: Mapping[str, Constant], folder: Path = FOLDER) -> None:
        """Raises CompileError with the compiler's log, and ValueError for a source that breaks the rules.

        A runtime may compile in the background; then it is the first use of a kernel that raises CompileError.
        """
        self._runtime = runtime
        self.source = load_source(filename, defines, folder)
        self._functions = runtime.compile(self.source)

    def kernel(self, name: str, sizes: Mapping[str, Size], optional: Sequence[str] = ()) -> Kernel:
        """The kernel of that name. sizes: elements or shape of each array; optional: arrays that may be None."""
        if name not in self.source.kernels:
            raise ValueError(
                f"name: expected a kernel of {self.source.name} {sorted(self.source.kernels)}, got {name!r}"
            )
        return Kernel(self._runtime, name, self._functions[name], self.source.kernels[name], sizes, optional)
