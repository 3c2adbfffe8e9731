"""The device under test: the first CUDA device, or with --rehearse the simulator."""

from collections.abc import Iterator

import pytest

from bench.cuda.device import Device
from kernels.cuda.backend import PRECISIONS


@pytest.fixture(scope="session")
def device(request: pytest.FixtureRequest) -> Device:
    """One device for all tests."""
    return Device(request.config.getoption("--rehearse"))


@pytest.fixture(autouse=True)
def _engine_on_device(device: Device) -> Iterator[None]:
    with device.engine():
        yield


@pytest.fixture(params=PRECISIONS)
def precision(request: pytest.FixtureRequest) -> str:
    """Each precision of the CUDA back end."""
    return request.param
