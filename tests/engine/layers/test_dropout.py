"""Dropout: what it drops, when, and that its derivative is of what it did."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import engine
from engine import Conv3D, Dropout, Sequential
from tests.simulated import simulate_device

X = np.random.default_rng(3).random((2, 3, 4, 5, 2))


def network(device: str = "reference", dtype: str = "float64", **arguments: Any) -> Sequential:
    """A convolution, Dropout, and a convolution that tells every number of its input."""
    layers = [
        Conv3D(3, (2, 3, 3), padding="same", activation="tanh", input_shape=(None, 4, 5, 2)),
        Dropout(**{"rate": 0.4, **arguments}),
        Conv3D(2, 1),
    ]
    built = Sequential(layers, device=device, dtype=dtype, seed=7)
    built.compile(optimizer="sgd", loss="mse")
    return built


def mask_of(noise_shape: Any, rate: float = 0.4, seed: int | None = None) -> np.ndarray[Any, Any]:
    """What one training pass multiplied ones by, (N,T,H,W,C)."""
    layer = Dropout(rate, noise_shape, seed)
    built = Sequential([layer], device="reference", dtype="float64")
    built.build((3, 4, 5, 2))
    backend = built.backend
    bound = layer.bind(backend, (3, 4, 5, 2), 2, training=True)
    bound.draw(np.random.default_rng(1))
    ones = backend.from_host(np.ones((3, 2, 4, 5, 2)))
    return backend.to_host(bound.forward(ones)).swapaxes(0, 1)


def test_it_drops_a_share_and_scales_the_rest() -> None:
    mask = mask_of(None)
    assert set(np.unique(mask.round(6))) == {0.0, round(1 / 0.6, 6)}
    assert 0.25 < (mask == 0).mean() < 0.55
    assert (mask[0] != mask[1]).any() and (mask[:, 0] != mask[:, 1]).any()


@pytest.mark.parametrize(
    "noise_shape", [(None, 1, None, None, None), [2, None, 1, 1, 2], (1, 3, 4, None, 1), (1, 1, 1, 1, 2)]
)
def test_one_number_serves_the_axes_of_size_one(noise_shape: Any) -> None:
    mask = mask_of(noise_shape)
    for axis, size in enumerate(noise_shape):
        alike = (mask == mask.take([0], axis)).all()
        assert alike if size == 1 else True
    if noise_shape == (None, 1, None, None, None):
        assert (mask[0] != mask[1]).any() and (mask[..., 0] != mask[..., 1]).any()


def test_predictions_are_those_without_it() -> None:
    dropped, plain = network(), network(rate=0.0)
    np.testing.assert_array_equal(dropped.predict(X), plain.predict(X))
    assert dropped.evaluate(X, X, verbose=0) == plain.evaluate(X, X, verbose=0)
    assert dropped.loss_and_gradients(X, X)[0] != plain.loss_and_gradients(X, X)[0]


def test_masks_change_with_each_update_and_come_back_with_the_seed() -> None:
    first, second = network(seed=5), network(seed=5)
    losses = [[each.train_on_batch(X, X) for _ in range(3)] for each in (first, second)]
    assert losses[0] == losses[1]
    assert network(seed=6).train_on_batch(X, X) != losses[0][0]
    still = network()
    before = [still.loss_and_gradients(X, X)[0] for _ in range(2)]
    assert before[0] == before[1], "the masks of the next update, until it is made"


def test_a_run_that_goes_on_drops_what_it_would_have_dropped() -> None:
    whole, resumed = network(), network(seed=None)
    whole.train_on_batch(X, X)
    resumed.build()
    resumed.load_state_arrays(whole.state_arrays())
    assert [resumed.train_on_batch(X, X) for _ in range(2)] == [whole.train_on_batch(X, X) for _ in range(2)]


@pytest.mark.parametrize("noise_shape", [None, (None, 1, 1, None, 3)])
def test_gradients_are_the_numeric_ones(noise_shape: Any) -> None:
    built = network(noise_shape=noise_shape)
    _, gradients = built.loss_and_gradients(X, X)
    weights = built.get_weights()
    for number, weight in enumerate(built.weights):
        gradient, step = gradients[weight.name], 1e-6
        assert np.abs(gradient).max() > 1e-6
        place = np.unravel_index(np.abs(gradient).argmax(), gradient.shape)
        sides = []
        for sign in (1, -1):
            moved = [array.copy() for array in weights]
            moved[number][place] += sign * step
            built.set_weights(moved)
            sides.append(built.loss_and_gradients(X, X)[0])
        assert (sides[0] - sides[1]) / (2 * step) == pytest.approx(gradient[place], rel=1e-5)
        built.set_weights(weights)


@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_back_ends_agree(device: str, monkeypatch: pytest.MonkeyPatch) -> None:
    simulate_device(monkeypatch, checked=False)
    found, expected = (network(where, "float32").loss_and_gradients(X, X)[1] for where in (device, "reference"))
    for name, gradient in expected.items():
        np.testing.assert_allclose(found[name], gradient, rtol=1e-3, atol=1e-6, err_msg=name)


def test_behind_a_last_frame(tmp_path: Path) -> None:
    layers = [
        engine.ConvLSTM2D(3, 3, padding="same", recurrent_activation="sigmoid", input_shape=(None, 4, 5, 2)),
        Dropout(0.5, (None, 1, 1, None)),
    ]
    built = Sequential(layers, device="reference", seed=1)
    built.compile(optimizer="sgd", loss="mse")
    built.fit(X, np.zeros((2, 4, 5, 3)), epochs=1, verbose=0)
    for suffix in (".keras", ".h5", ".safetensors"):
        built.save(tmp_path / f"model{suffix}")
        again = engine.load_model(tmp_path / f"model{suffix}", device="reference")
        assert again.get_config() == built.get_config()
        np.testing.assert_array_equal(again.predict(X), built.predict(X))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"rate": 1.0}, "rate: expected a number from 0"),
        ({"rate": -0.1}, "rate"),
        ({"rate": True}, "rate"),
        ({"noise_shape": 3}, "noise_shape: expected None or"),
        ({"noise_shape": (None, 0, 1, 1, 1)}, "noise_shape"),
        ({"seed": -1}, "seed"),
    ],
)
def test_wrong_arguments(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Dropout(**{"rate": 0.3, **arguments})


@pytest.mark.parametrize("noise_shape", [(None, 1, 1, 1), (1, 1, 4, 5, 2), (3, 1, 4, 5, 3)])
def test_a_noise_shape_that_does_not_fit(noise_shape: Any) -> None:
    with pytest.raises(ValueError, match="noise_shape: expected 5 sizes"):
        network(noise_shape=noise_shape).train_on_batch(X, X)
