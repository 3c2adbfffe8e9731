"""What a training run is: every setting, the presets, and how file and command line change them."""

import os
import tomllib
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from engine.movies.scores import CSI_THRESHOLD
from engine.support.validation import in_range, int_tuple, odd_sizes, one_of, positive_int
from engine.train.choices import Table, loss_table, metric_tables, optimizer_table
from kernels.activations import GATES
from kernels.select import choose_device
from kernels.specs import PRECISIONS


@dataclass(frozen=True)
class TrainConfig:
    """Every setting of a run; the defaults are the Keras example's. Keys of a --config file have the same names.

    Attributes:
        preset: where the settings started from.
        data: movies from this .npy or .npz file instead of generated ones (engine/movies/files.py says what they hold).
        samples, frames: movies to generate, at least 2, and frames in each.
        filters: one ConvLSTM2D layer, followed by BatchNormalization, for each number.
        kernel_size: height, width of their kernels.
        recurrent_activation: of their gates: hard_sigmoid, sigmoid, hard_sigmoid_keras3.
        batch_norm_momentum: of the moving statistics.
        head_kernel_size: time, height, width of the Conv3D that makes the picture.
        head_padding: in time; "same" lets an output frame see the next input frame, "causal" does not.
        loss, optimizer: table of a name and arguments (engine/train/choices.py).
        metrics: such tables of what is reported beside the loss.
        batch_size, epochs: movies a step; passes over the training movies.
        validation_split: share of the training movies, the last ones, that is evaluated after each epoch.
        csi_threshold: pixels from this value on are on, for the CSI of the report; of movies as data.py hands them out.
        seed: of movies, initial weights and batch order.
        init: start from this saved model's network and weights; the settings in ARCHITECTURE do not count then.
        device, dtype, precision: as for engine.Sequential.
        checkpoint_every: steps between checkpoints within an epoch; 0: only after each epoch.
    """

    preset: str = "seed"
    data: str | None = None
    samples: int = 1200
    frames: int = 15
    filters: tuple[int, ...] = (40, 40, 40, 40)
    kernel_size: tuple[int, int] = (3, 3)
    recurrent_activation: str = "hard_sigmoid"
    batch_norm_momentum: float = 0.99
    head_kernel_size: tuple[int, int, int] = (3, 3, 3)
    head_padding: str = "same"
    loss: Table = field(default_factory=lambda: loss_table({"name": "binary_crossentropy"}, {}))
    optimizer: Table = field(default_factory=lambda: optimizer_table({"name": "adadelta"}, {}))
    metrics: tuple[Table, ...] = ()
    batch_size: int = 10
    epochs: int = 300
    validation_split: float = 0.05
    csi_threshold: float = CSI_THRESHOLD
    seed: int = 0
    init: str | None = None
    device: str = "auto"
    dtype: str = "float32"
    precision: str = "float32"
    checkpoint_every: int = 0

    def to_json(self) -> dict[str, Any]:
        """JSON-able; from_json is its inverse."""
        return asdict(self)


PRESETS: dict[str, TrainConfig] = {
    "seed": TrainConfig(),
    "causal": TrainConfig(preset="causal", head_padding="causal"),
    # So few steps need moving statistics that soon forget where they started, and larger first steps of Adadelta (they
    # grow with the root of epsilon).
    "quick": TrainConfig(
        preset="quick",
        samples=720,
        filters=(16, 16),
        batch_norm_momentum=0.95,
        head_kernel_size=(1, 3, 3),
        optimizer=optimizer_table({"name": "adadelta"}, {"epsilon": 1e-6}),
        batch_size=5,
        epochs=10,
    ),
}

PRESET_SUMMARIES = {
    "seed": "the Keras example as it stands: 1200 movies, 4 layers of 40 filters, batches of 10, 300 epochs",
    "causal": "the same network with a head that cannot see the next frame; the one to use",
    "quick": "2 layers of 16 filters, 720 movies, 10 epochs: for two CPU cores and a short wait",
}


_RANGES = {
    "batch_norm_momentum": (0.0, 1.0),
    "validation_split": (0.0, 0.9),
    "csi_threshold": (-1e9, 1e9),
}

_CHOICES = {
    "preset": tuple(PRESETS),
    "recurrent_activation": GATES,
    "head_padding": ("same", "causal"),
    "dtype": ("float32", "float64"),
    "precision": PRECISIONS,
}

OPTIMIZER_ARGUMENTS = ("learning_rate", "rho", "epsilon")
"""Arguments of the optimizer that may stand beside it; of older runs and files, rho and epsilon do."""

EPOCH_COLUMNS = ("epoch", "step", "seconds", "movies_per_second")
"""Columns of metrics.csv beside the losses and the metrics."""

ARCHITECTURE = (
    "filters",
    "kernel_size",
    "recurrent_activation",
    "batch_norm_momentum",
    "head_kernel_size",
    "head_padding",
)
"""Settings of the network itself, which with init is the file's."""


def default_preset(device: str) -> tuple[str, str]:
    """The preset for a device and one line that says why. Raises ValueError for a device that is not there."""
    if choose_device(device)[0].startswith("cuda"):
        return "seed", "preset seed: the default with a CUDA device; --preset causal is the one to use, see --help"
    return "quick", "preset quick: the default without a CUDA device; --preset seed is the whole example, see --help"


def make_config(settings: dict[str, Any], config_file: str | Path | None = None) -> tuple[TrainConfig, str]:
    """Preset, then file, then settings; later ones win.

    Args:
        settings: TrainConfig fields and OPTIMIZER_ARGUMENTS, those of the command line; None means not given.
        config_file: a TOML file of the same.

    Returns the checked configuration, its paths absolute, and one line on how the preset was chosen. Raises ValueError.
    """
    given = {key: value for key, value in settings.items() if value is not None}
    from_file = _read_toml(config_file) if config_file is not None else {}
    chosen = {**from_file, **given}
    if "preset" in chosen:
        name, reason = one_of("preset", chosen["preset"], PRESETS), f"preset {chosen['preset']}: as asked for"
    else:
        name, reason = default_preset(chosen.get("device", "auto"))
    if chosen.get("data") is not None and ("samples" in chosen or "frames" in chosen):
        raise ValueError("samples, frames: these are for generated movies; with data, the file says how many there are")
    ignored = [key for key in ARCHITECTURE if key in chosen]
    if chosen.get("init") is not None and ignored:
        raise ValueError(f"{', '.join(ignored)}: with init the network is the file's; leave out what describes another")
    config = checked(checked(PRESETS[name], from_file), given | {"preset": name})
    # A run is gone on with from any folder.
    return replace(config, data=_absolute(config.data), init=_absolute(config.init)), reason


def _absolute(path: str | None) -> str | None:
    return None if path is None else os.path.abspath(path)


def from_json(settings: Any, source: str | Path) -> TrainConfig:
    """The configuration that a run folder's config.json holds. Raises ValueError naming `source`."""
    if not isinstance(settings, dict):
        raise ValueError(f"{source}: expected the settings of a run, got {type(settings).__name__}")
    try:
        return checked(TrainConfig(), settings)
    except ValueError as error:
        raise ValueError(f"{source}: {error}") from None


def checked(base: TrainConfig, changes: dict[str, Any]) -> TrainConfig:
    """`base` with some fields changed; every value is checked. Raises ValueError naming the field."""
    known = [field.name for field in fields(TrainConfig)]
    for key in changes:
        if key not in (*known, *OPTIMIZER_ARGUMENTS):
            raise ValueError(f"{key}: there is no such setting; known are {', '.join(known)}")
    merged = asdict(base) | {key: value for key, value in changes.items() if key in known}
    if not isinstance(merged["filters"], list | tuple) or not merged["filters"]:
        raise ValueError(f"filters: expected a list, one number for each ConvLSTM2D layer, got {merged['filters']!r}")
    for key in ("data", "init"):
        if merged[key] is not None and (not isinstance(merged[key], str) or not merged[key]):
            raise ValueError(f"{key}: expected the path of a file, got {merged[key]!r}")
    seed, every = merged["seed"], merged["checkpoint_every"]
    if isinstance(seed, bool) or not isinstance(seed, int) or not 0 <= seed < 2**32:
        raise ValueError(f"seed: expected an integer from 0 to 2**32 - 1, got {seed!r}")
    values = {
        "filters": tuple(positive_int("filters", item) for item in merged["filters"]),
        "kernel_size": odd_sizes("kernel_size", merged["kernel_size"], 2),
        "head_kernel_size": int_tuple("head_kernel_size", merged["head_kernel_size"], 3),
        "loss": loss_table(base.loss, changes.get("loss", {})),
        "optimizer": optimizer_table(
            base.optimizer,
            changes.get("optimizer", {}),
            {key: changes[key] for key in OPTIMIZER_ARGUMENTS if key in changes},
        ),
        "metrics": metric_tables(merged["metrics"], EPOCH_COLUMNS),
        "device": str(merged["device"]),
        "checkpoint_every": 0 if every == 0 else positive_int("checkpoint_every", every),
    }
    values |= {key: positive_int(key, merged[key]) for key in ("samples", "frames", "batch_size", "epochs")}
    values |= {key: in_range(key, merged[key], low, high) for key, (low, high) in _RANGES.items()}
    values |= {key: one_of(key, merged[key], choices) for key, choices in _CHOICES.items()}
    return TrainConfig(**merged | values)


def _read_toml(path: str | Path) -> dict[str, Any]:
    path = Path(path)
    if not path.is_file():
        raise ValueError(f"{path}: there is no such file")
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"{path}: not a TOML file ({error})") from None
