"""The CUDA kernels on the simulator, in every precision; and a machine that has such a device."""

from collections.abc import Iterator

import pytest

from bench.cuda.launches import Recorder
from kernels.cuda import CudaBackend
from kernels.cuda.simulator import sim_backend
from kernels.cuda.simulator.runtime import SimRuntime
from kernels.specs import PRECISIONS
from tests.simulated import simulate_device, stand_in_for_device


@pytest.fixture(scope="session", params=PRECISIONS)
def backend(request: pytest.FixtureRequest) -> CudaBackend:
    """The back end in one precision, every access checked; recurrences step by step (test_persistent.py: at once)."""
    return sim_backend(request.param, recurrence="steps")


@pytest.fixture
def simulated_device(monkeypatch: pytest.MonkeyPatch) -> None:
    """device="cuda" means the simulator, every access checked, for everything above kernels/."""
    simulate_device(monkeypatch, checked=True)


@pytest.fixture
def fast_simulated_device(monkeypatch: pytest.MonkeyPatch) -> None:
    """device="cuda" means the simulator without access checks, for what runs more than a few steps."""
    simulate_device(monkeypatch, checked=False)


@pytest.fixture
def recorder(monkeypatch: pytest.MonkeyPatch) -> Iterator[Recorder]:
    """Notes the launches of the networks on device="cuda", none of which are recorded as graphs."""
    recorder, runtime = Recorder(), SimRuntime()

    stand_in_for_device(monkeypatch, lambda precision: CudaBackend(precision=precision, runtime=runtime, graphs=False))
    with recorder.on(runtime):
        yield recorder
