"""The loss of the same steps in every precision on the device, or of the first of them on the CPU.

`python -m bench.cuda.curves --device cuda|cpu ...`, within part (e).
"""

import argparse

import numpy as np

from bench.cuda.device import Device
from bench.cuda.part import Part
from bench.cuda.sizes import Sizes, sizes
from bench.peers.ours import network_of
from engine import generate_movies
from engine.runtime.batch import Batch
from kernels.cuda.backend import PRECISIONS


def main() -> None:
    """One record for each curve."""
    part = Part.from_command_line()
    parser = argparse.ArgumentParser()
    parser.add_argument("--device", choices=("cuda", "cpu"), required=True)
    chosen = sizes(part.rehearse)
    if parser.parse_known_args()[0].device == "cpu":
        part.record("curve", name="cpu", losses=losses(chosen, "cpu", "float32", chosen.cpu_steps))
        return
    with Device(part.rehearse).engine():
        for precision in PRECISIONS:
            part.record("curve", name=precision, losses=losses(chosen, "cuda", precision, chosen.curve_steps))


def losses(chosen: Sizes, device: str, precision: str, steps: int) -> list[float]:
    """Train on the example's movies, in order, round and round; return the loss of each step before its update."""
    work = chosen.step
    movies = generate_movies(chosen.movies, work.frames, seed=0)
    x, y = (array[:, :, : work.height, : work.width] for array in movies)
    network = network_of(work, device, precision)
    backend = network.backend
    inputs, targets = (backend.from_host(np.ascontiguousarray(x)),), (backend.from_host(np.ascontiguousarray(y)),)
    values = backend.zeros((steps,), np.float64)
    for step in range(steps):
        rows = np.arange(step * work.batch, (step + 1) * work.batch) % chosen.movies
        network.train_step(Batch(inputs, targets, (None,), rows), values[step : step + 1])
    return [round(float(value), 7) for value in backend.to_host(values)]


if __name__ == "__main__":
    main()
