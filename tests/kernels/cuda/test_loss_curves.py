"""The losses of 200 training steps in every precision lie beside float64's: rounding does not add up in training."""

from functools import cache

import numpy as np
import pytest

import kernels.cuda
from engine import BatchNormalization, Conv3D, ConvLSTM2D, Sequential
from engine.movies import generate_movies
from kernels import select
from kernels.cuda import CudaBackend
from tests.cuda_sim.runtime import SimRuntime

STEPS = 200


@pytest.fixture
def hopper(monkeypatch: pytest.MonkeyPatch) -> None:
    """device="cuda" means a simulated Hopper, unchecked, that takes its own products wherever they fit."""

    def open_simulated(device: int, precision: str) -> CudaBackend:
        runtime = SimRuntime(checked=False, sm_count=8, architecture="90a")
        return CudaBackend(device, precision, runtime, products="warpgroups")

    monkeypatch.setattr(select, "_cuda_device_count", lambda: (1, ""))
    monkeypatch.setattr(kernels.cuda, "CudaBackend", open_simulated)


def losses(device: str, precision: str, dtype: str) -> np.ndarray:
    """Of the example's architecture with two layers of 8 filters, hard gates, on windows of the example's movies."""
    network = Sequential(device=device, dtype=dtype, seed=7, precision=precision)
    for shape in ({"input_shape": (None, None, None, 1)}, {}):
        network.add(ConvLSTM2D(8, (3, 3), padding="same", return_sequences=True, **shape))
        network.add(BatchNormalization())
    network.add(Conv3D(1, (3, 3, 3), activation="sigmoid", padding="same"))
    network.compile(loss="binary_crossentropy", optimizer="adadelta")
    x, y = (movies[:, :, 10:22, 10:20] for movies in generate_movies(STEPS, 4, seed=0))
    return np.array([network.train_on_batch(x[s : s + 1], y[s : s + 1]) for s in range(STEPS)])


@cache
def expected() -> np.ndarray:
    return losses("reference", "float32", "float64")


@pytest.mark.usefixtures("hopper")
@pytest.mark.parametrize(("precision", "apart"), [("float32", 1e-5), ("tf32", 1e-2), ("bfloat16", 5e-2)])
def test_two_hundred_steps_lie_beside_float64(precision: str, apart: float) -> None:
    found = losses("cuda", precision, "float32")
    assert expected()[-20:].mean() < 0.5 * expected()[:20].mean(), "little was learned"
    np.testing.assert_allclose(found, expected(), rtol=apart)
    assert precision == "float32" or np.abs(found / expected() - 1).max() > 1e-5, "nothing was rounded"
