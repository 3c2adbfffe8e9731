"""Classes of one's own, by name: who is let in, under what name, and what becomes of them."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

import engine
from engine import losses, optimizers, schedules
from engine.layers import LAYERS
from engine.losses import LOSSES, get_loss
from engine.metrics import METRICS
from engine.optimizers import OPTIMIZERS, get_optimizer
from engine.registry import Registry, is_registered, name_of
from engine.schedules import SCHEDULES

REGISTRIES: tuple[Registry[Any], ...] = (LAYERS, LOSSES, METRICS, OPTIMIZERS, SCHEDULES)


@pytest.fixture(autouse=True)
def nothing_stays(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """What a test registers is gone after it."""
    for registry in REGISTRIES:
        monkeypatch.setattr(registry, "_classes", dict(registry._classes))
    yield


def test_the_engine_s_own_are_there_by_their_class_names() -> None:
    for registry in REGISTRIES:
        assert all(name == cls.__name__ == name_of(cls) for name, cls in registry.items())
        assert all(issubclass(cls, registry.base) for cls in registry.values())


def test_a_class_goes_into_the_registry_of_its_base() -> None:
    @engine.register
    class Slow(optimizers.SGD):
        pass

    @engine.register(name="acme>Squared")
    class Squared(losses.MeanSquaredError):
        pass

    assert OPTIMIZERS["Slow"] is Slow and LOSSES["acme>Squared"] is Squared
    assert (name_of(Slow), name_of(Squared)) == ("Slow", "acme>Squared")
    assert type(get_optimizer("slow")) is Slow
    assert get_optimizer(Slow(0.5).get_config()).learning_rate == 0.5
    assert get_loss(Squared().get_config()) == Squared()


def test_registering_returns_the_class() -> None:
    class Mine(losses.Huber):
        pass

    assert engine.register(Mine) is Mine
    assert engine.register(Mine) is Mine, "a second time changes nothing"


def test_a_class_that_is_defined_anew_takes_the_place_of_the_one_before() -> None:
    def define() -> Any:
        @engine.register
        class Again(losses.Huber):
            pass

        return Again

    first, second = define(), define()
    assert LOSSES["Again"] is second
    assert is_registered(second) and not is_registered(first)


@pytest.mark.parametrize("name", ["Adam", "Taken"])
def test_a_name_of_another_class_is_refused(name: str) -> None:
    class First(optimizers.SGD):
        pass

    class Second(optimizers.SGD):
        pass

    engine.register(First, name="Taken")
    before = dict(OPTIMIZERS)
    with pytest.raises(ValueError, match=f"name: '{name}' is the name of another optimizer"):
        engine.register(Second, name=name)
    assert dict(OPTIMIZERS) == before


@pytest.mark.parametrize("cls", [int, None.__class__, "Adam", optimizers.SGD()])
def test_what_has_no_place_is_refused(cls: Any) -> None:
    with pytest.raises(ValueError, match=r"cls: expected a subclass of one of .*Loss.*Optimizer"):
        engine.register(cls)


def test_a_registry_may_refuse_a_class(monkeypatch: pytest.MonkeyPatch) -> None:
    class Base:
        pass

    def check(cls: Any) -> None:
        raise ValueError(f"cls: {cls.__name__} cannot work")

    monkeypatch.setattr("engine.registry._REGISTRIES", [])
    things: Registry[Base] = Registry("thing", Base, (), check)
    with pytest.raises(ValueError, match="cls: Mine cannot work"):
        engine.register(type("Mine", (Base,), {}))
    assert not things


def test_a_class_is_found_in_any_spelling_of_its_name() -> None:
    spelled = {
        "MeanSquaredError": losses.MeanSquaredError,
        "MSE": losses.MeanSquaredError,
        "mean_squared_error": losses.MeanSquaredError,
        "bce": losses.BinaryCrossentropy,
    }
    assert {name: LOSSES.find(name) for name in spelled} == spelled
    assert OPTIMIZERS.find("adamw") is OPTIMIZERS.find("AdamW") is optimizers.AdamW
    assert SCHEDULES.find("cosinedecay") is SCHEDULES["CosineDecay"]


@pytest.mark.parametrize("name", ["adagrad", "", None, 3])
def test_a_name_that_no_class_has_is_refused_with_those_that_there_are(name: Any) -> None:
    with pytest.raises(ValueError, match=r"optimizer: expected one of 'adadelta', .*'adamw'"):
        OPTIMIZERS.find(name)


def test_a_schedule_of_one_s_own_goes_through_an_optimizer_s_configuration() -> None:
    @engine.register
    @dataclass(frozen=True)
    class Steady(schedules.LearningRateSchedule):
        rate: float

        def __call__(self, step: int) -> float:
            return self.rate

    optimizer = optimizers.SGD(Steady(0.25))
    assert get_optimizer(optimizer.get_config()).learning_rate == 0.25
