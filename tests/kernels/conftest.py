"""Every test of the operation table runs on every back end."""

import pytest

from tests.kernels.under_test import CLOSENESS, FLOAT64, Checker


@pytest.fixture(
    params=[pytest.param(name, marks=pytest.mark.gpu) if name.startswith("gpu-") else name for name in CLOSENESS]
)
def on(request: pytest.FixtureRequest) -> Checker:
    """A back end of any kind and precision."""
    return Checker(request.param)


@pytest.fixture(params=FLOAT64)
def on_float64(request: pytest.FixtureRequest) -> Checker:
    """A back end that computes in float64, for numeric derivatives."""
    return Checker(request.param)
