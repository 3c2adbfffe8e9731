"""SimRuntime: the CUDA kernels on the host, with NumPy arrays and the interface of CupyRuntime."""

import ctypes
import os
import signal
import threading
import weakref
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from kernels.arrays import Array, HostArray
from kernels.cuda.launch.launch import DeviceLimits, Function, Graph, OutOfDeviceMemory, Runtime
from kernels.cuda.launch.source import Parameter, Source
from kernels.cuda.simulator.shared_library import (
    LaunchStruct,
    RegionStruct,
    kernel_library,
    resolve_addresses,
    runtime_library,
)

ALIGNMENT = 256
_lock = threading.Lock()  # the simulator has one set of threads


def _leave_the_timer_alone() -> None:
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGVTALRM})  # it ends launches, which are another thread's


_compilers = ThreadPoolExecutor(os.cpu_count(), initializer=_leave_the_timer_alone)
_programs: "dict[tuple[str, bool], SimProgram]" = {}


class SimulationError(AssertionError):
    """A kernel broke a rule of CUDA; the message names the kernel, the block, the thread and the source line."""


class SimRuntime(Runtime):
    """A device that is simulated.

    checked: every load and store is checked (bounds, races, uninitialised shared memory), about ten times slower.
    seed: order of the blocks and warps. memory_bytes: size of the pretended device memory. sm_count, blocks_per_sm:
    what co-residency is judged by. seconds: of processor time, after which a launch is taken to hang. architecture:
    what kernels are chosen for, "90a" with those that only Hopper has.
    """

    def __init__(
        self,
        checked: bool = True,
        seed: int = 0,
        sm_count: int = 4,
        blocks_per_sm: int = 1,
        memory_bytes: int = 1 << 32,
        shared_bytes_per_block: int = 232_448,
        seconds: float = 120.0,
        architecture: str = "90",
    ) -> None:
        self.checked = checked
        self.seed = seed
        self.seconds = seconds
        self.blocks_per_sm = blocks_per_sm
        self.name = f"simulator{' with every access checked' if checked else ''}"
        self.limits = DeviceLimits(sm_count, shared_bytes_per_block, 1024, architecture)
        self.recording: list[Callable[[], None]] | None = None
        self._memory_bytes = memory_bytes
        self._used = 0

    def empty(self, shape: tuple[int, ...], dtype: Any) -> Array:
        array = self._allocate(shape, np.dtype(dtype))
        array.reshape(-1).view(np.uint8)[:] = 0xFF  # NaN
        return array

    def zeros(self, shape: tuple[int, ...], dtype: Any) -> Array:
        array = self._allocate(shape, np.dtype(dtype))
        array[...] = 0
        return array

    def from_host(self, array: HostArray, dtype: Any) -> Array:
        self._refuse_while_recording("a copy from the host")
        copy = self._allocate(array.shape, np.dtype(dtype))
        copy[...] = array
        return copy

    def to_host(self, array: Array) -> HostArray:
        self._refuse_while_recording("a copy to the host")
        return np.array(array, order="C")

    def read_later(self, array: Array) -> Callable[[], HostArray]:
        copy = self.to_host(array)
        return lambda: copy

    def copy(self, target: Array, source: Array | HostArray) -> None:
        def assign() -> None:
            target[...] = source

        self.do(assign)

    def is_array(self, value: object) -> bool:
        return isinstance(value, np.ndarray)

    def compile(self, source: Source) -> Mapping[str, Function]:
        """In the background; the first launch of a kernel waits for its program, and raises CompileError."""
        key = source.text, self.checked
        if key not in _programs:
            _programs[key] = SimProgram(source, self.checked)
        program = _programs[key]
        return {name: SimFunction(self, name, parameters, program) for name, parameters in source.kernels.items()}

    def capture(self, body: Callable[[], None]) -> Graph:
        self._refuse_while_recording("a capture")
        self.recording = []
        try:
            body()
            return SimGraph(self.recording)
        finally:
            self.recording = None

    def memory(self) -> tuple[int, int]:
        return self._memory_bytes - self._used, self._memory_bytes

    def synchronize(self) -> None:
        self._refuse_while_recording("a synchronisation")

    def do(self, work: Callable[[], None]) -> None:
        """Do the work now, or note it for the graph that is being recorded."""
        if self.recording is None:
            work()
        else:
            self.recording.append(work)

    def _allocate(self, shape: tuple[int, ...], dtype: np.dtype[Any]) -> Array:
        self._refuse_while_recording("an allocation")
        n_bytes = int(np.prod(shape, dtype=np.int64)) * dtype.itemsize
        if self._used + n_bytes > self._memory_bytes:
            raise OutOfDeviceMemory(n_bytes, self._memory_bytes - self._used, self._memory_bytes)
        raw = np.empty(n_bytes + ALIGNMENT, np.uint8)
        self._used += n_bytes
        weakref.finalize(raw, self._release, n_bytes)
        start = -raw.ctypes.data % ALIGNMENT
        return raw[start : start + n_bytes].view(dtype).reshape(shape)

    def _release(self, n_bytes: int) -> None:
        self._used -= n_bytes

    def _refuse_while_recording(self, what: str) -> None:
        if self.recording is not None:
            raise RuntimeError(f"{what} cannot be captured in a graph")


class SimGraph(Graph):
    """Launches noted down, made again at each replay."""

    def __init__(self, work: list[Callable[[], None]]) -> None:
        self.work = work

    def replay(self) -> None:
        for work in self.work:
            work()


class SimProgram:
    """A program that may still be compiling."""

    def __init__(self, source: Source, checked: bool) -> None:
        runtime_library()  # once, before any thread could do so for itself
        self._built = _compilers.submit(kernel_library, source, checked)

    def entry(self, name: str) -> ctypes.c_void_p:
        """Where the kernel begins. Raises CompileError."""
        library, _ = self._built.result()
        return ctypes.cast(getattr(library, f"sim_entry_{name}"), ctypes.c_void_p)

    def resolve(self, message: str) -> str:
        """The message with code addresses as file and line."""
        _, path = self._built.result()
        return resolve_addresses(message, path)


class SimFunction(Function):
    """One kernel compiled for the host."""

    def __init__(self, runtime: SimRuntime, name: str, parameters: tuple[Parameter, ...], program: SimProgram) -> None:
        self.runtime = runtime
        self.name = name
        self.parameters = parameters
        self.program = program

    def blocks_per_sm(self, threads: int, shared_bytes: int) -> int:
        return self.runtime.blocks_per_sm

    def launch(
        self,
        grid: tuple[int, int, int],
        block: tuple[int, int, int],
        args: Sequence[Any],
        shared_bytes: int,
        cooperative: bool,
    ) -> None:
        self.runtime.do(lambda: self._run(grid, block, args, shared_bytes, cooperative))

    def _run(
        self,
        grid: tuple[int, int, int],
        block: tuple[int, int, int],
        args: Sequence[Any],
        shared_bytes: int,
        cooperative: bool,
    ) -> None:
        n = len(args)
        values = [_value(arg) for arg in args]
        pointers = (ctypes.c_void_p * n)(*(value.ctypes.data for value in values))
        spans, placed = _regions(self.parameters, args)
        message = ctypes.create_string_buffer(2048)
        launch = LaunchStruct(
            kernel=self.name.encode(),
            entry=self.program.entry(self.name),
            args=pointers,
            arg_region=(ctypes.c_int32 * n)(*(region for region, _ in placed)),
            arg_offset=(ctypes.c_uint64 * n)(*(offset for _, offset in placed)),
            n_args=n,
            n_regions=len(spans),
            regions=(RegionStruct * len(spans))(*spans),
            grid=grid,
            block=block,
            shared_bytes=shared_bytes,
            seed=self.runtime.seed,
            cooperative=int(cooperative),
            checked=int(self.runtime.checked),
            message=ctypes.cast(message, ctypes.c_char_p),
            message_size=len(message),
            seconds=self.runtime.seconds,
        )
        with _lock:
            status = runtime_library().sim_launch(ctypes.byref(launch))
        if status != 0:
            raise SimulationError(self.program.resolve(message.value.decode()))


def _value(arg: Any) -> HostArray:
    """The bytes of one parameter: a scalar's own, or an array's address."""
    if arg is None:
        return np.zeros(1, np.uint64)
    if isinstance(arg, np.ndarray):
        return np.array([arg.ctypes.data], np.uint64)
    return np.array([arg])


def _regions(parameters: Sequence[Parameter], args: Sequence[Any]) -> tuple[list[RegionStruct], list[tuple[int, int]]]:
    """The memory that the arrays cover, overlapping ones as one region; and of each argument (region, byte offset)."""
    arrays = sorted(
        (arg.ctypes.data, arg.nbytes, i) for i, arg in enumerate(args) if isinstance(arg, np.ndarray) and arg.nbytes
    )
    spans: list[RegionStruct] = []
    placed = [(-1, 0)] * len(args)
    for start, n_bytes, i in arrays:
        parameter = parameters[i]
        granule = min(args[i].dtype.itemsize, 4)
        if spans and start < spans[-1].host + spans[-1].bytes:
            last = spans[-1]
            last.bytes = max(last.bytes, start + n_bytes - last.host)
            last.name = last.name + b"/" + parameter.name.encode()
            last.granule = min(last.granule, granule)
            last.writable |= int(not parameter.is_const)
        else:
            spans.append(RegionStruct(parameter.name.encode(), start, n_bytes, granule, int(not parameter.is_const)))
        placed[i] = (len(spans) - 1, start - spans[-1].host)
    return spans, placed
