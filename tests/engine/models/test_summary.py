"""summary() prints what Keras 3.15 prints for the same network; the texts below were printed by it."""

import io

import pytest

from engine import BatchNormalization, Conv3D, ConvLSTM2D, Sequential
from tests.engine.networks import movies, targets

SMALL = """\
Model: "sequential"
┏━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━━━━┓
┃ Layer (type)                    ┃ Output Shape           ┃       Param # ┃
┡━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━━━━┩
│ conv_lstm2d (ConvLSTM2D)        │ (None, None, 5, 6, 2)  │           224 │
├─────────────────────────────────┼────────────────────────┼───────────────┤
│ conv3d (Conv3D)                 │ (None, None, 5, 6, 1)  │            55 │
└─────────────────────────────────┴────────────────────────┴───────────────┘
 Total params: 279 (1.09 KB)
 Trainable params: 279 (1.09 KB)
 Non-trainable params: 0 (0.00 B)"""

UNBUILT = """\
Model: "sequential_1"
┏━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━━━━┓
┃ Layer (type)                    ┃ Output Shape           ┃       Param # ┃
┡━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━━━━┩
│ a_rather_long_name_for_a_layer… │ ?                      │   0 (unbuilt) │
│ (ConvLSTM2D)                    │                        │               │
├─────────────────────────────────┼────────────────────────┼───────────────┤
│ batch_normalization             │ ?                      │   0 (unbuilt) │
│ (BatchNormalization)            │                        │               │
└─────────────────────────────────┴────────────────────────┴───────────────┘
 Total params: 0 (0.00 B)
 Trainable params: 0 (0.00 B)
 Non-trainable params: 0 (0.00 B)"""


def small() -> Sequential:
    network = Sequential(device="reference")
    network.add(ConvLSTM2D(2, 3, padding="same", return_sequences=True, input_shape=(None, 5, 6, 1)))
    network.add(Conv3D(1, 3, padding="same", activation="sigmoid"))
    return network


def printed(network: Sequential, line_length: int | None = None) -> str:
    texts: list[str] = []
    network.summary(line_length, print_fn=texts.append)
    (text,) = texts
    return text


def test_a_small_network() -> None:
    assert printed(small()) == SMALL


def test_a_network_whose_input_is_not_known_and_a_name_that_is_too_long() -> None:
    name = "a_rather_long_name_for_a_layer_in_a_network"
    network = Sequential(device="reference", name="sequential_1")
    network.add(ConvLSTM2D(2, 3, padding="same", return_sequences=True, name=name))
    network.add(BatchNormalization())
    assert printed(network) == UNBUILT


def test_the_optimizer_counts_once_it_has_worked() -> None:
    network = small()
    network.compile("adam", "mse")
    assert printed(network) == SMALL
    x = movies(1, 2, 5, 6)
    network.train_on_batch(x, targets(x))
    lines = printed(network).splitlines()
    assert " Optimizer params: 560 (2.19 KB)" in lines  # two for each weight, the learning rate, the count of updates
    assert " Total params: 839 (3.28 KB)" in lines


def test_any_length_of_line() -> None:
    for length in (40, 57, 76, 100, 131):
        lines = printed(small(), length).splitlines()
        assert {len(line) for line in lines[1:-3]} == {length}


def test_an_output_without_box_drawings_gets_plain_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    raw = io.BytesIO()
    monkeypatch.setattr("sys.stdout", io.TextIOWrapper(raw, "ascii", write_through=True))
    network = Sequential([Conv3D(1, 1, input_shape=(None, None, None, 1), name="größe")], device="reference")
    network.summary()
    lines = raw.getvalue().decode("ascii").splitlines()
    assert lines[1].startswith("+---") and lines[2].startswith("| Layer (type)") and "| gr??e (Conv3D)" in lines[4]
