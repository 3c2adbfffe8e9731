"""Where the benchmark runs: the CUDA device, or the simulator when it is rehearsed without one."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from unittest import mock

import numpy as np

from engine.runtime import placement
from kernels.arrays import Array
from kernels.cuda import CudaBackend
from kernels.cuda.launch.launch import Runtime


class Device:
    """A CUDA device, or what stands in for it.

    Attributes:
        runtime: where kernels run.
        simulated: True when it is rehearsed; its times then mean nothing.

    Args:
        runtime: in place of either.
    """

    def __init__(self, rehearse: bool = False, runtime: Runtime | None = None) -> None:
        self.simulated = rehearse
        self.runtime = runtime or (_simulator() if rehearse else _first_device())

    @contextmanager
    def engine(self, graphs: bool = True) -> Iterator[None]:
        """Inside, Sequential(device="cuda") runs on this device's runtime; graphs as CudaBackend has it."""

        def choose(device: str) -> tuple[str, str]:
            return device, f"device {device}: {self.runtime.name}"

        def open_here(device: str, dtype: Any, precision: str) -> Any:
            if not device.startswith("cuda"):
                return elsewhere(device, dtype, precision)
            return CudaBackend(precision=precision, runtime=self.runtime, graphs=graphs)

        elsewhere = placement.open_backend
        with (
            mock.patch.object(placement, "choose_device", choose),
            mock.patch.object(placement, "open_backend", open_here),
        ):
            yield

    def seconds(self, work: Callable[[], None]) -> float:
        """How long the device takes for what `work` queues, by its own events (in the simulator by the wall clock)."""
        self.runtime.synchronize()
        if self.simulated:
            start = time.perf_counter()
            work()
            return time.perf_counter() - start
        import cupy

        with self.runtime.current():  # type: ignore[attr-defined]
            start_event, end_event = cupy.cuda.Event(), cupy.cuda.Event()
            start_event.record()
            work()
            end_event.record()
            end_event.synchronize()
        return float(cupy.cuda.get_elapsed_time(start_event, end_event)) / 1e3

    def held_bytes(self) -> int:
        """Device memory that this process's arrays hold, or held and did not give back; 0 in the simulator."""
        if self.simulated:
            return 0
        import cupy

        return int(cupy.get_default_memory_pool().total_bytes())

    def give_back(self) -> None:
        """Return unused memory to the device."""
        if not self.simulated:
            import cupy

            cupy.get_default_memory_pool().free_all_blocks()


def noise(runtime: Runtime, shape: tuple[int, ...], dtype: str) -> Array:
    """An array of small random numbers, the same again and again: products of zeros draw less power and run faster.

    dtype: as kernels/cuda/common/precision.py names it; uint16 holds the bits of bfloat16.
    """
    numbers = (0.05 * np.random.default_rng(0).standard_normal(1 << 18)).astype(np.float32)
    held = (numbers.view(np.uint32) >> 16).astype(np.uint16) if dtype == "uint16" else numbers.astype(dtype)
    return runtime.from_host(np.resize(held, shape), dtype)


def _first_device() -> Runtime:
    from kernels.cuda.launch.runtime import CupyRuntime

    return CupyRuntime(0)


def _simulator() -> Runtime:
    from kernels.cuda.simulator.runtime import SimRuntime

    return SimRuntime(checked=False, sm_count=132)
