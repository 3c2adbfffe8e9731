"""A whole network on warpgroup products, as a Hopper device runs it: its gradients, and its steps as a graph."""

from collections.abc import Iterator

import numpy as np
import pytest

from bench.cuda.launches import Recorder
from engine import BatchNormalization, Conv3D, ConvLSTM2D, Sequential
from kernels.cuda import CudaBackend
from kernels.cuda.simulator.runtime import SimRuntime
from kernels.specs import GRADIENT_ERROR
from tests.simulated import stand_in_for_device

MOVIES, FRAMES, HEIGHT, WIDTH = 2, 3, 7, 6
SUFFIX = {"tf32": "tf32", "bfloat16": "bf16"}
"""Suffix of the kernels' names, by precision."""


@pytest.fixture
def recorder(monkeypatch: pytest.MonkeyPatch) -> Iterator[Recorder]:
    """device="cuda" means a simulated Hopper, every access checked, that takes its own products wherever they fit."""
    recorder, runtime = Recorder(), SimRuntime(architecture="90a")

    stand_in_for_device(
        monkeypatch, lambda precision: CudaBackend(precision=precision, runtime=runtime, products="warpgroups")
    )
    with recorder.on(runtime):
        yield recorder


def network(device: str, precision: str, channels: int) -> Sequential:
    dtype = "float64" if device == "reference" else "float32"
    made = Sequential(device=device, dtype=dtype, seed=3, precision=precision)
    for filters, kernel in ((8, (3, 3)), (12, (1, 3))):
        made.add(ConvLSTM2D(filters, kernel, padding="same", return_sequences=True, recurrent_activation="sigmoid"))
        made.add(BatchNormalization())
    made.add(Conv3D(1, (1, 3, 3), activation="sigmoid", padding="same"))
    made.compile(loss="binary_crossentropy", optimizer="sgd")
    made.build((FRAMES, HEIGHT, WIDTH, channels))
    return made


def batch(channels: int) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(0)
    x = random.random((MOVIES, FRAMES, HEIGHT, WIDTH, channels)).astype(np.float32)
    return x, (random.random((MOVIES, FRAMES, HEIGHT, WIDTH, 1)) > 0.5).astype(np.float32)


@pytest.mark.parametrize("channels", [1, 8])
@pytest.mark.parametrize("precision", SUFFIX)
def test_gradients_equal_the_reference(recorder: Recorder, precision: str, channels: int) -> None:
    made, reference = network("cuda", precision, channels), network("reference", "float32", channels)
    x, y = batch(channels)
    recorder.recording = True
    _, actual = made.loss_and_gradients(x, y)
    _, expected = reference.loss_and_gradients(x, y)
    apart = sum(float(np.sum((actual[name] - gradient) ** 2)) for name, gradient in expected.items())
    size = sum(float(np.sum(gradient**2)) for gradient in expected.values())
    assert 0 < np.sqrt(apart) < GRADIENT_ERROR[precision] * np.sqrt(size)
    assert all(np.abs(gradient).max() > 0 for gradient in actual.values())
    by_groups = {
        launch.kernel for launch in recorder.launches if "GroupTile" in launch.source.text.split("#include")[0]
    }
    assert {"persistent_forward", "persistent_backward", "windowed_input_forward"} <= by_groups
    assert {launch.kernel for launch in recorder.launches} >= {
        f"warpgroup_{name}_gradient_{SUFFIX[precision]}" for name in ("kernel", "recurrent")
    }


@pytest.mark.usefixtures("recorder")
@pytest.mark.parametrize("precision", SUFFIX)
def test_recorded_steps_are_plain_steps(precision: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Bit for bit: flags count on from one replay to the next."""
    x, y = batch(1)
    weights = []
    for graphs in ("1", "0"):
        monkeypatch.setenv("CONVLSTM_GRAPHS", graphs)
        made = network("cuda", precision, 1)
        losses = [made.train_on_batch(x, y) for _ in range(4)]
        assert losses[-1] < losses[0]
        weights.append([weight.copy() for weight in made.get_weights()])
    for recorded, plain in zip(*weights, strict=True):
        np.testing.assert_array_equal(recorded, plain)
