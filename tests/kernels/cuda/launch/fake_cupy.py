"""A stand-in for what CupyRuntime uses of CuPy, with arrays on the host, so that its own logic runs without a GPU."""

import types
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

SM_COUNT = 2
POOL_BYTES = 1 << 20


class OutOfMemoryError(MemoryError):
    pass


class ndarray(np.ndarray):
    """CuPy's name."""

    def get(self, out: Any = None, blocking: bool = True) -> Any:
        if out is None:
            return np.array(self).view(np.ndarray)
        out[...] = self
        return out

    def set(self, array: Any, stream: Any = None) -> None:
        assert type(array) is np.ndarray
        assert array.dtype == self.dtype
        assert array.flags.c_contiguous
        stream.do(lambda: np.copyto(self, array))

    @property
    def data(self) -> Any:  # type: ignore[override]
        return Pointer(self)


class Pointer:
    def __init__(self, array: ndarray) -> None:
        self.array = array

    def copy_from_device_async(self, source: "Pointer", n_bytes: int, stream: "Stream") -> None:
        assert n_bytes == source.array.nbytes
        stream.do(lambda: np.copyto(self.array, source.array))


class Context:
    def __enter__(self) -> "Context":
        return self

    def __exit__(self, *_: Any) -> None:
        pass


class Device(Context):
    attributes = {  # noqa: RUF012
        "MultiProcessorCount": SM_COUNT,
        "MaxSharedMemoryPerBlockOptin": 232_448,
        "MaxThreadsPerBlock": 1024,
    }
    compute_capability = "90"

    def __init__(self, index: int) -> None:
        self.index = index


class Stream(Context):
    def __init__(self, non_blocking: bool = False) -> None:
        assert non_blocking
        self.recording: list[Callable[[], None]] | None = None

    def do(self, work: Callable[[], None]) -> None:
        if self.recording is None:
            work()
        else:
            self.recording.append(work)

    def begin_capture(self) -> None:
        self.recording = []

    def end_capture(self) -> "Graph":
        graph = Graph(self.recording or [])
        self.recording = None
        return graph

    def synchronize(self) -> None:
        assert self.recording is None


class Graph:
    def __init__(self, work: list[Callable[[], None]]) -> None:
        self.work = work

    def upload(self, stream: Stream) -> None:
        pass

    def launch(self, stream: Stream) -> None:
        for work in self.work:
            work()


class Event:
    def __init__(self, disable_timing: bool) -> None:
        assert disable_timing

    def record(self, stream: Stream) -> None:
        pass

    def synchronize(self) -> None:
        pass


class RawKernel:
    """Notes its launches; refuses what the driver refuses and shrinks grids as CuPy does."""

    def __init__(self, name: str, cooperative: bool) -> None:
        self.name, self.cooperative = name, cooperative
        self.max_dynamic_shared_size_bytes = 48 * 1024
        self.num_regs, self.local_size_bytes = 32, 0
        self.kernel = types.SimpleNamespace(ptr=self)
        self.launches: list[tuple[Any, ...]] = []

    def __call__(self, grid: Any, block: Any, args: Any, *, shared_mem: int, stream: Stream) -> None:
        assert shared_mem <= self.max_dynamic_shared_size_bytes, "CUDA_ERROR_INVALID_VALUE"
        assert all(isinstance(arg, ndarray | np.generic) for arg in args), "None is no null pointer to CuPy"
        if self.cooperative and grid[0] > SM_COUNT:
            warnings.warn(f"The grid size will be reduced from {grid[0]} to {SM_COUNT}", stacklevel=2)
            grid = (SM_COUNT, 1, 1)
        stream.do(lambda: self.launches.append((grid, block, args, shared_mem)))


class RawModule:
    def __init__(self, *, path: str, enable_cooperative_groups: bool = False) -> None:
        with open(path, "rb") as file:
            assert file.read(4) == b"\x7fELF", "a cubin is an ELF file"
        self.cooperative = enable_cooperative_groups

    def get_function(self, name: str) -> RawKernel:
        return RawKernel(name, self.cooperative)


def _empty(shape: Any, dtype: Any) -> ndarray:
    n_bytes = int(np.prod(shape)) * np.dtype(dtype).itemsize
    if n_bytes > POOL_BYTES:
        raise OutOfMemoryError(f"Out of memory allocating {n_bytes:,} bytes (allocated so far: 0 bytes).")
    return np.full(shape, 7, dtype).view(ndarray)


def _zeros(shape: Any, dtype: Any) -> ndarray:
    array = _empty(shape, dtype)
    array.fill(0)
    return array


def modules() -> dict[str, types.ModuleType]:
    """What `import cupy` must find, by name."""
    cupy, cuda, driver, runtime, memory = (
        types.ModuleType(name)
        for name in ("cupy", "cupy.cuda", "cupy.cuda.driver", "cupy.cuda.runtime", "cupy.cuda.memory")
    )
    vars(cupy).update(cuda=cuda, ndarray=ndarray, empty=_empty, zeros=_zeros, RawModule=RawModule)
    vars(cupy)["get_default_memory_pool"] = lambda: types.SimpleNamespace(free_bytes=lambda: 1 << 19)
    vars(cuda).update(driver=driver, runtime=runtime, memory=memory, Device=Device, Stream=Stream, Event=Event)
    vars(cuda)["alloc_pinned_memory"] = bytearray
    vars(runtime).update(
        getDeviceCount=lambda: 1,
        getDeviceProperties=lambda index: {"name": b"Fake GPU"},
        memGetInfo=lambda: (1 << 19, 1 << 21),
    )
    vars(memory)["OutOfMemoryError"] = OutOfMemoryError
    vars(driver)["occupancyMaxActiveBlocksPerMultiprocessor"] = lambda pointer, threads, shared: (
        (pointer.max_dynamic_shared_size_bytes >= shared) * 2048 // threads
    )
    return {module.__name__: module for module in (cupy, cuda, driver, runtime, memory)}
