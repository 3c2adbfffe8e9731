"""`python -m engine.train`: train a next-frame predictor, look at it, keep it."""

import argparse
import math
import sys
from dataclasses import replace
from typing import Any

from engine.files.checkpoint import Checkpoint, load_checkpoint
from engine.fitting.loop import FitLoop
from engine.models.checkpoints import restore
from engine.models.sequential import Sequential
from engine.support.command_line import Parser, failed, run_program, what_failed
from engine.train.config import PRESET_SUMMARIES, TrainConfig, checked, make_config
from engine.train.data import RunData, check_reachable, make_run_data
from engine.train.folder import RUNS, RunFolder, check_can_be_made, fresh_folder
from engine.train.loop import is_kept, run_loop, what_is_left
from engine.train.network import make_network
from engine.train.report import finish
from kernels.select import choose_device

_DESCRIPTION = """\
Train a ConvLSTM to predict the next frame of a movie, let it run on from its own
predictions, and leave a folder with the network, the numbers and the pictures.

With no arguments it generates movies of moving squares (the Keras conv_lstm example)
and takes the preset that fits this machine. Presets:
"""

_EPILOG = """\
examples:
  python -m engine.train                                  look at it working
  python -m engine.train --preset causal --out runs/full  the whole thing, done right
  python -m engine.train --preset quick --data rain.npz   your own movies, any size and length
  python -m engine.train --resume runs/full               go on after Ctrl-C, a crash or a kill: same bits
  python -m engine.train --resume runs/full --epochs 400  go on for longer

A movie file is .npy or .npz: (movies, frames, height, width[, channels]); uint8 is divided
by 255. An .npz may hold inputs and explicit targets, as noisy and shifted, or x and y;
else the target of each frame is the next one. The last sixth of the movies is held out
for the report at the end.

A --config file is TOML with any of the settings that config.json in a run folder shows,
for example `filters = [32, 32]`, `learning_rate = 0.5`, `loss = "mse"`.
The command line wins over the file, the file over the preset.
"""

_AFTER_RESUME = ("epochs", "checkpoint_every", "device", "precision")


def main(argv: list[str] | None = None) -> int:
    """Run the program; returns the exit code: 0, 1 (diverged, disk full), 2 (bad input), 128 + signal."""
    arguments = vars(_parser().parse_args(argv))
    return run_program("train", lambda: _train(**arguments))


def _parser() -> argparse.ArgumentParser:
    presets = "\n".join(f"  {name:8}{text}" for name, text in PRESET_SUMMARIES.items())
    parser = Parser(
        prog="python -m engine.train",
        description=_DESCRIPTION + presets,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--preset", metavar="NAME", help="seed, causal or quick (default: seed on a CUDA device, quick on a CPU)")
    add("--data", metavar="FILE", help="train on your own movies, .npy or .npz, instead of generated ones")
    add("--device", help="auto, cpu, cuda, cuda:N or reference (default: auto, which says what it chose and why)")
    add(
        "--precision",
        help="of the convolutions on CUDA: float32 (default), tf32 or bfloat16",
    )
    add("--epochs", type=int, metavar="N", help="times that all training movies are seen")
    add("--batch-size", type=int, metavar="N", help="movies a step")
    add("--samples", type=int, metavar="N", help="movies to generate; the last sixth is held out")
    add("--seed", type=int, metavar="N", help="of movies, initial weights and batch order (default: 0)")
    add(
        "--init",
        metavar="MODEL",
        help="start from the network and the weights of a saved .safetensors, .keras or .h5 model; the settings of "
        "the network itself are then the file's",
    )
    add("--config", metavar="FILE", help="settings from a TOML file")
    add("--out", metavar="FOLDER", help="run folder, which must not exist yet (default: runs/PRESET-DATE-TIME)")
    add(
        "--resume",
        metavar="FOLDER",
        help="go on with a run; all settings are its own, but for --epochs, --device, --precision",
    )
    add("--checkpoint-every", type=int, metavar="N", help="write a checkpoint every N steps too, not only each epoch")
    return parser


def _train(resume: str | None, out: str | None, config: str | None, **settings: Any) -> int:
    if resume is None:
        return _begin(out, config, settings)
    _refuse_with_resume({"out": out, "config": config, **settings})
    with RunFolder(resume) as folder:
        return _go_on(folder, settings)


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
    """Go on with the run of a folder."""
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


def _make_loop(network: Sequential, chosen: TrainConfig, data: RunData) -> FitLoop:
    inputs, targets = data.train
    return FitLoop.on_arrays(
        network, inputs, targets, batch_size=chosen.batch_size, epochs=chosen.epochs,
        validation_data=data.validation, seed=chosen.seed,
    )  # fmt: skip


def _run(
    network: Sequential,
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


def _overview(network: Sequential, data: RunData, folder: RunFolder, seen: int) -> str:
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
