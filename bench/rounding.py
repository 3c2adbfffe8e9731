"""`python -m bench rounding`: what the precisions of the CUDA back end cost, simulated as on an H200, beside float64.

The gradients of two ConvLSTM layers of 40 filters and their head over 4 frames, relative in norm; and the losses of
trainings of the example's architecture with 3 layers of 8 filters, 200 steps on other movies each. Where a loss leaps,
single steps differ most, so the curve is compared by means of ten steps too.
"""

from typing import Any

import numpy as np

from bench.cuda.device import Device
from bench.cuda.proofs.gradients import distance, gradients
from bench.peers.ours import network_of
from bench.peers.work import Work
from bench.report import machine, print_machine, print_table, write_results
from engine import generate_movies
from engine.support.command_line import Parser
from engine.support.validation import positive_int
from kernels.cuda.simulator.runtime import SimRuntime
from kernels.specs import PRECISIONS

GATES = ("sigmoid", "hard_sigmoid")
LAYERS = Work("train", filters=(40, 40), kernels=(3, 3), batch=1, frames=4, height=7, width=11)
TRAINED = Work("train", filters=(8, 8, 8), kernels=(3, 3, 3), batch=1, frames=6, height=16, width=20)


def main(argv: list[str]) -> int:
    """Print both tables and write results/rounding.json. Returns the exit status."""
    parser = Parser(prog="python -m bench rounding", description=__doc__)
    parser.add_argument("--steps", type=int, default=200, help="of training (default: 200)")
    parser.add_argument("--trainings", type=int, default=3, help="each on movies of its own (default: 3)")
    options = parser.parse_args(argv)
    positive_int("--steps", options.steps)
    positive_int("--trainings", options.trainings)
    print_machine(machine())
    results: dict[str, Any] = {"machine": machine(), "steps": options.steps, "losses": {}}
    results["gradients"] = {gates: gradient_errors(gates) for gates in GATES}
    lines = [[gates, *(f"{found[p]:.1e}" for p in PRECISIONS)] for gates, found in results["gradients"].items()]
    print_table(["gradients, gates", *PRECISIONS], lines)
    write_results("rounding", results)

    for precision in PRECISIONS:
        found = curves(precision, options.trainings, options.steps)
        apart = [np.abs(actual / expected - 1.0) for actual, expected in found]
        smooth = [np.abs(tens(actual) / tens(expected) - 1.0) for actual, expected in found]
        results["losses"][precision] = {
            "largest_apart": float(np.max(apart)),
            "largest_of_ten_steps": float(np.max(smooth)),
            "mean_apart": float(np.mean(apart)),
        }
        write_results("rounding", results)
    print()
    lines = [[p, *(f"{value:.1e}" for value in results["losses"][p].values())] for p in PRECISIONS]
    what = f"losses, {options.trainings} trainings of {options.steps} steps"
    print_table([what, "largest of one step", "of the mean of ten", "mean"], lines)
    return 0


def simulated_h200() -> SimRuntime:
    """With its multiprocessors and products; accesses are not checked."""
    return SimRuntime(checked=False, sm_count=132, architecture="90a")


def gradient_errors(gates: str) -> dict[str, float]:
    """Relative error of the gradients, all weights together, in each precision."""
    expected = gradients(LAYERS, "reference", "float32", gates)
    found = {}
    for precision in PRECISIONS:
        with Device(rehearse=True, runtime=simulated_h200()).engine():
            found[precision] = distance(gradients(LAYERS, "cuda", precision, gates), expected)
    return found


def curves(precision: str, trainings: int, steps: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """The losses of each training, and float64's."""
    found = []
    for seed in range(trainings):
        with Device(rehearse=True, runtime=simulated_h200()).engine():
            actual = losses(TRAINED, "cuda", precision, steps, seed)
        found.append((actual, losses(TRAINED, "reference", "float32", steps, seed)))
    return found


def tens(curve: np.ndarray) -> np.ndarray:
    """Means of ten steps."""
    return np.array([curve[first : first + 10].mean() for first in range(0, len(curve), 10)])


def losses(work: Work, device: str, precision: str, steps: int, seed: int = 0) -> np.ndarray:
    """Losses of training steps on windows of the example's movies, cut to the work's size; float64 on the reference."""
    network = network_of(work, device, precision, "float64" if device == "reference" else "float32")
    movies = generate_movies(steps, work.frames, seed=seed)
    x, y = (movie[:, :, 10 : 10 + work.height, 8 : 8 + work.width] for movie in movies)
    return np.array([network.train_on_batch(x[s : s + 1], y[s : s + 1]) for s in range(steps)])
