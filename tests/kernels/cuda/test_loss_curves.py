"""The losses of 200 training steps in every precision lie beside float64's: rounding does not add up in training."""

from functools import cache

import numpy as np
import pytest

from bench.cuda.device import Device
from bench.peers.work import Work
from bench.rounding import losses, simulated_h200

STEPS = 200
SMALL = Work("train", filters=(8, 8), kernels=(3, 3), batch=1, frames=3, height=9, width=10)


@cache
def expected() -> np.ndarray:
    return losses(SMALL, "reference", "float32", STEPS)


@pytest.mark.parametrize(("precision", "apart"), [("float32", 1e-5), ("tf32", 5e-3), ("bfloat16", 2.5e-2)])
def test_two_hundred_steps_lie_beside_float64(precision: str, apart: float) -> None:
    with Device(rehearse=True, runtime=simulated_h200()).engine():
        found = losses(SMALL, "cuda", precision, STEPS)
    assert expected()[-20:].mean() < 0.5 * expected()[:20].mean(), "little was learned"
    np.testing.assert_allclose(found, expected(), rtol=apart)
    assert precision == "float32" or np.abs(found / expected() - 1).max() > 1e-5, "nothing was rounded"
