"""A loss of one's own as a function: it trains as the engine's loss does, is checked, saved by name, and refused."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import engine
from engine import Conv3D, Sequential
from engine.losses import FunctionLoss
from tests.engine.networks import movies, targets

Array = np.ndarray[Any, Any]

DEVICES = ["reference", "cpu"]


def mean_square(y_true: Array, y_pred: Array) -> tuple[float, Array]:
    """The engine's mse, written by hand."""
    error = y_pred - y_true
    return float(np.square(error).mean()), 2.0 * error / error.size


class Weighted:
    """A loss that is an object."""

    def __init__(self, factor: float) -> None:
        self.factor = factor

    def __call__(self, y_true: Array, y_pred: Array) -> tuple[float, Array]:
        value, gradient = mean_square(y_true, y_pred)
        return self.factor * value, self.factor * gradient


def network(loss: Any, device: str = "reference", last: str = "sigmoid") -> Sequential:
    made = Sequential([Conv3D(1, (1, 3, 3), padding="same", activation=last, input_shape=(None, 7, 6, 1))],
                      device=device, dtype="float64", seed=3)  # fmt: skip
    made.compile(optimizer="sgd", loss=loss, metrics=["mae"])
    return made


@pytest.mark.parametrize("device", DEVICES)
def test_it_trains_as_the_engine_s_loss_does(device: str) -> None:
    x = movies(5)
    histories = [
        network(loss, device).fit(x, targets(x), batch_size=2, epochs=2, verbose=0, validation_split=0.4).history
        for loss in (mean_square, "mse")
    ]
    assert histories[0].keys() == histories[1].keys()
    for name, numbers in histories[0].items():
        assert numbers == pytest.approx(histories[1][name], rel=1e-12)


def test_an_object_is_one_too_and_the_function_sees_movies_first() -> None:
    x, seen = movies(2), []

    def watched(y_true: Array, y_pred: Array) -> tuple[float, Array]:
        seen.append((y_true.shape, y_pred.shape))
        return mean_square(y_true, y_pred)

    loss, gradients = network(Weighted(3.0)).loss_and_gradients(x, targets(x))
    expected, of_mse = network("mse").loss_and_gradients(x, targets(x))
    assert loss == pytest.approx(3.0 * expected)
    for name, gradient in gradients.items():
        np.testing.assert_allclose(gradient, 3.0 * of_mse[name], rtol=1e-9, atol=1e-12)
    network(watched).train_on_batch(x, targets(x))
    assert set(seen) == {(x.shape, x.shape)}


def only_a_value(y_true: Array, y_pred: Array) -> Any:
    return np.square(y_pred - y_true).mean()


def by_pixel(y_true: Array, y_pred: Array) -> Any:
    return np.square(y_pred - y_true).mean(axis=-1)


def without_the_share(y_true: Array, y_pred: Array) -> Any:
    return float(np.square(y_pred - y_true).mean()), 2.0 * (y_pred - y_true)


def of_another_shape(y_true: Array, y_pred: Array) -> Any:
    return 1.0, np.zeros(3)


def of_many_values(y_true: Array, y_pred: Array) -> Any:
    return np.ones(4), np.zeros_like(y_pred)


@pytest.mark.parametrize(
    ("loss", "match"),
    [
        (only_a_value, r"only_a_value\(y_true, y_pred\) to return \(value, gradient\), got a value alone"),
        (by_pixel, r"got an array of shape .* alone; this engine differentiates layers, not Python"),
        (without_the_share, "gradient that without_the_share returns is not that of its value"),
        (of_another_shape, r"expected of_another_shape to return a gradient of shape"),
        (of_many_values, r"of_many_values to return the mean over the batch, one number, got shape \(4,\)"),
    ],
)
def test_what_is_no_value_and_gradient_is_refused(loss: Any, match: str) -> None:
    x = movies(2)
    made = network(loss)
    before = made.get_weights()
    with pytest.raises(ValueError, match=match):
        made.fit(x, targets(x), verbose=0)
    for weight, was in zip(made.get_weights(), before, strict=True):
        np.testing.assert_array_equal(weight, was)


def test_sample_weights_are_refused() -> None:
    x = movies(2)
    with pytest.raises(ValueError, match="sample_weight: mean_square is a loss of one's own"):
        network(mean_square).train_on_batch(x, targets(x), sample_weight=np.ones(2))


@pytest.mark.parametrize("suffix", [".safetensors", ".keras", ".h5"])
def test_files_name_it(tmp_path: Path, suffix: str) -> None:
    x, path = movies(2), tmp_path / f"m{suffix}"
    made = network(mean_square)
    made.train_on_batch(x, targets(x))
    made.save(path)
    with pytest.warns(UserWarning, match="mean_square"):
        plain = engine.load_model(path, device="reference")
    assert plain.loss is None
    np.testing.assert_allclose(plain.predict(x), made.predict(x), rtol=1e-6)
    known = engine.load_model(path, device="reference", custom_objects={"mean_square": mean_square})
    assert known.loss == FunctionLoss(mean_square)
    found, expected = (np.ravel(each.train_on_batch(x, targets(x)))[0] for each in (known, made))
    assert found == pytest.approx(expected)


def test_the_targets_of_classes_and_those_without_channels_say_what_to_do() -> None:
    x = movies(2)
    with pytest.raises(ValueError, match=r"without the axis of channels; pass y\[\.\.\., np.newaxis\]"):
        network("mse").fit(x, targets(x)[..., 0])
    classes = Sequential([Conv3D(3, 1, activation="softmax", input_shape=(None, 7, 6, 1))], device="reference")
    classes.compile("sgd", "categorical_crossentropy")
    numbers = np.zeros(x.shape[:-1], int)
    with pytest.raises(ValueError, match="numbers of classes are for loss='sparse_categorical_crossentropy'"):
        classes.fit(x, numbers)
    classes.compile("sgd", "sparse_categorical_crossentropy", metrics="accuracy")
    assert set(classes.fit(x, numbers, verbose=0).history) == {"loss", "accuracy"}
    with pytest.raises(ValueError, match=r"the loss wants numbers of classes: pass y.argmax\(axis=-1\)"):
        classes.fit(x, np.eye(3)[numbers])
    with pytest.raises(ValueError, match=r"expected integers from 0 to 2, .*got 0 to 3"):
        classes.fit(x, np.where(np.arange(6)[:, None] == 0, 3, 0)[..., 0] + numbers)
    with pytest.raises(ValueError, match="metrics: mse does not take numbers of classes"):
        classes.compile("sgd", "sparse_categorical_crossentropy", metrics=["mse"])
