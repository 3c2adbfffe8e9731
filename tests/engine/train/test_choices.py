"""Optimizers, schedules, losses and metrics by name: every one that the engine has, as text, as a table, in a run."""

import csv
import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import engine
from engine.files.checkpoint import load_checkpoint
from engine.losses import LOSSES, Huber, MeanSquaredError
from engine.metrics import METRICS
from engine.optimizers import OPTIMIZERS, SGD, Adam
from engine.schedules import SCHEDULES, LearningRateSchedule
from engine.train.arguments import make_parser
from engine.train.choices import make_loss, make_metric, make_optimizer, parse_call
from engine.train.config import from_json, make_config
from tests.engine.train.run_helpers import assert_same_end, run, write_config
from tests.paths import ROOT

CPU = {"device": "cpu"}

SCHEDULE_ARGUMENTS: dict[str, dict[str, Any]] = {
    "PiecewiseConstantDecay": {"boundaries": [2, 4], "values": [0.1, 0.01, 0.001]},
    "ExponentialDecay": {"initial_learning_rate": 0.1, "decay_steps": 5, "decay_rate": 0.5},
    "InverseTimeDecay": {"initial_learning_rate": 0.1, "decay_steps": 5, "decay_rate": 0.5},
}
"""Those that need others than initial_learning_rate and decay_steps."""


@pytest.fixture(autouse=True)
def nothing_stays(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """What a test registers is gone after it."""
    for registry in (LOSSES, METRICS, OPTIMIZERS, SCHEDULES):
        monkeypatch.setattr(registry, "_classes", dict(registry._classes))
    yield


def _schedule(name: str) -> dict[str, Any]:
    return SCHEDULE_ARGUMENTS.get(name, {"initial_learning_rate": 0.1, "decay_steps": 5})


def _toml(table: dict[str, Any]) -> str:
    return "{" + ", ".join(f"{key} = {json.dumps(value)}" for key, value in table.items()) + "}"


def _call(name: str, arguments: dict[str, Any]) -> str:
    return f"{name}({', '.join(f'{key}={value!r}' for key, value in arguments.items())})"


def _rows(folder: Path) -> list[dict[str, str]]:
    with (folder / "metrics.csv").open() as file:
        return list(csv.DictReader(file))


OF_CLASSES = ("SparseCategoricalCrossentropy", "SparseCategoricalAccuracy")
"""What wants numbers of classes, where the targets of a run are movies: refused."""

CASES: list[tuple[str, str, list[str]]] = [
    *((f'optimizer = "{name}"', name, ["--optimizer", name]) for name in OPTIMIZERS),
    *(
        (
            'optimizer = {name = "sgd", learning_rate = ' + _toml({"name": name, **_schedule(name)}) + "}",
            name,
            ["--optimizer", "sgd", "--schedule", _call(name, _schedule(name))],
        )
        for name in SCHEDULES
    ),
    *((f'loss = "{name}"', name, ["--loss", name]) for name in LOSSES if name not in OF_CLASSES),
    *((f'metrics = ["{name}"]', name, ["--metric", name]) for name in (*METRICS, *LOSSES) if name not in OF_CLASSES),
]


def test_the_page_and_the_help_name_all_of_them() -> None:
    page, text = (ROOT / "docs" / "training.md").read_text(encoding="utf-8"), make_parser().format_help()
    names = [name for registry in (OPTIMIZERS, SCHEDULES, LOSSES, METRICS) for name in registry]
    assert [name for name in names if f"`{name}`" not in page or name not in text] == []


@pytest.mark.parametrize(("toml", "name", "flags"), CASES, ids=[f"{case[2][0]}-{case[1]}" for case in CASES])
def test_everything_in_the_registries_trains_by_file_and_by_flag(
    tmp_path: Path, toml: str, name: str, flags: list[str]
) -> None:
    short = "epochs = 1\nsamples = 6\nvalidation_split = 0.0"
    assert run("--config", write_config(tmp_path, f"{short}\n{toml}"), "--out", tmp_path / "file") == 0
    assert run("--config", write_config(tmp_path, short), *flags, "--out", tmp_path / "flag") == 0
    for file in ("model.safetensors", "report.json"):
        assert (tmp_path / "file" / file).read_bytes() == (tmp_path / "flag" / file).read_bytes()
    one, other = (json.loads((tmp_path / run / "config.json").read_text())["settings"] for run in ("file", "flag"))
    assert one == other and name in json.dumps(one)
    saved = json.dumps(load_checkpoint(tmp_path / "file" / "checkpoint.safetensors").config)
    kinds = {cls: key for registry in (OPTIMIZERS, SCHEDULES) for key, cls in registry.items()}
    assert name not in kinds.values() or f'"{name}"' in saved
    (row,) = _rows(tmp_path / "file")
    assert math.isfinite(float(row["loss"]))
    if flags[0] == "--metric":
        report = json.loads((tmp_path / "file" / "report.json").read_text())["metrics"][name]
        # A noisy last input has numbers below 0, and rows of 0, where Poisson and cross-entropy are not defined.
        measured = [value for key, value in report.items() if key != "persistence" or value is not None]
        assert math.isfinite(float(row[name])) and len(measured) > 1 and all(map(math.isfinite, measured))


ADAM = """
epochs = 4
loss = {name = "huber", delta = 0.25}
metrics = ["mae", {name = "binary_accuracy", threshold = 0.3}, "mae"]

[optimizer]
name = "adam"
clipnorm = 0.05

[optimizer.learning_rate]
name = "CosineDecay"
initial_learning_rate = 0.05
decay_steps = 20
"""


def test_adam_with_a_cosine_and_clipping_resumes_to_the_same_bits(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    config = write_config(tmp_path, ADAM)
    assert run("--config", config, "--out", tmp_path / "whole") == 0
    assert "mae, next frame:" in capfd.readouterr().out
    assert run("--config", config, "--epochs", 2, "--out", tmp_path / "parts") == 0
    assert run("--resume", tmp_path / "parts", "--epochs", 4) == 0
    assert_same_end(tmp_path / "whole", tmp_path / "parts")
    measured = ["loss", "mae", "binary_accuracy", "mae_1"]
    rows, others = (_rows(tmp_path / folder) for folder in ("whole", "parts"))
    assert list(rows[0]) == [
        "epoch", "step", *measured, *(f"val_{name}" for name in measured), "seconds", "movies_per_second"
    ]  # fmt: skip
    for row, other in zip(rows, others, strict=True):
        assert [row[name] for name in measured] == [other[name] for name in measured]
        assert row["mae"] == row["mae_1"] and 0 < float(row["val_binary_accuracy"]) <= 1
    optimizer = engine.load_model(tmp_path / "parts" / "model.safetensors", device="reference").optimizer
    assert isinstance(optimizer, Adam) and optimizer.clipnorm == 0.05 and optimizer.follows_schedule


def test_a_run_from_before_there_was_a_choice_is_gone_on_with(tmp_path: Path) -> None:
    config = write_config(tmp_path, "learning_rate = 0.5\nrho = 0.9\nepsilon = 1e-6\noptimizer = 'adadelta'")
    assert run("--config", config, "--epochs", 2, "--out", tmp_path / "whole") == 0
    assert run("--config", config, "--epochs", 1, "--out", tmp_path / "parts") == 0
    path = tmp_path / "parts" / "config.json"
    content = json.loads(path.read_text())
    del content["settings"]["metrics"]
    content["settings"] |= {
        "loss": "binary_crossentropy", "optimizer": "adadelta", "learning_rate": 0.5, "rho": 0.9, "epsilon": 1e-6
    }  # fmt: skip
    path.write_text(json.dumps(content))
    assert run("--resume", tmp_path / "parts", "--epochs", 2) == 0
    assert_same_end(tmp_path / "whole", tmp_path / "parts")


def test_a_module_of_one_s_own_brings_its_losses(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """A registered loss trains to the end, and the report measures it as evaluate does."""
    (tmp_path / "my_losses.py").write_text(
        "from dataclasses import dataclass\n"
        "import engine\n"
        "@engine.register\n"
        "@dataclass(frozen=True)\n"
        "class Narrow(engine.losses.Huber):\n"
        "    delta: float = 0.125\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    folder = tmp_path / "run"
    given = ("--import", "my_losses", "--loss", "Narrow")
    assert run("--config", write_config(tmp_path), *given, "--epochs", 1, "--out", folder) == 0
    assert run("--resume", folder, "--import", "my_losses", "--epochs", 2) == 0
    assert "Narrow, next frame:" in capfd.readouterr().out
    report = json.loads((folder / "report.json").read_text())
    network = engine.load_model(folder / "model.safetensors", device="reference")
    inputs, targets = (movies[-2:] for movies in engine.generate_movies(16, 3, seed=0))
    assert report["loss"]["all_frames"] == pytest.approx(network.evaluate(inputs, targets), rel=1e-5)
    assert network.loss is not None and network.loss.get_config() == {
        "class_name": "Narrow",
        "config": {"delta": 0.125},
    }


def test_optimizers_schedules_and_metrics_of_one_s_own_are_found() -> None:
    @engine.register
    class Slow(SGD):
        def __init__(self, learning_rate: float = 1e-4, **common: Any) -> None:
            super().__init__(learning_rate, nesterov=True, **common)

    @engine.register
    @dataclass(frozen=True)
    class Steady(LearningRateSchedule):
        rate: float

        def __call__(self, step: int) -> float:
            return self.rate

    config, _ = make_config({**CPU, "optimizer": {"name": "slow", "momentum": 0.5}})
    made = make_optimizer(config.optimizer)
    assert isinstance(made, Slow) and (made.learning_rate, made.momentum, made.nesterov) == (1e-4, 0.5, True)
    assert from_json(json.loads(json.dumps(config.to_json())), "here") == config
    config, _ = make_config({**CPU, "optimizer": "Slow", "learning_rate": {"name": "Steady", "rate": 0.25}})
    assert make_optimizer(config.optimizer).learning_rate == 0.25


def test_a_call_is_read_as_a_table() -> None:
    assert parse_call("optimizer", "adam") == {"name": "adam"}
    assert parse_call("loss", ' "acme>Mine"(delta=-.5) ') == {"name": "acme>Mine", "delta": -0.5}
    assert parse_call("optimizer", "sgd(learning_rate=Piecewise(values=(1, 2e-1)), nesterov=True, clipnorm=None)") == {
        "name": "sgd",
        "learning_rate": {"name": "Piecewise", "values": [1, 0.2]},
        "nesterov": True,
        "clipnorm": None,
    }


def test_naming_what_is_chosen_keeps_its_arguments_and_another_begins_anew(tmp_path: Path) -> None:
    path = tmp_path / "run.toml"
    path.write_text('optimizer = {name = "Adam", beta_1 = 0.5}\nloss = {name = "huber", delta = 0.5}')
    quick = {**CPU, "preset": "quick"}
    assert make_optimizer(make_config({**quick, "optimizer": "adadelta"})[0].optimizer).get_config()["epsilon"] == 1e-6
    config, _ = make_config({**quick, "optimizer": {"name": "adam", "epsilon": 1e-3}, "learning_rate": 0.25}, path)
    expected = {"class_name": "Adam", "learning_rate": 0.25, "beta_1": 0.5, "beta_2": 0.999, "epsilon": 1e-3}
    assert make_optimizer(config.optimizer).get_config().items() >= expected.items()
    assert make_loss(config.loss) == Huber(0.5)
    config, _ = make_config({**quick, "optimizer": {"name": "adamw"}, "loss": {"name": "mse"}}, path)
    assert make_optimizer(config.optimizer).get_config()["beta_1"] == 0.9
    assert make_loss(config.loss) == MeanSquaredError()
    assert make_config({**quick, "learning_rate": 0.1}, path)[0].optimizer["beta_1"] == 0.5


def test_settings_hold_the_arguments_that_count_though_nobody_gave_them() -> None:
    config, _ = make_config({**CPU, "optimizer": "adam", "loss": "bce", "metrics": ["acc", "huber"]})
    assert config.optimizer == {
        "name": "adam", "learning_rate": 0.001, "beta_1": 0.9, "beta_2": 0.999, "epsilon": 1e-7, "amsgrad": False
    }  # fmt: skip
    assert config.loss == {"name": "bce", "from_logits": False, "label_smoothing": 0.0}
    assert config.metrics == ({"name": "acc"}, {"name": "huber", "delta": 1.0})
    assert [make_metric(table).name for table in config.metrics] == ["acc", "huber"]
