"""The CUDA kernels on the simulator, in every precision; and a machine that has such a device."""

from collections.abc import Iterator

import pytest

import kernels.cuda
from bench.cuda.launches import Recorder
from kernels import select
from kernels.cuda import CudaBackend
from kernels.cuda.simulator import sim_backend
from kernels.cuda.simulator.runtime import SimRuntime
from kernels.specs import PRECISIONS


@pytest.fixture(scope="session", params=PRECISIONS)
def backend(request: pytest.FixtureRequest) -> CudaBackend:
    """The back end in one precision, every access checked; recurrences step by step (test_persistent.py: at once)."""
    return sim_backend(request.param, recurrence="steps")


def _simulate(monkeypatch: pytest.MonkeyPatch, checked: bool) -> None:
    def open_simulated(device: int, precision: str) -> CudaBackend:
        assert device == 0
        return sim_backend(precision, checked)

    monkeypatch.setattr(select, "_cuda_device_count", lambda: (1, ""))
    monkeypatch.setattr(kernels.cuda, "CudaBackend", open_simulated)


@pytest.fixture
def simulated_device(monkeypatch: pytest.MonkeyPatch) -> None:
    """device="cuda" means the simulator, every access checked, for everything above kernels/."""
    _simulate(monkeypatch, checked=True)


@pytest.fixture
def fast_simulated_device(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same without the checks, for what runs more than a few steps."""
    _simulate(monkeypatch, checked=False)


@pytest.fixture
def recorder(simulated_device: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[Recorder]:
    """Notes the launches of the networks on device="cuda", none of which are recorded as graphs."""
    recorder, runtime = Recorder(), SimRuntime()

    def opened(device: int, precision: str) -> CudaBackend:
        return CudaBackend(precision=precision, runtime=runtime, graphs=False)

    monkeypatch.setattr(kernels.cuda, "CudaBackend", opened)
    with recorder.on(runtime):
        yield recorder
