"""Optimizers and schedules do what Keras' do, step by step; counting, setting rates, refusals, and going on."""

import json
from typing import Any

import numpy as np
import pytest

import engine
from engine import FitLoop, Sequential, optimizers, schedules
from engine.optimizers import OPTIMIZERS, get_optimizer
from engine.optimizers.base import Layout, Optimizer
from kernels.select import open_backend
from tests.engine.networks import movies, seed_like, targets
from tests.paths import FIXTURES

KERAS = json.loads((FIXTURES / "keras_optimizer_steps.json").read_text())
START = [np.array(value) for value in KERAS["start"].values()]
BOUNDS = (0, 64, 128)


ROUNDED_BY_KERAS = {"adam": 1e-6, "nadam": 2e-7, "nadam, cosine, weight decay, clipnorm": 2e-7}
"""Tolerances where Keras rounds to float32: Adam's default arguments, and Nadam's 0.96 in one of its two places; with
that rounding here too they are equal to 1e-9."""


def flat(arrays: list[Any]) -> np.ndarray:
    """Arrays where Layout says that they are, zeros between."""
    buffer = np.zeros(BOUNDS[-1])
    for start, array in zip(BOUNDS, arrays, strict=False):
        buffer[start : start + np.size(array)] = np.ravel(array)
    return buffer


@pytest.mark.parametrize("device", ["reference", "cpu"])
@pytest.mark.parametrize("name", KERAS["cases"])
def test_ten_steps_as_keras_does_them(name: str, device: str) -> None:
    """With Keras' own rates, for it computes schedules in float32."""
    case, backend = KERAS["cases"][name], open_backend(device, "float64")
    optimizer = get_optimizer({**case["optimizer"], "learning_rate": 0.0})
    optimizer.exclude_from_weight_decay(var_names=case["exclude"])
    optimizer.bind(backend, Layout(tuple(KERAS["start"]), BOUNDS))
    weights = backend.from_host(flat(START))
    for gradients, rate, after in zip(KERAS["gradients"], case["rates"], case["after"], strict=True):
        optimizer.learning_rate = rate
        optimizer.begin_step(backend)
        optimizer.update(backend, weights, backend.from_host(flat(gradients)))
        optimizer.end_step()
        close = ROUNDED_BY_KERAS.get(name, 1e-9)
        np.testing.assert_allclose(backend.to_host(weights), flat(after), rtol=close, atol=close)
    assert optimizer.iterations == len(KERAS["gradients"])


@pytest.mark.parametrize("name", KERAS["cases"])
def test_rates_follow_keras(name: str) -> None:
    case = KERAS["cases"][name]
    optimizer = get_optimizer(case["optimizer"])
    for step, rate in enumerate(case["rates"]):
        optimizer.iterations = step
        assert optimizer.learning_rate == pytest.approx(rate, rel=1e-5, abs=1e-7)


@pytest.mark.parametrize("name", KERAS["cases"])
def test_an_optimizer_is_rebuilt_from_its_configuration(name: str) -> None:
    optimizer = get_optimizer(KERAS["cases"][name]["optimizer"])
    config = json.loads(json.dumps(optimizer.get_config()))
    assert get_optimizer(config).get_config() == config
    assert type(optimizer).from_config(config).get_config() == config


@pytest.mark.parametrize("name", ["adadelta", "sgd", "adam", "adamw", "Adam", "AdamW", "SGD", "rmsprop", "nadam"])
def test_every_name_of_keras_makes_its_optimizer(name: str) -> None:
    assert type(get_optimizer(name)).__name__.lower() == name.lower()


def adam_network(device: str = "reference", rate: Any = 0.01) -> Sequential:
    network = seed_like(device)
    network.compile(loss="mse", optimizer=optimizers.Adam(rate, clipnorm=0.5, weight_decay=0.01))
    return network


@pytest.mark.parametrize("device", ["reference", "cpu"])
def test_a_loop_with_adam_and_a_schedule_resumes_bit_for_bit(device: str) -> None:
    x = movies(5)

    def loop_of(network: Sequential) -> FitLoop:
        network.build(x.shape[1:])
        return FitLoop.on_arrays(network, x, targets(x), batch_size=2, epochs=3, seed=9)

    rate = schedules.CosineDecay(0.02, decay_steps=9)
    straight, interrupted, resumed = (adam_network(device, rate) for _ in range(3))
    for _ in loop_of(straight):
        pass
    loop = loop_of(interrupted)
    events = iter(loop)
    for _ in range(5):
        next(events)
    rest = loop_of(resumed)
    resumed.load_state_arrays(interrupted.state_arrays())
    rest.restore(loop.state())
    for _ in rest:
        pass
    assert resumed.optimizer is not None and resumed.optimizer.iterations == 9
    for name, array in straight.state_arrays().items():
        np.testing.assert_array_equal(resumed.state_arrays()[name], array, err_msg=name)


def test_the_learning_rate_is_read_and_set() -> None:
    x = movies(2)
    network = adam_network()
    optimizer = network.optimizer
    assert optimizer is not None and optimizer.learning_rate == 0.01
    network.train_on_batch(x, targets(x))
    optimizer.weight_decay, optimizer.learning_rate = None, 0.0
    before = [weight.to_host() for weight in network.trainable_weights]
    network.train_on_batch(x, targets(x))
    for was, weight in zip(before, network.trainable_weights, strict=True):
        np.testing.assert_array_equal(weight.to_host(), was, err_msg=weight.name)
    assert optimizer.iterations == 2


def test_a_rate_that_follows_a_schedule_is_not_set() -> None:
    optimizer = optimizers.SGD(schedules.ExponentialDecay(0.1, 10, 0.5))
    with pytest.raises(ValueError, match="learning_rate: it follows ExponentialDecay"):
        optimizer.learning_rate = 0.1
    optimizer.iterations = 10
    assert optimizer.learning_rate == pytest.approx(0.05)


def test_weights_are_excluded_from_decay_by_object_too() -> None:
    network = seed_like("reference")
    network.build((4, 7, 6, 1))
    kept = network.trainable_weights[1]
    optimizer = optimizers.AdamW(0.0, weight_decay=0.5)
    optimizer.exclude_from_weight_decay(var_list=[kept])
    network.compile(loss="mse", optimizer=optimizer)
    optimizer.learning_rate = 1e-12  # Adam's own step is that small; the decay is not seen but for its rate
    optimizer.weight_decay = 1e11
    before = {weight.name: weight.to_host() for weight in network.trainable_weights}
    network.train_on_batch(movies(1), targets(movies(1)))
    for weight in network.trainable_weights:
        factor = 1.0 if weight is kept else 0.9
        np.testing.assert_allclose(weight.to_host(), factor * before[weight.name], atol=1e-10, err_msg=weight.name)


@pytest.mark.parametrize("device", ["reference", "cpu"])
@pytest.mark.parametrize("trained", [False, True])
def test_an_optimizer_serves_one_network(device: str, trained: bool) -> None:
    x, optimizer = movies(2), optimizers.Adam()
    first, second = seed_like(device), seed_like(device)
    first.compile(loss="mse", optimizer=optimizer)
    if trained:
        first.train_on_batch(x, targets(x))
    before = second.optimizer
    with pytest.raises(ValueError, match="optimizer: expected one that belongs to no other network"):
        second.compile(loss="mse", optimizer=optimizer)
    assert second.optimizer is before
    first.compile(loss="mae", optimizer=optimizer)
    assert first.iterations == 0
    first.train_on_batch(x, targets(x))
    second.compile(loss="mse", optimizer=get_optimizer(optimizer.get_config()))
    second.train_on_batch(x, targets(x))


def test_an_optimizer_that_was_replaced_is_free_again() -> None:
    x, optimizer = movies(2), optimizers.Adam()
    first, second = seed_like("reference"), seed_like("reference")
    first.compile(loss="mse", optimizer=optimizer)
    first.train_on_batch(x, targets(x))
    first.compile(loss="mse", optimizer="sgd")
    second.compile(loss="mse", optimizer=optimizer)
    second.train_on_batch(x, targets(x))
    assert second.iterations == 1


@pytest.mark.parametrize("device", ["reference", "cpu"])
@pytest.mark.parametrize("optimizer", [optimizers.Adam(), optimizers.Adadelta(), optimizers.SGD(momentum=0.9)])
def test_no_update_has_slots_of_another_size(device: str, optimizer: Optimizer) -> None:
    backend = open_backend(device)
    optimizer.bind(backend, Layout(("weights",), (0, 64)))
    optimizer.begin_step(backend)
    with pytest.raises(ValueError, match=r"optimizer: expected slots of 128 numbers, .* got 64 to 128"):
        optimizer.update(backend, backend.zeros((128,)), backend.zeros((128,)))


@pytest.mark.parametrize(
    ("match", "build"),
    [
        ("learning_rate: expected", lambda: optimizers.SGD(-1)),
        ("learning_rate: expected", lambda: optimizers.Adam("fast")),
        ("learning_rate: expected one of", lambda: optimizers.Adam({"class_name": "Lambda"})),
        ("learning_rate: CosineDecay", lambda: optimizers.Adam({"class_name": "CosineDecay", "config": {"x": 1}})),
        ("momentum: expected", lambda: optimizers.SGD(momentum=2)),
        ("beta_2: expected .* below 1", lambda: optimizers.Adam(beta_2=1.0)),
        ("clipnorm: expected a number above 0", lambda: optimizers.SGD(clipnorm=0)),
        ("clipnorm, clipvalue: expected at most one", lambda: optimizers.SGD(clipnorm=1.0, clipvalue=1.0)),
        ("weight_decay: expected", lambda: optimizers.AdamW(weight_decay=None)),
        ("optimizer: expected one of 'adadelta', 'sgd', 'adam', 'adamw'", lambda: get_optimizer("sideways")),
        ("decay_steps: expected", lambda: schedules.ExponentialDecay(0.1, 0, 0.5)),
        ("boundaries: expected", lambda: schedules.PiecewiseConstantDecay([5, 2], [1.0, 2.0, 3.0])),
        ("values: expected 3", lambda: schedules.PiecewiseConstantDecay([2, 5], [1.0, 2.0])),
        ("warmup_target: expected", lambda: schedules.CosineDecay(0.1, 10, warmup_target=-1.0)),
    ],
)  # fmt: skip
def test_bad_arguments_are_named(match: str, build: Any) -> None:
    with pytest.raises(ValueError, match=match):
        build()


def test_the_public_names() -> None:
    assert issubclass(engine.Adadelta, Optimizer)
    assert engine.optimizers.OPTIMIZERS.keys() >= {"Adadelta", "SGD", "Adam", "AdamW", "Nadam", "RMSprop"}
    for name, cls in engine.optimizers.OPTIMIZERS.items():
        assert getattr(engine.optimizers, name) is cls


@pytest.mark.parametrize("rate", [-1.0, float("nan"), float("inf"), None, "fast"])
def test_a_schedule_that_gives_no_rate_is_named_before_anything_moves(rate: Any) -> None:
    class Broken(schedules.LearningRateSchedule):
        def __call__(self, step: int) -> Any:
            return 0.1 if step == 0 else rate

    network = seed_like("reference")
    network.compile(loss="mse", optimizer=optimizers.SGD(Broken()))
    network.train_on_batch(movies(), targets(movies()))
    before = network.get_weights()
    with pytest.raises(ValueError, match=r"learning_rate: Broken must give a number from 0.*for step 1"):
        network.train_on_batch(movies(), targets(movies()))
    for weight, kept in zip(network.get_weights(), before, strict=True):
        np.testing.assert_array_equal(weight, kept)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_every_optimizer_names_its_slots_for_keras_2(name: str) -> None:
    largest = max((OPTIMIZERS[name](), *_with_more_slots(name)), key=lambda optimizer: len(optimizer.slots))
    assert len(largest.keras2_slots) == len(largest.slots)
    assert set(largest.arguments) <= largest.get_config().keys()


def _with_more_slots(name: str) -> list[Optimizer]:
    return {"SGD": [optimizers.SGD(momentum=0.9)], "Adam": [optimizers.Adam(amsgrad=True)],
            "AdamW": [optimizers.AdamW(amsgrad=True)],
            "RMSprop": [optimizers.RMSprop(momentum=0.9, centered=True)]}.get(name, [])  # fmt: skip


def test_an_argument_that_asks_for_other_slots_than_were_made_is_refused() -> None:
    built = seed_like("reference")
    built.compile(loss="mse", optimizer=optimizers.SGD(0.1))
    x = movies(2)
    built.train_on_batch(x, targets(x))
    assert isinstance(built.optimizer, optimizers.SGD)
    built.optimizer.momentum = 0.9
    with pytest.raises(ValueError, match="optimizer: SGD now wants momentum"):
        built.train_on_batch(x, targets(x))
