"""In a network, BatchNormalization is linked with a ConvLSTM directly in front of it, and with nothing else."""

from collections.abc import Callable

import numpy as np
import pytest

from bench.cuda.launches import Recorder
from engine import BatchNormalization, Conv3D, ConvLSTM2D, Sequential
from engine.layers import Layer
from kernels.specs import GRADIENT_ERROR
from tests.kernels.cuda.test_narrow import launches

MOVIES, FRAMES, HEIGHT, WIDTH, CHANNELS = 2, 3, 6, 7, 2


def lstm(**arguments: object) -> ConvLSTM2D:
    given = {"padding": "same", "return_sequences": True, "recurrent_activation": "sigmoid"} | arguments
    return ConvLSTM2D(4, (3, 1), **given)


def head() -> Conv3D:
    return Conv3D(1, (1, 3, 3), padding="same")


LINKED: dict[str, Callable[[], list[Layer]]] = {
    "twice": lambda: [lstm(), BatchNormalization(), lstm(), BatchNormalization(), head()],
    "at the end": lambda: [lstm(), BatchNormalization()],
    "from the last frame on": lambda: [lstm(go_backwards=True), BatchNormalization(), head()],
    "stateful": lambda: [lstm(stateful=True), BatchNormalization(), head()],
    "frozen weights in front": lambda: [lstm(trainable=False), BatchNormalization(), head()],
}
APART: dict[str, Callable[[], list[Layer]]] = {
    "nothing in front": lambda: [BatchNormalization(), head()],
    "a convolution in front": lambda: [head(), BatchNormalization()],
    "another in front": lambda: [lstm(), BatchNormalization(trainable=False), BatchNormalization()],
    "over rows": lambda: [lstm(), BatchNormalization(axis=2), head()],
    "the last frame": lambda: [lstm(return_sequences=False), BatchNormalization()],
    "strides": lambda: [lstm(strides=2), BatchNormalization(), head()],
    "axes in another order": lambda: [lstm(data_format="channels_first"), BatchNormalization()],
}


def network(layers: list[Layer], device: str, precision: str = "float32") -> Sequential:
    dtype = "float64" if device == "reference" else "float32"
    made = Sequential(device=device, dtype=dtype, seed=3, precision=precision)
    for number, layer in enumerate(layers):
        if number == 0:
            layer.input_shape, layer.batch_size = (FRAMES, HEIGHT, WIDTH, CHANNELS), MOVIES
        made.add(layer)
    made.compile(loss="mean_squared_error", optimizer="sgd")
    return made


def check(recorder: Recorder, build: Callable[[], list[Layer]], precision: str, passes: int) -> None:
    """The gradients are the reference's, and each of the two passes over x is made so often."""
    made, reference = network(build(), "cuda", precision), network(build(), "reference")
    random = np.random.default_rng(0)
    x = random.random((MOVIES, FRAMES, HEIGHT, WIDTH, CHANNELS)).astype(np.float32)
    y = random.random((MOVIES, *reference.output_shape((FRAMES, HEIGHT, WIDTH, CHANNELS)))).astype(np.float32)
    _, expected = reference.loss_and_gradients(x, y)
    _, actual = made.loss_and_gradients(x, y)
    apart = sum(float(np.sum((actual[name] - gradient) ** 2)) for name, gradient in expected.items())
    size = sum(float(np.sum(gradient**2)) for gradient in expected.values())
    assert 0 < np.sqrt(apart) < GRADIENT_ERROR[precision] * np.sqrt(size)
    assert all(np.abs(gradient).max() > 0 for gradient in actual.values())
    found = launches(recorder, lambda: made.train_on_batch(x, y))
    assert (found["batch_statistics"], found["normalize_backward"]) == (passes, passes)


@pytest.mark.parametrize("build", LINKED.values(), ids=LINKED.keys())
def test_directly_behind_a_conv_lstm(recorder: Recorder, build: Callable[[], list[Layer]]) -> None:
    check(recorder, build, "float32", passes=0)


@pytest.mark.parametrize("precision", ["tf32", "bfloat16"])
def test_in_other_precisions(recorder: Recorder, precision: str) -> None:
    check(recorder, LINKED["twice"], precision, passes=0)


@pytest.mark.parametrize("build", APART.values(), ids=APART.keys())
def test_elsewhere(recorder: Recorder, build: Callable[[], list[Layer]]) -> None:
    check(recorder, build, "float32", passes=1)
