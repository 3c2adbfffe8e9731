"""`python -m engine.train`: train a next-frame predictor, look at it, keep it."""

import math
import sys
from dataclasses import replace
from typing import Any

from engine.files.checkpoint import Checkpoint, load_checkpoint
from engine.fitting.loop import FitLoop
from engine.models.checkpoints import restore
from engine.models.trained_network import TrainedNetwork
from engine.support.command_line import failed, run_program, what_failed
from engine.train.arguments import import_modules, make_parser, settings_of
from engine.train.config import TrainConfig, checked, make_config
from engine.train.data import RunData, check_reachable, make_run_data
from engine.train.folder import RUNS, RunFolder, check_can_be_made, fresh_folder
from engine.train.loop import is_kept, run_loop, what_is_left
from engine.train.network import make_network
from engine.train.report import finish
from kernels.select import choose_device

_AFTER_RESUME = ("epochs", "checkpoint_every", "device", "precision")


def main(argv: list[str] | None = None) -> int:
    """Run the program; returns the exit code: 0, 1 (diverged, disk full), 2 (bad input), 128 + signal."""
    arguments = vars(make_parser().parse_args(argv))
    return run_program("train", lambda: _train(**arguments))


def _train(resume: str | None, out: str | None, config: str | None, imports: list[str] | None, **flags: Any) -> int:
    import_modules(imports)
    if resume is None:
        return _begin(out, config, settings_of(flags))
    _refuse_with_resume({"out": out, "config": config, **flags})
    with RunFolder(resume) as folder:
        return _go_on(folder, flags)


def _begin(out: str | None, config: str | None, settings: dict[str, Any]) -> int:
    """Prepare everything that can fail before anything is written; then train and report."""
    chosen, reason = make_config(settings, config)
    print(reason)
    if out is None:
        check_can_be_made("out", RUNS)
    else:
        RunFolder(out).check_free()
    chosen = _with_device(chosen)
    data = make_run_data(chosen)
    network = make_network(chosen, data.train[0].shape[1:])
    check_reachable(chosen, data, network.layers[-1].activation_name)
    loop = _make_loop(network, chosen, data)
    with fresh_folder(chosen.preset) if out is None else RunFolder(out) as folder:
        folder.begin(chosen, network.backend.description, data.sha256)
        return _run(network, loop, chosen, folder, data, None)


def _go_on(folder: RunFolder, settings: dict[str, Any]) -> int:
    """Prepare to go on with a run where its checkpoint stands; then train and report."""
    chosen, digest = folder.reopen()
    chosen = checked(chosen, {key: settings[key] for key in _AFTER_RESUME if settings[key] is not None})
    checkpoint = load_checkpoint(folder.checkpoint) if folder.checkpoint.exists() else None
    chosen = _with_device(chosen)
    data = make_run_data(chosen)
    if data.sha256 != digest:
        raise ValueError(
            f"resume: the movies are not those that {folder.path} was trained on; its data file has changed"
        )
    network = make_network(chosen, data.train[0].shape[1:], checkpoint)
    loop = _make_loop(network, chosen, data)
    if checkpoint is not None:
        restore(folder.checkpoint, checkpoint, network, loop)
        if len(checkpoint.history) > chosen.epochs:
            raise ValueError(
                f"epochs: {chosen.epochs} asked for, but {folder.path} has done {len(checkpoint.history)} already"
            )
    folder.update(chosen)
    return _run(network, loop, chosen, folder, data, checkpoint)


def _with_device(chosen: TrainConfig) -> TrainConfig:
    device, why = choose_device(chosen.device)
    print(why)
    return replace(chosen, device=device)


def _make_loop(network: TrainedNetwork, chosen: TrainConfig, data: RunData) -> FitLoop:
    inputs, targets = data.train
    return FitLoop.on_arrays(
        network, inputs, targets, batch_size=chosen.batch_size, epochs=chosen.epochs,
        validation_data=data.validation, seed=chosen.seed,
    )  # fmt: skip


def _run(
    network: TrainedNetwork,
    loop: FitLoop,
    chosen: TrainConfig,
    folder: RunFolder,
    data: RunData,
    checkpoint: Checkpoint | None,
) -> int:
    """Train from the checkpoint on, and report."""
    movies = len(data.train[0])
    history = [] if checkpoint is None else checkpoint.history
    seen = _movies_seen(checkpoint, chosen.batch_size, movies)
    print(_overview(network, data, folder, seen), flush=True)
    try:
        stopped = run_loop(network, loop, chosen, folder, history, movies, seen)
    except ArithmeticError as error:
        return failed("train", f"{error}; {what_is_left(folder)}", 1)
    if stopped is not None:
        print(f"stopped; {what_is_left(folder)}", file=sys.stderr)
        return 128 + stopped
    try:
        finish(network, chosen, folder, history, data.held_out)
    except OSError as error:
        return failed("train", f"{what_failed(error)}; the report is not whole; {what_is_left(folder)}", 1)
    if not is_kept(folder, loop):
        return failed("train", f"the last checkpoint could not be written; {what_is_left(folder)}", 1)
    return 0


def _refuse_with_resume(settings: dict[str, Any]) -> None:
    given = [
        f"--{key.replace('_', '-')}"
        for key, value in settings.items()
        if value is not None and key not in _AFTER_RESUME
    ]
    if given:
        allowed = ", ".join(f"--{key.replace('_', '-')}" for key in _AFTER_RESUME)
        raise ValueError(f"{given[0]}: cannot be changed by --resume, which takes the run's own; only {allowed} can")


def _overview(network: TrainedNetwork, data: RunData, folder: RunFolder, seen: int) -> str:
    movies = data.train[0].shape
    weights = sum(math.prod(weight.shape) for weight in network.weights)
    validation = 0 if data.validation is None else len(data.validation[0])
    return "\n".join(
        [
            f"{movies[0]} movies of {movies[1]} frames of {movies[2]}x{movies[3]} to train on, "
            f"{validation} to validate, {len(data.held_out[0])} held out for the report",
            f"network: {len(network.layers)} layers, {weights:,} weights; {network.backend.description}",
            f"folder: {folder.path}" + (f", going on after {seen} movies" if seen else ""),
        ]
    )


def _movies_seen(checkpoint: Checkpoint | None, batch_size: int, movies: int) -> int:
    if checkpoint is None:
        return 0
    return checkpoint.loop["epoch"] * movies + min(checkpoint.loop["step"] * batch_size, movies)
