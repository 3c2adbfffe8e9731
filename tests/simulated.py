"""The simulator in a CUDA device's place, for everything above kernels/."""

from collections.abc import Callable

import pytest

import kernels.cuda
from kernels import select
from kernels.cuda import CudaBackend
from kernels.cuda.simulator import sim_backend


def stand_in_for_device(monkeypatch: pytest.MonkeyPatch, opened: Callable[[str], CudaBackend]) -> None:
    """Make device="cuda" mean the back end that `opened` returns for a precision."""

    def open_device(device: int, precision: str) -> CudaBackend:
        assert device == 0
        return opened(precision)

    monkeypatch.setattr(select, "_cuda_device_count", lambda: (1, ""))
    monkeypatch.setattr(kernels.cuda, "CudaBackend", open_device)


def simulate_device(monkeypatch: pytest.MonkeyPatch, checked: bool) -> None:
    """Make device="cuda" mean the simulator.

    checked: see sim_backend; without it for what runs more than a few steps.
    """
    stand_in_for_device(monkeypatch, lambda precision: sim_backend(precision, checked))
