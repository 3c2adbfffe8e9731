"""In bfloat16 what goes between layers that both know how stands in two bytes; nothing is launched to convert it."""

from collections import Counter
from collections.abc import Callable

import numpy as np
import pytest

from bench.cuda.launches import Recorder
from engine import BatchNormalization, Conv3D, ConvLSTM2D, Sequential
from engine.graph.chain import Chain
from engine.graph.storage import narrow_calls
from engine.layers.layer import Layer, Narrow
from kernels.specs import GRADIENT_ERROR

ARGUMENTS = {"padding": "same", "return_sequences": True, "recurrent_activation": "sigmoid"}


def network(device: str, precision: str = "float32") -> Sequential:
    """Two layers of each kind and the head."""
    dtype = "float64" if device == "reference" else "float32"
    made = Sequential(device=device, dtype=dtype, seed=3, precision=precision)
    for filters, kernel in ((8, (3, 3)), (5, (3, 1))):
        made.add(ConvLSTM2D(filters, kernel, **ARGUMENTS))
        made.add(BatchNormalization())
    made.add(Conv3D(1, (3, 3, 3), activation="sigmoid", padding="same"))
    made.compile(loss="binary_crossentropy", optimizer="adadelta")
    return made


def batch() -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(0)
    return random.random((2, 3, 6, 7, 2)).astype(np.float32), (random.random((2, 3, 6, 7, 1)) > 0.5).astype(np.float32)


def launches(recorder: Recorder, work: Callable[[], object]) -> Counter[str]:
    """How often each kernel is launched by the second call."""
    work()
    recorder.launches.clear()
    recorder.recording = True
    work()
    recorder.recording = False
    return Counter(launch.kernel for launch in recorder.launches)


def test_a_training_step_converts_at_its_ends_alone(recorder: Recorder) -> None:
    x, y = batch()
    made = network("cuda", "bfloat16")
    found = launches(recorder, lambda: made.train_on_batch(x, y))
    assert found["narrow"] == 2, "the movies, and the gradient of the logits"
    assert found["widen_all"] == 0
    between = [launch.arguments["y"].dtype for launch in recorder.launches if launch.kernel == "normalize"]
    assert between == [np.uint16, np.uint16]


def test_gradients_keep_the_promise(recorder: Recorder) -> None:
    x, y = batch()
    _, expected = network("reference").loss_and_gradients(x, y)
    _, actual = network("cuda", "bfloat16").loss_and_gradients(x, y)
    square = {name: float(np.sum((actual[name] - gradient) ** 2)) for name, gradient in expected.items()}
    size = np.sqrt(sum(float(np.sum(gradient**2)) for gradient in expected.values()))
    assert 0 < np.sqrt(sum(square.values())) <= GRADIENT_ERROR["bfloat16"] * size, square
    assert all(np.abs(gradient).max() > 0 for gradient in actual.values())


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_a_streamed_frame_packs_no_weights_and_converts_the_frame_alone(recorder: Recorder, precision: str) -> None:
    x, _ = batch()
    made = Sequential(device="cuda", seed=3, precision=precision)
    for _ in range(2):
        made.add(ConvLSTM2D(4, (3, 3), **ARGUMENTS))
        made.add(BatchNormalization())
    made.add(Conv3D(2, (1, 3, 3), activation="sigmoid", padding="same"))
    short = launches(recorder, lambda: made.rollout(x, 1))
    longer = launches(recorder, lambda: made.rollout(x, 2))
    more = longer - short
    assert more["step_forward"] == 2 and more["normalize_by_moving"] == 2 and more["conv3d_forward"] == 1
    assert more["narrow"] == (1 if precision == "bfloat16" else 0) and more["widen_all"] == 0
    assert {launch.source.name for launch in recorder.launches if launch.kernel.startswith("pack")} == {
        "conv_lstm.cu",
        "few_inputs.cu",
        "conv3d_gathered.cu",
    }
    assert more["pack_few_inputs"] == 0
    assert more["pack_forward"] == 1, "conv3d's alone"


def narrow_between(layers: list[Layer]) -> list[Narrow]:
    chain = Chain()
    for layer in layers:
        chain.add(layer)
    return narrow_calls(chain)


def test_what_layers_know() -> None:
    lstm = ConvLSTM2D(4, 3, **ARGUMENTS)
    last_frame = ConvLSTM2D(4, 3, padding="same")
    strided = ConvLSTM2D(4, 3, strides=2, **ARGUMENTS)
    norm, head = BatchNormalization(), Conv3D(1, 3, padding="same")
    both, first = Narrow(x=True, y=True), Narrow(x=False, y=True)
    assert narrow_between([lstm, norm, head]) == [first, both, Narrow(x=True, y=False)]
    assert narrow_between([norm, lstm]) == [first, Narrow(x=True, y=False)]
    assert narrow_between([last_frame, norm]) == [Narrow(), Narrow()]
    assert narrow_between([norm, strided, BatchNormalization()]) == [Narrow()] * 3
    assert narrow_between([norm, Conv3D(1, 3, strides=2)]) == [Narrow()] * 2
    assert narrow_between([]) == []
