"""Training within a run folder: progress, metrics, the best network, checkpoints, and how it stops."""

import math
import shlex
import time
from functools import partial
from pathlib import Path

from engine.files.checkpoint import load_checkpoint, save_checkpoint
from engine.fitting.events import EpochDone, StepDone
from engine.fitting.loop import FitLoop
from engine.fitting.progress import Progress
from engine.models.checkpoints import checkpoint_of
from engine.models.saving import model_writer
from engine.models.trained_network import TrainedNetwork
from engine.support.command_line import what_failed
from engine.train.config import TrainConfig
from engine.train.folder import RunFolder
from engine.train.stop_signals import StopSignals
from engine.train.writing import WritingBeside


def run_loop(
    network: TrainedNetwork,
    loop: FitLoop,
    config: TrainConfig,
    folder: RunFolder,
    history: list[dict[str, float]],
    movies: int,
    seen: int,
) -> int | None:
    """Train to the last epoch, or until a signal.

    After each epoch, in this order: metrics.csv, best.safetensors if the epoch was the best, the checkpoint. A run
    killed between any two of them does the epoch again and writes the same. They are written while the next epoch
    runs, and are there when it ends.

    Args:
        history: rows of metrics.csv so far; the new ones are appended.
        movies: to train on.
        seen: how many of them, counted each time, came before.

    Returns None, or the number of the signal that stopped it; the checkpoint is then of the last step done.
    Raises ArithmeticError: a loss or a weight is not finite. The files on disk are then those of the last good state.
    """
    with (
        Progress(movies, config.epochs, seen=seen) as progress,
        StopSignals() as stop,
        WritingBeside(partial(_say_not_written, progress)) as files,
    ):
        clock = _EpochClock()
        for event in loop:
            if isinstance(event, StepDone):
                clock.count(event)
                progress.step(event)
                due = config.checkpoint_every > 0 and event.global_step % config.checkpoint_every == 0
            else:
                due = True
                history.append(_row(event, network.iterations, clock))
                progress.epoch(event)
                best = _is_best(history)
                files.ask(partial(folder.write_metrics, list(history), network.metrics_names))
                if best:
                    files.ask(model_writer(network, folder.best))
            if due or stop.received is not None:
                files.ask(partial(save_checkpoint, folder.checkpoint, checkpoint_of(network, loop, history)))
            if stop.received is not None:
                return stop.received
    return None


def is_kept(folder: RunFolder, loop: FitLoop) -> bool:
    """Tell whether the checkpoint on the disk is of the step that the loop has reached."""
    if not folder.checkpoint.exists():
        return False
    kept, now = load_checkpoint(folder.checkpoint).loop, loop.state()
    return (kept["epoch"], kept["step"]) == (now["epoch"], now["step"])


def what_is_left(folder: RunFolder) -> str:
    """What of the training is on the disk, and how to go on, for a run that ends before its time."""
    if folder.checkpoint.exists():
        loop = load_checkpoint(folder.checkpoint).loop
        at = f"epoch {loop['epoch'] + 1}, after {loop['step']} of its steps"
        resume = f"python -m engine.train --resume {shlex.quote(str(folder.path))}"
        return f"{folder.checkpoint} holds {at}; go on with: {resume}"
    networks = [str(path) for path in (folder.model, folder.best) if path.exists()]
    left = f"there is {' and '.join(networks)}" if networks else "no network either"
    return f"no checkpoint was written, so --resume cannot go on; {left}"


def _say_not_written(progress: Progress, error: OSError) -> None:
    """A full disk costs a file's new version, neither its old one nor the training."""
    there = error.filename is not None and Path(error.filename).exists()
    progress.say(f"not written: {what_failed(error)}; " + ("the version before stays" if there else "there is none"))


def _is_best(history: list[dict[str, float]]) -> bool:
    values = [row.get("val_loss", row["loss"]) for row in history]
    if not math.isfinite(values[-1]):
        raise ArithmeticError(f"the validation loss became {values[-1]} after epoch {len(history)}")
    return values[-1] <= min(values)


def _row(done: EpochDone, steps: int, clock: "_EpochClock") -> dict[str, float]:
    seconds, movies = clock.restart()
    return {
        "epoch": done.epoch + 1,
        "step": steps,
        **done.logs,
        "seconds": round(seconds, 3),
        "movies_per_second": round(movies / max(seconds, 1e-9), 2),
    }


class _EpochClock:
    """Seconds and movies since the last epoch ended, or since this process went on with it; validation included."""

    def __init__(self) -> None:
        self._began, self._movies = time.monotonic(), 0

    def count(self, done: StepDone) -> None:
        self._movies += done.batch_size

    def restart(self) -> tuple[float, int]:
        now = time.monotonic()
        result = now - self._began, self._movies
        self._began, self._movies = now, 0
        return result
