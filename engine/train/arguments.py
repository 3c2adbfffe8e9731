"""The command line of `python -m engine.train`: its flags, its help, and the settings that they mean."""

import argparse
import importlib
from typing import Any

from engine.losses import LOSSES
from engine.metrics import METRICS
from engine.optimizers import OPTIMIZERS
from engine.schedules import SCHEDULES
from engine.support.command_line import Parser
from engine.train.choices import parse_call
from engine.train.config import PRESET_SUMMARIES

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
  python -m engine.train --optimizer 'adam(clipnorm=1.0)' --learning-rate 1e-3 --loss mse --metric mae
  python -m engine.train --resume runs/full               go on after Ctrl-C, a crash or a kill: same bits
  python -m engine.train --resume runs/full --epochs 400  go on for longer

A movie file is .npy or .npz: (movies, frames, height, width[, channels]); uint8 is divided
by 255. An .npz may hold inputs and explicit targets, as noisy and shifted, or x and y;
else the target of each frame is the next one. The last sixth of the movies is held out
for the report at the end.

An optimizer, schedule, loss or metric is its name, or a call with arguments by name, in quotes:
  --optimizer 'adam(beta_1=0.8, clipnorm=1.0)'   --loss 'huber(delta=0.5)'
  --schedule 'CosineDecay(initial_learning_rate=1e-3, decay_steps=1140)'
A wrong argument is answered with those that there are. Naming the optimizer or the loss that
is chosen already changes only the arguments given; another one begins with its own defaults.

A --config file is TOML with any of the settings that config.json in a run folder shows,
for example `filters = [32, 32]`, `loss = "mse"`, `optimizer = {name = "adam", clipnorm = 1.0}`.
The command line wins over the file, the file over the preset. docs/training.md has it all.
"""


def make_parser() -> argparse.ArgumentParser:
    """Make the parser of the flags; their help lists what the registries hold."""
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
    add("--optimizer", metavar="CALL", help=f"{', '.join(OPTIMIZERS)} (default: the preset's)")
    add("--learning-rate", type=float, metavar="RATE", help="of the optimizer, a number")
    add("--schedule", metavar="CALL", help=f"in place of a learning rate: {', '.join(SCHEDULES)}")
    add("--loss", metavar="CALL", help=f"{', '.join(LOSSES)} (default: the preset's)")
    add(
        "--metric",
        action="append",
        metavar="CALL",
        help=f"reported beside the loss; may be given several times: {', '.join(METRICS)}, or any loss",
    )
    add(
        "--import",
        action="append",
        dest="imports",
        metavar="MODULE",
        help="a Python module that registers optimizers, schedules, losses or metrics of your own (engine.register); "
        "--resume needs it again",
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


def import_modules(modules: list[str] | None) -> None:
    """Import what registers classes of one's own. Raises ValueError: a module cannot be imported."""
    for module in modules or ():
        try:
            importlib.import_module(module)
        except Exception as error:
            raise ValueError(f"import: {module}: {type(error).__name__}: {error}") from None


def settings_of(flags: dict[str, Any]) -> dict[str, Any]:
    """Turn the flags of make_parser into settings, None where not given. Raises ValueError naming the flag."""
    settings = dict(flags)
    schedule, metrics = settings.pop("schedule"), settings.pop("metric")
    for name in ("optimizer", "loss"):
        if settings[name] is not None:
            settings[name] = parse_call(name, settings[name])
    if metrics is not None:
        settings["metrics"] = [parse_call("metric", text) for text in metrics]
    if schedule is not None:
        if settings["learning_rate"] is not None:
            raise ValueError("learning_rate, schedule: expected one of the two")
        settings["learning_rate"] = parse_call("schedule", schedule)
    return settings
