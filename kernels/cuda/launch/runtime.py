"""CupyRuntime: a CUDA device through CuPy. CuPy gives memory, streams, graphs and launches; no CuPy kernel is used."""

import hashlib
import os
import sys
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any

import cupy
import numpy as np
from cupy.cuda import driver

from kernels.arrays import Array, HostArray
from kernels.cuda.launch.launch import DeviceLimits, Function, Graph, OutOfDeviceMemory, Runtime
from kernels.cuda.launch.nvrtc import OPTIONS, compile_cubin, nvrtc_version
from kernels.cuda.launch.source import Source

STATIC_SHARED_LIMIT = 48 * 1024
"""Above this a kernel must opt in to its dynamic shared memory."""

NULL = np.uint64(0)


class CupyRuntime(Runtime):
    """One CUDA device and one stream on it."""

    def __init__(self, index: int = 0) -> None:
        """index: which of the visible devices.

        Raises ValueError when there is no such device; whatever CuPy raises when it finds no driver.
        """
        count = cupy.cuda.runtime.getDeviceCount()
        if not 0 <= index < count:
            raise ValueError(f"index: expected a CUDA device from 0 to {count - 1}, got {index}")
        self._device = cupy.cuda.Device(index)
        attributes = self._device.attributes
        self.limits = DeviceLimits(
            sm_count=attributes["MultiProcessorCount"],
            shared_bytes_per_block=attributes["MaxSharedMemoryPerBlockOptin"],
            threads_per_block=attributes["MaxThreadsPerBlock"],
            architecture=_architecture(self._device.compute_capability),
        )
        model = cupy.cuda.runtime.getDeviceProperties(index)["name"].decode()
        self.name = f"cuda:{index}: {model}, {self.limits.sm_count} SMs"
        with self._device:
            self.stream = cupy.cuda.Stream(non_blocking=True)
        self._compilers = ThreadPoolExecutor(os.cpu_count())
        self._programs: dict[str, CupyProgram] = {}

    @contextmanager
    def current(self) -> Iterator[None]:
        """This device and stream as CuPy's current ones; an allocation that fails says what was asked for."""
        with self._device, self.stream:
            try:
                yield
            except cupy.cuda.memory.OutOfMemoryError as error:
                raise OutOfDeviceMemory(_asked(error), *self.memory()) from error

    def empty(self, shape: tuple[int, ...], dtype: Any) -> Array:
        with self.current():
            return cupy.empty(shape, dtype)

    def zeros(self, shape: tuple[int, ...], dtype: Any) -> Array:
        with self.current():
            return cupy.zeros(shape, dtype)

    def from_host(self, array: HostArray, dtype: Any) -> Array:
        target = self.empty(array.shape, dtype)
        self.copy(target, array)
        return target

    def to_host(self, array: "cupy.ndarray") -> HostArray:
        with self.current():
            return array.get()

    def read_later(self, array: "cupy.ndarray") -> Callable[[], HostArray]:
        with self.current():
            pinned = cupy.cuda.alloc_pinned_memory(array.nbytes)
            host = np.frombuffer(pinned, array.dtype, array.size).reshape(array.shape)
            array.get(out=host, blocking=False)
            arrived = cupy.cuda.Event(disable_timing=True)
            arrived.record(self.stream)

        def read() -> HostArray:
            arrived.synchronize()
            return host.copy()

        return read

    def copy(self, target: "cupy.ndarray", source: "cupy.ndarray | HostArray") -> None:
        if target.shape != source.shape:
            raise ValueError(f"source: expected shape {target.shape}, got {source.shape}")
        with self.current():
            if not self.is_array(source):
                target.set(np.ascontiguousarray(source, target.dtype), stream=self.stream)
            elif source.dtype == target.dtype and source.flags.c_contiguous and target.flags.c_contiguous:
                target.data.copy_from_device_async(source.data, source.nbytes, self.stream)
            else:
                target[...] = source

    def is_array(self, value: object) -> bool:
        return isinstance(value, cupy.ndarray)

    def compile(self, source: Source) -> Mapping[str, Function]:
        """In the background, and once for the same text: what one program takes to compile, others take meanwhile."""
        if source.text not in self._programs:
            cubin = self._compilers.submit(_cubin, source, self.limits.architecture)
            self._programs[source.text] = CupyProgram(self, source, cubin)
        return self._programs[source.text].functions

    def capture(self, body: Callable[[], None]) -> Graph:
        for program in self._programs.values():
            program.load()  # which must not happen while a graph is captured
        with self.current():
            self.stream.begin_capture()
            try:
                body()
            finally:
                graph = self.stream.end_capture()
            graph.upload(self.stream)
        return CupyGraph(self, graph)

    def memory(self) -> tuple[int, int]:
        """What CuPy's pool holds but does not use counts as free."""
        with self._device:
            free, total = cupy.cuda.runtime.memGetInfo()
            return free + cupy.get_default_memory_pool().free_bytes(), total

    def synchronize(self) -> None:
        self.stream.synchronize()


class CupyGraph(Graph):
    """A CUDA graph on the runtime's stream."""

    def __init__(self, runtime: CupyRuntime, graph: Any) -> None:
        self._runtime = runtime
        self._graph = graph

    def replay(self) -> None:
        self._graph.launch(self._runtime.stream)


class CupyProgram:
    """A program that may still be compiling; what asks for one of its kernels waits for it."""

    def __init__(self, runtime: CupyRuntime, source: Source, cubin: Future[Path]) -> None:
        self._runtime, self._cubin = runtime, cubin
        self.functions = {name: CupyFunction(runtime, self, name) for name in source.kernels}

    @cached_property
    def modules(self) -> dict[bool, Any]:
        """The loaded cubin, for ordinary and for cooperative launches. Raises CompileError."""
        path = str(self._cubin.result())
        with self._runtime._device:
            return {
                False: cupy.RawModule(path=path),
                True: cupy.RawModule(path=path, enable_cooperative_groups=True),
            }

    def load(self) -> None:
        """Every kernel, now."""
        for function in self.functions.values():
            function.load()


class CupyFunction(Function):
    """A kernel of a program, for ordinary and for cooperative launches."""

    def __init__(self, runtime: CupyRuntime, program: CupyProgram, name: str) -> None:
        self._runtime, self._program, self._name = runtime, program, name
        self._shared_limits = {False: STATIC_SHARED_LIMIT, True: STATIC_SHARED_LIMIT}

    @cached_property
    def _kernels(self) -> dict[bool, Any]:
        modules = self._program.modules
        with self._runtime._device:
            return {cooperative: module.get_function(self._name) for cooperative, module in modules.items()}

    def load(self) -> None:
        """Bring the kernel to the device, if it is not there."""
        with self._runtime._device:
            _ = self._kernels[False].num_regs  # asking loads it

    def launch(
        self,
        grid: tuple[int, int, int],
        block: tuple[int, int, int],
        args: Sequence[Any],
        shared_bytes: int,
        cooperative: bool,
    ) -> None:
        with self._runtime._device:
            kernel = self._opted_in(shared_bytes, cooperative)
            pointers = tuple(NULL if arg is None else arg for arg in args)
            if not cooperative:
                kernel(grid, block, pointers, shared_mem=shared_bytes, stream=self._runtime.stream)
                return
            with warnings.catch_warnings():
                warnings.simplefilter("error")  # CuPy only warns when it shrinks a grid that cannot be co-resident
                kernel(grid, block, pointers, shared_mem=shared_bytes, stream=self._runtime.stream)

    def blocks_per_sm(self, threads: int, shared_bytes: int) -> int:
        with self._runtime._device:
            kernel = self._opted_in(shared_bytes, True)
            return driver.occupancyMaxActiveBlocksPerMultiprocessor(kernel.kernel.ptr, threads, shared_bytes)

    def registers(self) -> tuple[int, int]:
        with self._runtime._device:
            kernel = self._kernels[False]
            return kernel.num_regs, kernel.local_size_bytes

    def _opted_in(self, shared_bytes: int, cooperative: bool) -> Any:
        kernel = self._kernels[cooperative]
        if shared_bytes > self._shared_limits[cooperative]:
            kernel.max_dynamic_shared_size_bytes = shared_bytes
            self._shared_limits[cooperative] = shared_bytes
        return kernel


def _architecture(capability: str) -> str:
    """What to compile for: on Hopper with the instructions that are its alone, wgmma's."""
    return "90a" if capability == "90" else capability


def cache_folder() -> Path:
    """Where cubins are kept: $CONVLSTM_CACHE_DIR, else a folder of the user's cache."""
    chosen = os.environ.get("CONVLSTM_CACHE_DIR")
    return Path(chosen) if chosen else Path.home() / ".cache" / "convlstm-engine" / "cubin"


def _cubin(source: Source, architecture: str) -> Path:
    """The compiled program as a file, from the cache when the same text was compiled before."""
    key = "\0".join((source.text, architecture, nvrtc_version(), *OPTIONS))
    path = cache_folder() / f"{Path(source.name).stem}_{hashlib.sha256(key.encode()).hexdigest()[:24]}.cubin"
    if not path.exists():
        print(
            f"compiling {source.name} for sm_{architecture}; the next start finds it in {path.parent}", file=sys.stderr
        )
        path.parent.mkdir(parents=True, exist_ok=True)
        beside = path.with_suffix(f".{os.getpid()}")
        beside.write_bytes(compile_cubin(source, architecture).image)
        beside.replace(path)
    return path


def _asked(error: Exception) -> int:
    """Bytes asked for, from CuPy's "Out of memory allocating 1,234 bytes (...)"."""
    words = str(error).replace(",", "").split()
    return next((int(word) for word in words if word.isdigit()), 0)
