"""Choices that are wrong: one line on standard error, exit code 2, and nothing begun."""

from pathlib import Path
from typing import Any

import pytest

from engine.losses import LOSSES, MeanSquaredError
from engine.registry import register
from engine.train.config import make_config
from tests.engine.train.run_helpers import run

CPU = {"device": "cpu"}


@pytest.mark.parametrize(
    ("flags", "says"),
    [
        (["--optimizer", "rmsprop2"], "optimizer: expected one of 'adadelta'"),
        (["--optimizer", "adam(clipnrm=1)"], "optimizer: adam has no argument clipnrm; it has learning_rate, beta_1"),
        (["--optimizer", "adam(clipnorm=-1)"], "optimizer: adam: clipnorm: expected"),
        (["--optimizer", "adam(clipnorm=1, clipvalue=1)"], "at most one of them"),
        (["--optimizer", "adam(amsgrad=true)"], "amsgrad: expected true or false, got 'true'"),
        (["--optimizer", "adam(beta_1=[0.9])"], "beta_1: expected a number"),
        (["--optimizer", "adam(0.1)"], "arguments are given by name"),
        (["--optimizer", "adam(**{})"], "arguments are given by name"),
        (["--optimizer", "adam(name='sgd')"], "the name stands before the parenthesis"),
        (["--optimizer", "adam(learning_rate=print(1))"], "arguments are given by name"),
        (["--optimizer", "adam(learning_rate=1+1)"], "expected a name or a call"),
        (["--optimizer", "adam("], "expected a name or a call"),
        (["--optimizer", ""], "expected a name or a call"),
        (["--optimizer", "__import__('os').system('true')"], "expected a name or a call"),
        (["--optimizer", "adam(learning_rate=0.1)", "--learning-rate", "0.2"], "learning_rate: expected once, got 0.2"),
        (["--learning-rate", "fast"], "--learning-rate: invalid float value"),
        (["--learning-rate", "-1"], "learning_rate: expected a number from 0"),
        (["--learning-rate", "nan"], "learning_rate: expected a number from 0"),
        (["--learning-rate", "1", "--schedule", "CosineDecay"], "learning_rate, schedule: expected one of the two"),
        (["--schedule", "Cosine"], "learning_rate: expected a number or a schedule; schedule: expected one of"),
        (["--schedule", "CosineDecay"], "CosineDecay needs initial_learning_rate, decay_steps"),
        (["--schedule", "CosineDecay(initial_learning_rate=1, decay_steps=0)"], "decay_steps: expected an integer"),
        (["--loss", "hinge"], "loss: expected one of 'binary_crossentropy'"),
        (["--loss", "mse(delta=1)"], "loss: mse has no argument delta; it has none"),
        (["--loss", "huber(delta=0)"], "delta: expected a number above 0"),
        (["--metric", "aucs"], "metric: expected one of 'binary_accuracy'"),
        (["--metric", "mae", "--metric", "binary_accuracy(threshold=2)"], "threshold: expected a number from 0 to 1"),
        (["--metric", "mae(threshold=2)"], "metrics: mae has no argument threshold"),
        (["--import", "no_such_module_here"], "import: no_such_module_here: ModuleNotFoundError"),
        (["--resume", "RUN", "--metric", "mae"], "--metric: cannot be changed by --resume"),
    ],
)
def test_wrong_names_and_arguments_are_one_line_and_leave_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], flags: list[str], says: str
) -> None:
    given = ["--device", "reference", "--out", tmp_path / "run"] if "--resume" not in flags else []
    try:
        code = run(*flags, *given)
    except SystemExit as exit_from_argparse:
        code = int(exit_from_argparse.code or 0)
    errors = capsys.readouterr().err
    assert code == 2
    assert errors.count("\n") == 1 and says in errors, errors
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"optimizer": 3}, "optimizer: expected a name, or a table"),
        ({"optimizer": {"name": 3}}, "optimizer: expected one of"),
        ({"optimizer": {"name": "adam", "rho": 0.9}}, "adam has no argument rho"),
        ({"optimizer": "adam", "rho": 0.9}, "adam has no argument rho"),
        ({"optimizer": {"learning_rate": [1]}}, "learning_rate: expected a number"),
        ({"loss": ["mse"]}, "loss: expected a name, or a table"),
        ({"metrics": "mae"}, "metrics: expected a list"),
        ({"metrics": [3]}, "metrics: expected a name, or a table"),
        ({"metrics": [{"threshold": 0.5}]}, "metric: expected one of"),
        ({"metrics": [{"name": "step"}]}, "metric: expected one of"),
    ],
)
def test_wrong_tables_are_refused(settings: dict[str, Any], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        make_config({**CPU, **settings})


def test_a_metric_cannot_have_the_name_of_another_column(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(LOSSES, "_classes", dict(LOSSES._classes))
    register(type("Mine", (MeanSquaredError,), {}), name="step")
    with pytest.raises(ValueError, match="metrics: step is the name of another column"):
        make_config({**CPU, "metrics": ["step"]})
