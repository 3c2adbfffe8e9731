"""Losses and optimizers of one's own: they train, report, save and load, or are refused before anything is done."""

import json
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest

import engine
from engine import BatchNormalization, Conv3D, ConvLSTM2D, Sequential, losses, optimizers
from engine.files.checkpoint import load_checkpoint, save_checkpoint
from engine.fitting.loop import FitLoop
from engine.losses import LOSSES
from engine.metrics import Metric, get_metric
from engine.models.checkpoints import checkpoint_of, restore
from engine.models.loading import network_from_config
from engine.movies.scores import mean_loss, score_one_step
from engine.optimizers import OPTIMIZERS, Optimizer
from kernels.losses import TERMS, LossSpec, term_of
from kernels.row_losses import ROW_TERMS
from kernels.updates import UpdateSpec
from tests.engine.networks import movies, targets

SHAPE = (None, 5, 4, 1)


@dataclass(frozen=True)
class Steep(losses.Huber):
    """A loss with another default."""

    delta: float = 0.05


class Plain(losses.Loss):
    """A loss from the term of another."""

    name: ClassVar[str] = "plain"
    kind: ClassVar[str] = "mean_squared_error"


class MyAdam(optimizers.Adam):
    """Adam with another default and nothing else."""

    def __init__(self, learning_rate: Any = 0.02, **arguments: Any) -> None:
        super().__init__(learning_rate, **arguments)


class Falling(Optimizer):
    """An optimizer from a rule of another, with an argument of its own."""

    arguments = ("decay",)

    def __init__(self, learning_rate: Any = 0.05, decay: float = 0.5, **common: Any) -> None:
        super().__init__(learning_rate, **common)
        self.decay = decay

    def update_spec(self) -> UpdateSpec:
        return UpdateSpec("momentum", {"momentum": 0.5})

    def _step_size(self, learning_rate: float) -> float:
        return learning_rate * self.decay**self.iterations


@pytest.fixture
def registered(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The classes above have their names, for one test."""
    for registry in (LOSSES, OPTIMIZERS):
        monkeypatch.setattr(registry, "_classes", dict(registry._classes))
    for cls in (Steep, Plain, MyAdam, Falling):
        engine.register(cls)
    yield


def network(optimizer: Any = "sgd", loss: Any = "mse", gates: str = "hard_sigmoid", device: str = "cpu") -> Sequential:
    built = Sequential(device=device, seed=3)
    built.add(ConvLSTM2D(2, 3, padding="same", return_sequences=True, recurrent_activation=gates, input_shape=SHAPE))
    built.add(BatchNormalization())
    built.add(Conv3D(1, 3, padding="same", activation="sigmoid"))
    built.compile(optimizer=optimizer, loss=loss)
    return built


def trained(**arguments: Any) -> tuple[Sequential, np.ndarray, np.ndarray]:
    x = movies(4, 3, 5, 4)
    built = network(**arguments)
    built.fit(x, targets(x), batch_size=2, epochs=2, verbose=0)
    return built, x, targets(x)


# ---------------------------------------------------------------- losses


def test_every_loss_is_scored_as_it_is_trained() -> None:
    """Those that tables gain later too: none may fail only when a run is reported."""
    x = movies(2, 3, 5, 4)
    for cls in LOSSES.values():
        y = np.zeros_like(x) if cls().classes else targets(x)
        built = network(loss=cls())
        expected, spec = built.evaluate(x, y, verbose=0), cls().spec(from_logits=False)
        close = pytest.approx(expected, rel=1e-5, abs=2e-7)  # float32, where rows of one channel have nothing to lose
        assert mean_loss(spec, built.predict(x), y) == close
        assert score_one_step(built.predict(x), x, y, spec).all_frames == close


def test_every_term_with_a_gradient_has_a_loss() -> None:
    kinds = {kind for kind in (*TERMS, *ROW_TERMS) if term_of(kind).slope is not None}
    assert {cls.kind for cls in LOSSES.values()} == kinds
    for cls in LOSSES.values():
        parameter = term_of(cls.kind).parameter
        assert parameter is None or hasattr(cls(), parameter)


@pytest.mark.usefixtures("registered")
@pytest.mark.parametrize(("own", "base"), [(Steep(), losses.Huber(0.05)), (Plain(), losses.MeanSquaredError())])
def test_a_loss_of_one_s_own_trains_reports_saves_and_loads(tmp_path: Path, own: Any, base: Any) -> None:
    built, x, y = trained(loss=own)
    same, _, _ = trained(loss=base)
    for name, array in same.state_arrays().items():
        np.testing.assert_array_equal(built.state_arrays()[name], array, err_msg=name)
    scores = score_one_step(built.predict(x), x, y, own.spec(from_logits=False))
    assert scores.all_frames == pytest.approx(built.evaluate(x, y, verbose=0))
    built.save(tmp_path / "m.safetensors")
    again = engine.load_model(tmp_path / "m.safetensors", device="cpu")
    assert again.loss == own and type(again.loss) is type(own)
    again.compile(loss=type(own).__name__)
    assert type(again.loss) is type(own)


def kind_less() -> Any:
    return type("KindLess", (losses.Loss,), {"name": "k"})()


def of_kind(kind: Any, **attributes: Any) -> Any:
    return type("Mine", (losses.Loss,), {"name": "mine", "kind": kind, **attributes})()


@pytest.mark.parametrize("device", ["reference", "cpu"])
@pytest.mark.parametrize(
    ("match", "make"),
    [
        ("loss: expected a kind of binary_crossentropy, .*got None of KindLess", kind_less),
        ("loss: expected a kind of .*got 'no_such_term' of Mine", lambda: of_kind("no_such_term")),
        ("loss: expected a kind of .*got 'binary_accuracy' of Mine", lambda: of_kind("binary_accuracy")),
        ("loss: expected Mine to have an attribute delta", lambda: of_kind("huber")),
        ("folds_in to return False", lambda: of_kind("mean_squared_error", folds_in=lambda self, activation: True)),
        ("kind: expected one of", lambda: of_kind("mean_squared_error", spec=lambda self, from_logits: LossSpec("no"))),
        (
            "spec to have a gradient",
            lambda: of_kind(
                "mean_squared_error", spec=lambda self, from_logits: LossSpec("mean_squared_error", from_logits=True)
            ),
        ),
    ],
)
def test_a_loss_that_cannot_work_is_refused_by_compile(match: str, make: Any, device: str) -> None:
    built = network(device=device)
    before = built.loss, built.optimizer
    with pytest.raises(ValueError, match=match):
        built.compile(loss=make())
    assert (built.loss, built.optimizer) == before


def test_registering_a_loss_that_cannot_work_is_refused() -> None:
    with pytest.raises(ValueError, match="loss: expected a kind of"):
        engine.register(type(of_kind("no_such_term")))
    assert "Mine" not in LOSSES


def test_a_metric_of_an_unknown_kind_is_refused() -> None:
    for make in (lambda: Metric("mine", "no_such_term"), lambda: get_metric({"name": "mine", "kind": "no_such_term"})):
        with pytest.raises(ValueError, match="kind: expected one of binary_crossentropy"):
            make()


# ---------------------------------------------------------------- optimizers


@pytest.mark.usefixtures("registered")
@pytest.mark.parametrize("own", [MyAdam, Falling])
def test_an_optimizer_of_one_s_own_saves_loads_and_goes_on(tmp_path: Path, own: type[Optimizer]) -> None:
    built, x, y = trained(optimizer=own())
    built.save(tmp_path / "m.safetensors")
    again = engine.load_model(tmp_path / "m.safetensors", device="cpu")
    assert type(again.optimizer) is own and again.optimizer is not None
    assert again.optimizer.get_config() == own().get_config()
    again.load_state_arrays(built.state_arrays())
    for model in (built, again):
        model.train_on_batch(x, y)
    for name, array in built.state_arrays().items():
        np.testing.assert_array_equal(again.state_arrays()[name], array, err_msg=name)


@pytest.mark.usefixtures("registered")
def test_a_checkpoint_holds_them(tmp_path: Path) -> None:
    x = movies(4, 3, 5, 4)

    def loop_of(model: Sequential) -> FitLoop:
        return FitLoop.on_arrays(model, x, targets(x), batch_size=2, epochs=2, seed=9)

    straight = network(Falling(), Steep())
    straight.build()
    loop = loop_of(straight)
    next(iter(loop))
    save_checkpoint(tmp_path / "c.safetensors", checkpoint_of(straight, loop, []))
    checkpoint = load_checkpoint(tmp_path / "c.safetensors")
    resumed = network_from_config("c", json.loads(json.dumps(checkpoint.config)), "cpu")
    assert (type(resumed.optimizer), type(resumed.loss)) == (Falling, Steep)
    rest = loop_of(resumed)
    restore("c", checkpoint, resumed, rest)
    for model in (loop, rest):
        for _ in model:
            pass
    for name, array in straight.state_arrays().items():
        np.testing.assert_array_equal(resumed.state_arrays()[name], array, err_msg=name)


def test_a_file_with_what_is_not_registered_opens_uncompiled_and_says_why(tmp_path: Path) -> None:
    for optimizer, loss, name in ((MyAdam(), "mse", "MyAdam"), ("sgd", Steep(), "Steep")):
        built, x, _ = trained(optimizer=optimizer, loss=loss)
        built.save(tmp_path / "m.safetensors")
        with pytest.warns(UserWarning, match=f"got '{name}'.*engine.register"):
            again = engine.load_model(tmp_path / "m.safetensors", device="cpu")
        assert again.optimizer is None
        np.testing.assert_array_equal(again.predict(x), built.predict(x))


# ---------------------------------------------------------------- Keras' files


@pytest.mark.parametrize("gates", ["sigmoid", "hard_sigmoid", "hard_sigmoid_keras3"])
@pytest.mark.parametrize("suffix", [".keras", ".h5"])
def test_keras_files_say_the_class_that_it_is_derived_from(tmp_path: Path, suffix: str, gates: str) -> None:
    """Both formats scale some of these gates' weights, and the optimizer's slots with them."""
    path = tmp_path / f"m{suffix}"
    built, x, y = trained(optimizer=MyAdam(amsgrad=True), loss=Steep(), gates=gates)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        built.save(path)
    said = [str(warning.message) for warning in caught]
    assert sum("optimizer: Keras has no MyAdam; the file says Adam" in text for text in said) == 1
    assert sum("loss: Keras has no Steep; the file says Huber" in text for text in said) == 1
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        again = engine.load_model(path, device="cpu")
    assert type(again.optimizer) is optimizers.Adam and again.optimizer is not None
    assert again.optimizer.get_config() == built.optimizer.get_config() | {"class_name": "Adam"}  # type: ignore[union-attr]
    assert again.loss == losses.Huber(0.05)
    for (name, array), other in zip(built.state_arrays().items(), again.state_arrays().values(), strict=True):
        np.testing.assert_allclose(other, array, rtol=1e-6, err_msg=name)
    assert again.train_on_batch(x, y) == pytest.approx(built.train_on_batch(x, y), rel=1e-6)


@pytest.mark.parametrize("suffix", [".keras", ".h5"])
@pytest.mark.parametrize(
    ("match", "arguments"),
    [
        ("optimizer: Keras has no Falling", {"optimizer": Falling()}),
        ("loss: Keras has no Plain", {"loss": Plain()}),
    ],
)
def test_keras_files_refuse_what_is_derived_from_nothing_there(
    tmp_path: Path, match: str, arguments: Any, suffix: str
) -> None:
    path = tmp_path / f"m{suffix}"
    path.write_bytes(b"before")
    optimizer = Falling() if "optimizer" in arguments else "sgd"
    built, _, _ = trained(**{**arguments, "optimizer": optimizer})
    with pytest.raises(ValueError, match=f"{match}.*save .safetensors"):
        built.save(path)
    assert path.read_bytes() == b"before"
    built.save(tmp_path / "m.safetensors")


def test_weights_alone_are_saved_with_any_optimizer(tmp_path: Path) -> None:
    built, _, _ = trained(optimizer=Falling(), gates="hard_sigmoid")
    for name in ("m.weights.h5", "m.h5"):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            built.save_weights(tmp_path / name)
            other = network()
            other.load_weights(tmp_path / name)
        for was, now in zip(built.get_weights(), other.get_weights(), strict=True):
            np.testing.assert_allclose(now, was, rtol=1e-6)
