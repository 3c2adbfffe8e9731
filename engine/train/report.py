"""The end of a run: the model, its export, the pictures, and what counts."""

import math
from dataclasses import asdict, replace
from typing import Any

import numpy as np
from tqdm import tqdm

from engine.metrics import Metric
from engine.models.trained_network import TrainedNetwork
from engine.movies.plots import animation_images, save_animation_frames, save_gif, save_loss_plot
from engine.movies.scores import OneStepScores, RolloutScores, in_batches, score_one_step, score_rollout
from engine.train.config import TrainConfig
from engine.train.data import Pair
from engine.train.folder import RunFolder
from kernels.losses import LossSpec

EXAMPLE_MOVIE = 4
"""The movie that is drawn, counted from the first held-out one; the example draws movie 1004 of 1000 + 200."""


def finish(
    network: TrainedNetwork, config: TrainConfig, folder: RunFolder, history: list[dict[str, float]], held_out: Pair
) -> None:
    """Write everything that a finished run leaves, and print what counts.

    held_out: inputs and targets of movies that training never saw. Raises OSError: a file cannot be written.
    """
    network.save(folder.model)
    save_loss_plot(folder.loss_plot, history)
    inputs, targets = held_out
    rollout = in_batches(network.rollout, config.batch_size)
    scores, predicted = score_rollout(rollout, inputs, targets, config.csi_threshold)
    outputs = network.predict(inputs, batch_size=config.batch_size)
    measured = {name: score_one_step(outputs, inputs, targets, spec) for name, spec in _measures(network).items()}
    folder.write_report(_as_json(len(inputs), measured, scores))
    _draw(folder, inputs, targets, predicted, scores.seen_frames)
    exported = _export(network, folder)
    leaks = any(layer.looks_ahead for layer in network.layers)
    took = tqdm.format_interval(sum(row["seconds"] for row in history))
    print(f"\n{len(history)} epochs, {took} of training")
    named = {config.loss["name"] if name == "loss" else name: value for name, value in measured.items()}
    print("\n".join([*summary_lines(len(inputs), named, scores, leaks), "", *_files(folder, exported)]))


def _measures(network: TrainedNetwork) -> dict[str, LossSpec | Metric]:
    """Say what the loss ("loss") and the metrics measure on the network's outputs, which are no logits any more."""
    loss = network.loss
    assert loss is not None, "a run's network is compiled"
    found: dict[str, LossSpec | Metric] = {"loss": loss.spec(from_logits=False)}
    for metric in network.metrics:
        found[metric.name] = metric.spec(from_logits=False) if type(metric) is Metric else metric
    if loss.folds_in(network.layers[-1].activation_name):
        return {
            name: replace(what, from_logits=False) if isinstance(what, LossSpec) else what
            for name, what in found.items()
        }
    return found


def _as_json(movies: int, measured: dict[str, OneStepScores], scores: RolloutScores) -> dict[str, Any]:
    loss, *metrics = ((name, asdict(value)) for name, value in measured.items())
    more = {"metrics": dict(metrics)} if metrics else {}
    return {"held_out_movies": movies, "loss": loss[1], **more, "rollout": asdict(scores)}


def summary_lines(movies: int, measured: dict[str, OneStepScores], scores: RolloutScores, leaks: bool) -> list[str]:
    """Write the final report as text.

    Args:
        movies: how many were held out.
        measured: the loss and the metrics on those, by name.
        scores: of the rollout on those.
        leaks: whether an output frame other than the last can see the input frame that it should predict.
    """
    lead_times = range(1, len(scores.csi) + 1)
    lines = [
        f"On {movies} movies that training never saw:",
        *(
            f"  {name}, next frame: {one.last_frame:.4f} on the last frame "
            f"(repeating the last input: {one.persistence:.4f}); {one.all_frames:.4f} on all frames"
            for name, one in measured.items()
        ),
        "  " + _leak_line(leaks),
        f"  rollout from {scores.seen_frames} frames, each new frame predicted from the predicted ones:",
        "    new frame                " + "".join(f"{lead:>8}" for lead in lead_times),
    ]
    rows: list[tuple[str, list[float], str]] = [
        ("CSI, network", scores.csi, "8.2f"),
        ("CSI, repeating the last", scores.persistence_csi, "8.2f"),
        ("MSE, network", scores.mse, "8.4f"),
        ("MSE, repeating the last", scores.persistence_mse, "8.4f"),
    ]
    lines += [f"    {name:25}" + "".join(_number(value, form) for value in values) for name, values, form in rows]
    on = f"{scores.csi_threshold:g}"
    lines.append(f"  (CSI: intersection over union of the pixels from {on} on, 1 is perfect; MSE: mean squared error)")
    if any(map(math.isnan, scores.csi + scores.persistence_csi)):
        lines.append(f"  (-: no pixel reaches {on}, nor does one in truth; csi_threshold in a --config file sets it)")
    return lines


def _number(value: float, form: str) -> str:
    return f"{'-':>8}" if math.isnan(value) else format(value, form)


def _leak_line(leaks: bool) -> str:
    if leaks:
        return (
            "Only the last frame counts: the head lets every other output see the next input, which is its target but "
            "for noise (docs/fidelity.md)"
        )
    return "The head sees no later frame, so all frames are real predictions (docs/fidelity.md)"


def _draw(folder: RunFolder, inputs: Any, targets: Any, predicted: Any, seen: int) -> None:
    movie = min(EXAMPLE_MOVIE, len(inputs) - 1)
    track = np.concatenate([inputs[movie, :seen], predicted[movie]])
    # As in the example: the first two pictures show the noisy input, the others the noise-free frame.
    truth = np.concatenate([inputs[movie, :2], targets[movie, 1:-1]])
    images = animation_images(track, truth, seen)
    save_animation_frames(folder.frames, images)
    save_gif(folder.gif, images)


def _export(network: TrainedNetwork, folder: RunFolder) -> bool:
    try:
        network.export(folder.onnx)
    except ImportError as error:
        print(f"model.onnx was not written: {error}")
        return False
    return True


def _files(folder: RunFolder, exported: bool) -> list[str]:
    files = [
        (folder.gif, "the network's rollout beside the truth; its frames are in frames/"),
        (folder.loss_plot, "loss over the epochs; the numbers are in metrics.csv"),
        (folder.model, "the network: python -m engine.predict takes it"),
        (folder.best, "the network after its best epoch"),
    ]
    if exported:
        files.append((folder.onnx, "the network for onnxruntime"))
    return [f"{folder.path!s}:", *(f"  {path.name:20}{what}" for path, what in files)]
