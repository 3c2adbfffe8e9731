"""The CUDA kernels on the simulator, every access checked, in both precisions; and a machine that has such a device."""

from collections.abc import Callable

import pytest

import kernels.cuda
from kernels import select
from kernels.cuda import CudaBackend
from tests.cuda_sim import sim_backend


@pytest.fixture(scope="session", params=["float32", "tf32"])
def backend(request: pytest.FixtureRequest) -> CudaBackend:
    """The back end in either precision."""
    return sim_backend(request.param)


@pytest.fixture
def simulated_device(monkeypatch: pytest.MonkeyPatch) -> None:
    """device="cuda" means the simulator, for everything above kernels/."""

    def open_simulated(device: int, precision: str) -> CudaBackend:
        assert device == 0
        return sim_backend(precision)

    device_count: Callable[[], tuple[int, str]] = lambda: (1, "")  # noqa: E731
    monkeypatch.setattr(select, "_cuda_device_count", device_count)
    monkeypatch.setattr(kernels.cuda, "CudaBackend", open_simulated)
