"""How far the gradients of the example's network are from float64, in every precision, with either kind of gate.

The promise (GRADIENT_ERROR of kernels/specs/) holds for logistic gates. At a corner of a hard sigmoid the derivative
jumps between 0 and its slope, so a gate that rounding moves across a corner changes its gradient as a whole, in any
precision: in the simulator up to 4.1e-3 was seen in tf32. Hard gates are therefore allowed CORNERS times as much.
"""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np

from bench.cuda.device import Device
from bench.cuda.part import Part
from bench.cuda.sizes import sizes
from bench.peers.ours import network_of
from bench.peers.work import Work
from kernels.specs import GRADIENT_ERROR

CORNERS = {"sigmoid": 1.0, "hard_sigmoid": 4.0}
BATCH, FRAMES = 2, 5
"""Movies and frames of the batch: small, as the oracle is float64 NumPy."""

Gradients = dict[str, np.ndarray]


def main() -> None:
    """One record for each precision and kind of gate."""
    part = Part.from_command_line()
    step = sizes(part.rehearse).step
    work = replace(step, batch=min(BATCH, step.batch), frames=min(FRAMES, step.frames))
    with Device(part.rehearse).engine(), ThreadPoolExecutor(len(CORNERS)) as pool:
        # The oracle's NumPy runs while the device's programs compile.
        oracle = {gates: pool.submit(gradients, work, "reference", "float32", gates) for gates in CORNERS}
        for gates, corners in CORNERS.items():
            for precision, promised in GRADIENT_ERROR.items():
                found = gradients(work, "cuda", precision, gates)
                error = distance(found, oracle[gates].result())
                part.record("gradient", precision=precision, gates=gates, error=error, allowed=promised * corners)


def gradients(work: Work, device: str, precision: str, gates: str) -> Gradients:
    """Gradients of one batch from the work's weights; the reference back end computes them in float64."""
    network = network_of(work, device, precision, "float64" if device == "reference" else "float32", gates)
    return network.loss_and_gradients(*work.movies())[1]


def distance(actual: Gradients, expected: Gradients) -> float:
    """||actual - expected|| / ||expected|| over all weights together."""
    squares = [
        (np.sum((actual[name] - gradient) ** 2), np.sum(gradient**2)) for name, gradient in expected.items()
    ]  # fmt: skip
    return float(np.sqrt(sum(apart for apart, _ in squares) / sum(size for _, size in squares)))


if __name__ == "__main__":
    main()
