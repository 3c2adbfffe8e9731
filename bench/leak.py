"""`python -m bench leak`: how much of the example's loss is the answer, seen one frame ahead (docs/fidelity.md).

Counts what the movies give away, then trains the same small network twice, with the example's head (a Conv3D whose
output t sees features of frame t+1) and with a causal one, and scores both where nothing can be copied: on the last
frame of a movie, and in a free-running rollout.
"""

from typing import Any

import numpy as np

import engine
from bench.report import machine, print_machine, print_table, write_results
from engine.movies.scores import csi, mean_loss, score_one_step, score_rollout
from engine.support.command_line import Parser
from engine.support.validation import positive_int
from kernels.losses import LossSpec

FRAMES = 15
CROSSENTROPY = LossSpec("binary_crossentropy")
HEADS = {"example's (3,3,3) same": "same", "(3,3,3) causal": "causal"}


def movies_alone(x: np.ndarray, y: np.ndarray) -> dict[str, float]:
    """What can be said of movies x and targets y (N,T,H,W,1) without a network."""
    on, target = x > 0.5, y > 0.5
    mean = float(y.mean())
    return {
        "share of pixels on in the targets": mean,
        "pixels where thresholded input t+1 equals target t": float(np.mean(on[:, 1:] == target[:, :-1])),
        "pixels where thresholded input t equals target t": float(np.mean(on == target)),
        "cross-entropy of the best constant": mean_loss(CROSSENTROPY, np.full_like(y, mean), y),
        "cross-entropy of persistence (input t as output t)": mean_loss(CROSSENTROPY, x, y),
        "cross-entropy of input t+1 as output t": mean_loss(CROSSENTROPY, x[:, 1:], y[:, :-1]),
        "CSI of persistence": csi(x, y),
    }


def network(padding: str, filters: tuple[int, ...]) -> engine.Sequential:
    """The example's network in small."""
    built = engine.Sequential(device="cpu", seed=0)
    for size in filters:
        built.add(engine.ConvLSTM2D(size, (3, 3), padding="same", return_sequences=True))
        built.add(engine.BatchNormalization(momentum=0.9))
    built.add(engine.Conv3D(1, (3, 3, 3), activation="sigmoid", padding=padding))
    built.compile(loss="binary_crossentropy", optimizer="adadelta")
    return built


def scores(trained: engine.Sequential, x: np.ndarray, y: np.ndarray) -> dict[str, Any]:
    """Loss over all frames and of each, and the rollout, on movies that were not trained on."""
    outputs = trained.predict(x)
    one_step = score_one_step(outputs, x, y, CROSSENTROPY)
    rollout, _ = score_rollout(trained.rollout, x, y)
    return {
        "all_frames": one_step.all_frames,
        "by_frame": [mean_loss(CROSSENTROPY, outputs[:, t], y[:, t]) for t in range(y.shape[1])],
        "last_frame": one_step.last_frame,
        "rollout_csi": rollout.csi,
        "persistence_csi": rollout.persistence_csi,
    }


def main(argv: list[str]) -> int:
    """Print both tables and write results/leak.json. Returns the exit status."""
    parser = Parser(prog="python -m bench leak", description=__doc__)
    parser.add_argument("--epochs", type=int, default=8, help="passes over 300 movies, batches of 5 (default: 8)")
    parser.add_argument("--filters", type=int, nargs="+", default=[16, 16], help="ConvLSTM2D layers (default: 16 16)")
    options = parser.parse_args(argv)
    positive_int("--epochs", options.epochs)
    print_machine(machine())
    counted = movies_alone(*engine.generate_movies(1200, FRAMES, seed=0))
    print_table(["the movies alone (1200, seed 0)", "value"], [[what, f"{v:.4f}"] for what, v in counted.items()])
    x, y = engine.generate_movies(360, FRAMES, seed=1)
    results: dict[str, Any] = {"machine": machine(), "epochs": options.epochs, "filters": options.filters}
    results |= {"movies": counted, "heads": {}}
    for name, padding in HEADS.items():
        trained = network(padding, tuple(options.filters))
        history = trained.fit(x[:300], y[:300], batch_size=5, epochs=options.epochs, verbose=0)
        losses = [float(loss) for loss in history.history["loss"]]
        results["heads"][name] = {"training_loss": losses} | scores(trained, x[300:], y[300:])
        write_results("leak", results)
    print()
    lines = []
    for name, score in results["heads"].items():
        early = float(np.mean(score["by_frame"][:-1]))
        columns = (score["all_frames"], early, score["last_frame"])
        lines.append([name, *(f"{value:.4f}" for value in columns), f"{score['last_frame'] / early:.2f}"])
    header = ["head, 60 unseen movies", "loss, all frames", "frames 1 to 14", "last frame", "last / mean of 1 to 14"]
    print_table(header, lines)
    print()
    rows = {name: s["rollout_csi"] for name, s in results["heads"].items()}
    rows["persistence"] = next(iter(results["heads"].values()))["persistence_csi"]
    leads = [str(lead + 1) for lead in range(len(rows["persistence"]))]
    print_table(["rollout CSI by frame", *leads], [[name, *(f"{c:.2f}" for c in row)] for name, row in rows.items()])
    return 0
