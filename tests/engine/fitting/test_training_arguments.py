"""What arguments do to training: dropout, regularizers, constraints, frozen layers, initializers."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engine import BatchNormalization, Conv3D, ConvLSTM2D, Sequential, constraints, initializers, regularizers
from engine.layers import Layer
from tests.engine.networks import FLOAT64_DEVICES

Array = np.ndarray[Any, Any]
X, Y = (np.random.default_rng(seed).standard_normal((2, 3, 5, 6, 2)) for seed in range(2))


def network(*layers: Layer, device: str = "reference", seed: int = 1) -> Sequential:
    built = Sequential(layers, device=device, dtype="float64", seed=seed)
    built.compile(loss="mse", optimizer="adadelta")
    built.build(X.shape[1:])
    return built


def recurrent(**arguments: Any) -> ConvLSTM2D:
    return ConvLSTM2D(2, 3, padding="same", return_sequences=True, **arguments)


# -------------------------------------------------------------------- dropout


def test_masks_are_one_for_each_gate_and_keep_the_mean() -> None:
    x_masks, h_masks = recurrent(dropout=0.25, recurrent_dropout=0.5).draw_masks(
        np.random.default_rng(0), (4, 2, 30, 30, 3), (4, 2, 30, 30, 2)
    )
    for masks, share in ((x_masks, 0.25), (h_masks, 0.5)):
        assert masks is not None
        np.testing.assert_allclose(np.unique(masks), [0, 1 / (1 - share)])
        np.testing.assert_allclose(masks.mean(axis=(1, 2, 3, 4)), 1, atol=0.05)
        assert not np.array_equal(masks[0], masks[1])


@pytest.mark.parametrize("arguments", [{"dropout": 0.4}, {"recurrent_dropout": 0.4}])
def test_training_drops_and_nothing_else_does(arguments: dict[str, float]) -> None:
    dropping, plain = network(recurrent(**arguments)), network(recurrent())
    plain.set_weights(dropping.get_weights())
    np.testing.assert_allclose(dropping.predict(X), plain.predict(X), atol=1e-12)
    assert dropping.evaluate(X, Y) == pytest.approx(plain.evaluate(X, Y), rel=1e-12)
    first, _ = dropping.loss_and_gradients(X, Y)
    assert first != pytest.approx(plain.loss_and_gradients(X, Y)[0], rel=1e-6)
    assert dropping.loss_and_gradients(X, Y)[0] == first == dropping.train_on_batch(X, Y)


def test_each_update_draws_anew_and_a_seed_draws_the_same() -> None:
    def losses(seed: int) -> list[float]:
        built = Sequential([recurrent(dropout=0.5, kernel_initializer="ones")], "reference", seed=seed)
        built.compile(loss="mse", optimizer={"class_name": "Adadelta", "learning_rate": 0.0})
        built.build(X.shape[1:])
        built.set_weights([np.full(weight.shape, 0.1) for weight in built.weights])
        return [built.train_on_batch(X, Y) for _ in range(3)]

    assert len(set(losses(1))) == 3
    assert losses(1) == losses(1) != losses(2)


def test_a_share_of_all_or_nothing_drops_nothing() -> None:
    expected = network(recurrent()).loss_and_gradients(X, Y)[0]
    assert network(recurrent(dropout=1.0)).loss_and_gradients(X, Y)[0] == expected


def test_a_resumed_network_drops_what_the_first_would_have_dropped() -> None:
    first, again = (network(recurrent(dropout=0.5), seed=seed) for seed in (1, 2))
    first.train_on_batch(X, Y)
    again.load_state_arrays(first.state_arrays())
    assert [again.train_on_batch(X, Y) for _ in range(2)] == [first.train_on_batch(X, Y) for _ in range(2)]
    with pytest.raises(ValueError, match="dropout/seed_and_step"):
        network(recurrent()).load_state_arrays(first.state_arrays())


# -------------------------------------------------------------------- regularizers and constraints


@pytest.mark.parametrize("device", FLOAT64_DEVICES)
def test_reported_losses_include_penalties(device: str) -> None:
    penalized = network(recurrent(kernel_regularizer=regularizers.l2(0.3), bias_regularizer="l1"), device=device)
    plain = network(recurrent(), device=device)
    plain.set_weights(penalized.get_weights())
    kernel, _, bias = penalized.get_weights()
    penalty = 0.3 * (kernel**2).sum() + 0.01 * np.abs(bias).sum()
    for call in (lambda of: of.loss_and_gradients(X, Y)[0], lambda of: of.evaluate(X, Y, batch_size=1)):
        assert call(penalized) == pytest.approx(call(plain) + penalty, rel=1e-12)
    assert penalized.train_on_batch(X, Y) == pytest.approx(plain.train_on_batch(X, Y) + penalty, rel=1e-12)


@pytest.mark.parametrize("device", FLOAT64_DEVICES)
def test_constraints_hold_after_an_update(device: str) -> None:
    small = {"class_name": "MaxNorm", "config": {"max_value": 0.1}}
    built = network(
        recurrent(kernel_constraint=constraints.max_norm(0.2, axis=[0, 1, 2]), recurrent_constraint="unit_norm"),
        Conv3D(2, 1, kernel_constraint="NonNeg", bias_constraint=small),
        device=device,
    )
    built.train_on_batch(X, Y)
    kernel, recurrent_kernel, _, head, bias = built.get_weights()
    assert np.sqrt((kernel**2).sum(axis=(0, 1, 2))).max() == pytest.approx(0.2, rel=1e-5)
    np.testing.assert_allclose(np.sqrt((recurrent_kernel**2).sum(axis=0)), 1, rtol=1e-5)
    assert head.min() == 0
    assert head.max() > 0
    assert np.linalg.norm(bias) <= 0.1


# -------------------------------------------------------------------- trainable


@pytest.mark.parametrize("device", FLOAT64_DEVICES)
def test_a_frozen_layer_stays_and_the_rest_learns(device: str) -> None:
    built = network(recurrent(trainable=False), BatchNormalization(trainable=False), Conv3D(2, 1), device=device)
    assert [weight.name for weight in built.trainable_weights] == ["conv3d/kernel", "conv3d/bias"]
    assert [weight.name for weight in built.weights][:4] == [
        "conv_lstm2d/kernel", "conv_lstm2d/recurrent_kernel", "conv_lstm2d/bias", "batch_normalization/gamma",
    ]  # fmt: skip
    before = built.get_weights()
    built.train_on_batch(X, Y)
    moved = [not np.array_equal(was, now) for was, now in zip(before, built.get_weights(), strict=True)]
    assert moved == [False] * 7 + [True] * 2


def test_a_frozen_normalization_uses_its_averages_in_training() -> None:
    frozen = network(BatchNormalization(trainable=False), Conv3D(2, 1, padding="same"))
    for weight in frozen.layers[0].weights:
        weight.assign(np.random.default_rng(0).uniform(0.5, 2.0, weight.shape))
    assert frozen.loss_and_gradients(X, Y)[0] == pytest.approx(frozen.evaluate(X, Y), rel=1e-12)


def test_trainable_counts_from_the_next_compile_on() -> None:
    built = network(recurrent(), Conv3D(2, 1))
    built.train_on_batch(X, Y)
    built.layers[0].trainable = False
    built.compile(loss="mse", optimizer="adadelta")
    before = built.get_weights()
    built.train_on_batch(X, Y)
    after = built.get_weights()
    assert all(np.array_equal(was, now) for was, now in zip(before[:3], after[:3], strict=True))
    assert not np.array_equal(before[3], after[3])
    built.layers[0].trainable = True
    built.compile(loss="mse", optimizer="adadelta")
    built.train_on_batch(X, Y)
    assert not np.array_equal(built.get_weights()[0], after[0])


def test_frozen_weights_take_no_penalty() -> None:
    built = network(recurrent(trainable=False, kernel_regularizer="l2"), Conv3D(2, 1))
    plain = network(recurrent(trainable=False), Conv3D(2, 1))
    plain.set_weights(built.get_weights())
    assert built.evaluate(X, Y) == plain.evaluate(X, Y)


# -------------------------------------------------------------------- initializers


@pytest.mark.parametrize(
    ("initializer", "mean", "deviation", "limit"),
    [
        ("zeros", 0, 0, 0),
        ("ones", 1, 0, 1),
        (initializers.Constant(0.3), 0.3, 0, 0.3),
        ("random_uniform", 0, 0.1 / 12**0.5, 0.05),
        ({"class_name": "RandomNormal", "config": {"mean": 1.0, "stddev": 0.5}}, 1, 0.5, np.inf),
        ({"class_name": "TruncatedNormal", "config": {"stddev": 1.0}}, 0, 0.87962566, 2),
        ("glorot_uniform", 0, (2 / (90 + 180)) ** 0.5, (6 / (90 + 180)) ** 0.5),
        ("glorot_normal", 0, (2 / (90 + 180)) ** 0.5, np.inf),
        ("he_uniform", 0, (2 / 90) ** 0.5, (6 / 90) ** 0.5),
        ("he_normal", 0, (2 / 90) ** 0.5, np.inf),
        ("lecun_uniform", 0, (1 / 90) ** 0.5, (3 / 90) ** 0.5),
        ("LecunNormal", 0, (1 / 90) ** 0.5, np.inf),
        ({"class_name": "VarianceScaling", "config": {"scale": 3.0, "mode": "fan_out", "distribution": "uniform"}},
         0, (3 / 180) ** 0.5, (9 / 180) ** 0.5),
        (initializers.Orthogonal(gain=2.0), 0, 2 / 90**0.5, np.inf),
    ],
)  # fmt: skip
def test_initializers_draw_from_keras_distributions(initializer, mean, deviation, limit) -> None:
    drawn = initializers.get_initializer("kernel_initializer", initializer)((3, 3, 10, 20), np.random.default_rng(0))
    assert drawn.mean() == pytest.approx(mean, abs=1e-12 + 3 * deviation / drawn.size**0.5)
    assert drawn.std() == pytest.approx(deviation, rel=0.06, abs=1e-12)
    assert np.abs(drawn).max() <= limit * (1 + 1e-12)


def test_a_seed_is_an_initializers_own() -> None:
    seeded = initializers.GlorotUniform(seed=5)
    first, again = (seeded((3, 4), np.random.default_rng(seed)) for seed in (0, 1))
    np.testing.assert_array_equal(first, again)


def test_the_forget_gates_bias_begins_at_one_beside_any_initializer() -> None:
    bias = network(recurrent(bias_initializer=initializers.Constant(0.5))).get_weights()[2]
    np.testing.assert_array_equal(bias, [0.5, 0.5, 1, 1, 0.5, 0.5, 0.5, 0.5])


# -------------------------------------------------------------------- files, refusals

BOTH: dict[str, Any] = {"input_shape": X.shape[1:], "batch_input_shape": X.shape}
WRONG = {"class_name": "L2", "config": {"l": 1}}


def any_time() -> Sequential:
    return Sequential([BatchNormalization(axis=1)], "reference")


def test_a_saved_model_keeps_every_argument(tmp_path: Path) -> None:
    import engine

    built = network(
        recurrent(dropout=0.2, kernel_regularizer="l2", recurrent_constraint="max_norm", trainable=False, seed=3),
        Conv3D(2, (1, 2, 2), padding="valid", groups=2, use_bias=False, kernel_initializer="he_normal"),
    )
    built.save(tmp_path / "m.safetensors")
    again = engine.load_model(tmp_path / "m.safetensors", device="reference")
    assert again.get_config() == built.get_config()
    np.testing.assert_array_equal(again.predict(X), built.predict(X))


@pytest.mark.parametrize(
    ("says", "build"),
    [
        ("strides: .* one of them must be 1", lambda: ConvLSTM2D(2, 3, strides=2, dilation_rate=2)),
        ("strides: .* one of them must be 1", lambda: Conv3D(2, 3, strides=(1, 2, 1), dilation_rate=(2, 1, 1))),
        ("activity_regularizer: .* on weights", lambda: ConvLSTM2D(2, 3, activity_regularizer="l2")),
        ("activity_regularizer", lambda: Conv3D(2, 3, activity_regularizer="l2")),
        ("data_format", lambda: Conv3D(2, 3, data_format="first")),
        ("groups: expected a divisor of filters=3", lambda: Conv3D(3, 3, groups=2)),
        ("groups: expected a divisor of the input's 2", lambda: network(Conv3D(3, 1, groups=3))),
        ("dropout: expected a number from 0 to 1", lambda: ConvLSTM2D(2, 3, dropout=1.5)),
        ("kernel_initializer: identity is for matrices", lambda: Conv3D(2, 3, kernel_initializer="identity")),
        ("orthogonal: expected a weight of at least 2", lambda: network(Conv3D(2, 1, bias_initializer="orthogonal"))),
        ("kernel_regularizer: expected one of 'l1'", lambda: Conv3D(2, 3, kernel_regularizer="l3")),
        ("kernel_regularizer: L2: .*unexpected", lambda: Conv3D(2, 3, kernel_regularizer=WRONG)),
        ("kernel_constraint: axis", lambda: Conv3D(2, 3, kernel_constraint=constraints.MaxNorm(axis=5))),
        ("axis: expected one axis other than 0", lambda: BatchNormalization(axis=0)),
        ("axis: expected one axis", lambda: BatchNormalization(axis=[1, 2])),
        ("axis: expected one with a known size", lambda: any_time().build((None, 2, 2, 1))),
        ("kernel_size: 9 taps .* do not fit into 5 rows", lambda: network(ConvLSTM2D(2, 9)).predict(X)),
        ("give the layer before it return_sequences=True", lambda: network(ConvLSTM2D(2, 1), ConvLSTM2D(2, 1))),
        ("trainable: expected True or False", lambda: Conv3D(2, 3, trainable="no")),
        ("batch_input_shape: give it or input_shape", lambda: ConvLSTM2D(2, 3, **BOTH)),
    ],
)  # fmt: skip
def test_what_cannot_be_served_is_named(says: str, build: Any) -> None:
    with pytest.raises(ValueError, match=says):
        build()
