"""States of a ConvLSTM2D: given, returned, carried from batch to batch, with their gradients."""

from typing import Any

import numpy as np
import pytest

from engine import ConvLSTM2D, Sequential
from tests.engine.networks import FLOAT64_DEVICES
from tests.kernels.directional import check_direction

Array = np.ndarray[Any, Any]


def random_array(seed: int, *shape: int) -> Array:
    return np.random.default_rng(seed).standard_normal(shape)


def layer(**arguments: Any) -> ConvLSTM2D:
    return ConvLSTM2D(2, **{"kernel_size": 3, "padding": "same", "return_state": True, "seed": 3} | arguments)


@pytest.mark.parametrize("first", [False, True])
@pytest.mark.parametrize("sequences", [False, True])
def test_returned_states_go_on_where_a_movie_was_cut(first: bool, sequences: bool) -> None:
    x = random_array(0, 2, 5, 3, 6, 7) if first else random_array(0, 2, 5, 6, 7, 3)
    arguments = {"return_sequences": sequences, "data_format": "channels_first" if first else "channels_last"}
    recurrent = layer(**arguments, strides=2)
    whole, h, c = recurrent(x)
    _, h_half, c_half = recurrent(x[:, :2])
    rest, h_end, c_end = recurrent(x[:, 2:], initial_state=[h_half, c_half])
    np.testing.assert_allclose(rest, whole[:, 2:] if sequences else whole, atol=1e-12)
    np.testing.assert_allclose([h_end, c_end], [h, c], atol=1e-12)
    np.testing.assert_array_equal(whole[:, -1] if sequences else whole, h)


CASES: dict[str, dict[str, Any]] = {
    "plain": {},
    "sequences": {"return_sequences": True},
    "backwards": {"go_backwards": True, "return_sequences": True},
    "first": {"data_format": "channels_first", "padding": "valid", "activation": "relu"},
    "strides": {"strides": 2, "use_bias": False, "recurrent_activation": "sigmoid"},
}


@pytest.mark.parametrize("case", CASES)
def test_gradients_of_states_inputs_and_weights(case: str) -> None:
    recurrent = layer(**CASES[case])
    x = random_array(0, 2, 4, 3, 6, 7) if case == "first" else random_array(0, 2, 4, 6, 7, 3)
    y, h, c = recurrent(x)
    start = [0.5 * random_array(seed, *h.shape) for seed in (1, 2)]
    slopes = [random_array(3, *y.shape), random_array(4, *h.shape), random_array(5, *c.shape)]

    def loss(x: Array, h0: Array, c0: Array) -> float:
        outputs = recurrent(x, initial_state=[h0, c0], training=True)
        return sum(float(np.vdot(slope, output)) for slope, output in zip(slopes, outputs, strict=True))

    loss(x, *start)
    back = recurrent.backward(slopes[0], dstate=slopes[1:])
    check_direction(lambda value: loss(value, *start), x, back.dx, "x")
    check_direction(lambda value: loss(x, value, start[1]), start[0], back.dstate[0], "h0")
    check_direction(lambda value: loss(x, start[0], value), start[1], back.dstate[1], "c0")
    assert list(back.weights) == [weight.name for weight in recurrent.weights]
    for weight in recurrent.weights:
        at = weight.to_host()

        def of_weight(value: Array, weight: Any = weight) -> float:
            weight.assign(value)
            return loss(x, *start)

        check_direction(of_weight, at, back.weights[weight.name], weight.name)
        weight.assign(at)


def test_an_encoders_gradient_comes_through_the_states_it_hands_over() -> None:
    encoder, decoder = layer(), layer(return_sequences=True, return_state=False, kernel_size=(1, 3))
    x, z, slope = random_array(0, 1, 3, 4, 5, 2), random_array(1, 1, 2, 4, 5, 1), random_array(2, 1, 2, 4, 5, 2)

    def loss(x: Array) -> float:
        _, h, c = encoder(x, training=True)
        return float(np.vdot(slope, decoder(z, initial_state=[h, c], training=True)))

    loss(x)
    handed_over = decoder.backward(slope).dstate
    last, _, _ = encoder(x, training=True)
    back = encoder.backward(np.zeros_like(last), dstate=handed_over)
    check_direction(loss, x, back.dx, "x of the encoder")


@pytest.mark.parametrize("device", FLOAT64_DEVICES)
def test_the_fast_recurrence_and_the_loop_over_frames_have_the_same_gradients(device: str) -> None:
    fast = ConvLSTM2D(2, 3, padding="same", return_sequences=True)
    built = Sequential([fast], device=device, dtype="float64", seed=1)
    built.compile(loss="mse", optimizer="adadelta")
    x, y = random_array(0, 2, 3, 6, 7, 3), random_array(1, 2, 3, 6, 7, 2)
    _, expected = built.loss_and_gradients(x, y)
    assert fast.is_fused(training=True)
    output = fast(x, training=True)
    back = fast.backward(2 * (output - y) / y.size)
    for name, gradient in expected.items():
        np.testing.assert_allclose(back.weights[name], gradient, rtol=1e-9, atol=1e-14, err_msg=name)


@pytest.mark.parametrize("device", FLOAT64_DEVICES)
@pytest.mark.parametrize("arguments", [{}, {"activation": "relu", "go_backwards": True}])
def test_a_stateful_network_goes_on_from_batch_to_batch(device: str, arguments: dict[str, Any]) -> None:
    built = Sequential(
        [ConvLSTM2D(2, 3, padding="same", stateful=True, batch_input_shape=(2, None, 6, 7, 3), **arguments)],
        device=device,
        dtype="float64",
        seed=1,
    )
    alone = layer(**arguments)
    x = [random_array(seed, 2, 3, 6, 7, 3) for seed in range(2)]
    alone(x[0])
    built.build()
    for own, weight in zip(alone.weights, built.weights, strict=True):
        own.assign(weight.to_host())
    first, h, c = alone(x[0])
    second, _, _ = alone(x[1], initial_state=[h, c])
    np.testing.assert_allclose(built.predict(x[0]), first, atol=1e-12)
    state = built.layers[0].carried.to_host()
    np.testing.assert_allclose(state, [h, c], atol=1e-12)
    np.testing.assert_allclose(built.predict(x[1]), second, atol=1e-12)
    built.reset_states()
    np.testing.assert_allclose(built.predict(x[0]), first, atol=1e-12)
    built.layers[0].reset_states([h, c])
    np.testing.assert_allclose(built.predict(x[1]), second, atol=1e-12)
    with pytest.raises(ValueError, match="batch_input_shape: conv_lstm2d is for batches of 2 movies, got one of 1"):
        built.predict(x[0][:1])


@pytest.mark.parametrize("device", FLOAT64_DEVICES)
def test_training_carries_states_as_constants_and_gradient_checks_do_not_move_them(device: str) -> None:
    built = Sequential([ConvLSTM2D(2, 3, padding="same", stateful=True)], device=device, dtype="float64", seed=1)
    built.compile(loss="mse", optimizer="adadelta")
    x, y = random_array(0, 2, 3, 6, 7, 3), random_array(1, 2, 6, 7, 2)
    built.train_on_batch(x, y)
    with pytest.raises(ValueError, match=r"stateful: conv_lstm2d carries states of shape \(2, 6, 7, 2\)"):
        built.train_on_batch(x[:1], y[:1])
    carried = built.layers[0].carried.to_host()
    assert min(np.abs(state).max() for state in carried) > 0
    loss, _ = built.loss_and_gradients(x, y)
    np.testing.assert_array_equal(built.layers[0].carried.to_host(), carried)
    assert built.evaluate(x, y, batch_size=2) == pytest.approx(loss, rel=1e-12)
    assert np.abs(np.subtract(built.layers[0].carried.to_host(), carried)).max() > 0


def test_states_are_kept_in_a_checkpoints_arrays() -> None:
    def build() -> Sequential:
        built = Sequential([ConvLSTM2D(2, 3, padding="same", stateful=True)], device="reference", seed=1)
        built.compile(loss="mse", optimizer="adadelta")
        return built

    first, again = build(), build()
    x, y = random_array(0, 2, 3, 6, 7, 3), random_array(1, 2, 6, 7, 2)
    first.train_on_batch(x, y)
    again.build(x.shape[1:])
    again.load_state_arrays(first.state_arrays())
    assert again.train_on_batch(x, y) == first.train_on_batch(x, y)


@pytest.mark.parametrize(
    ("says", "call"),
    [
        ("return_state: conv_lstm2d would give", lambda x: Sequential([layer()], device="reference").predict(x)),
        ("reset_states: conv_lstm2d is not stateful", lambda x: layer().reset_states()),
        ("backward: call the layer with training=True", lambda x: layer().backward(x)),
        (r"initial_state: expected \[h, c\], got 1", lambda x: layer()(x, initial_state=[x])),
        (r"initial_state: expected shape \(2, 6, 7, 2\), movies first", lambda x: layer()(x, initial_state=[x, x])),
        ("x: expected .movies", lambda x: layer()(x[0])),
    ],
)
def test_what_cannot_be_is_named(says: str, call: Any) -> None:
    with pytest.raises(ValueError, match=says):
        call(random_array(0, 2, 3, 6, 7, 3))
