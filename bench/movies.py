"""How fast movies are made: `python -m bench movies`, engine.generate_movies beside the Keras example's own loops."""

from pathlib import Path
from typing import Any

import numba
import numpy as np

from bench.report import alternate, duration, machine, print_machine, print_table, summary, timed, write_results
from engine.movies import generate_movies
from engine.support.command_line import Parser
from kernels.arrays import HostArray

_OURS, _EXAMPLE = "engine.generate_movies", "the example's loops"


def example_movies(n_samples: int, n_frames: int, seed: int) -> tuple[HostArray, HostArray]:
    """The movies of keras/examples/conv_lstm.py, in its own loops: the oracle of speed and of equality.

    float64 (n_samples, n_frames, 40, 40, 1) twice. RandomState(seed) hands out the draws of numpy.random.seed(seed).
    """
    random = np.random.RandomState(seed)
    row = col = 80
    noisy_movies = np.zeros((n_samples, n_frames, row, col, 1), dtype=float)
    shifted_movies = np.zeros((n_samples, n_frames, row, col, 1), dtype=float)

    for i in range(n_samples):
        n = random.randint(3, 8)
        for _ in range(n):
            xstart = random.randint(20, 60)
            ystart = random.randint(20, 60)
            directionx = random.randint(0, 3) - 1
            directiony = random.randint(0, 3) - 1
            w = random.randint(2, 4)
            for t in range(n_frames):
                x_shift = xstart + directionx * t
                y_shift = ystart + directiony * t
                noisy_movies[i, t, x_shift - w : x_shift + w, y_shift - w : y_shift + w, 0] += 1
                if random.randint(0, 2):
                    noise_f = (-1) ** random.randint(0, 2)
                    noisy_movies[i, t, x_shift - w - 1 : x_shift + w + 1, y_shift - w - 1 : y_shift + w + 1, 0] += (
                        noise_f * 0.1
                    )
                x_shift = xstart + directionx * (t + 1)
                y_shift = ystart + directiony * (t + 1)
                shifted_movies[i, t, x_shift - w : x_shift + w, y_shift - w : y_shift + w, 0] += 1

    noisy_movies = noisy_movies[::, ::, 20:60, 20:60, ::]
    shifted_movies = shifted_movies[::, ::, 20:60, 20:60, ::]
    noisy_movies[noisy_movies >= 1] = 1
    shifted_movies[shifted_movies >= 1] = 1
    return noisy_movies, shifted_movies


def main(argv: list[str]) -> int:
    """Time both in turn, compare their movies, print the table and write bench/results/movies.json."""
    parser = Parser(prog="python -m bench movies", description=__doc__)
    parser.add_argument("--samples", type=int, default=1200, help="movies (default: 1200, as in the example)")
    parser.add_argument("--frames", type=int, default=15, help="frames in each (default: 15)")
    parser.add_argument("--repeats", type=int, default=3, help="timed runs of each, in turn (default: 3)")
    parser.add_argument("--results", type=Path, help="folder for movies.json (default: bench/results)")
    arguments = parser.parse_args(argv)
    samples, frames = arguments.samples, arguments.frames

    movies: dict[str, Any] = {}

    def ours() -> None:
        movies[_OURS] = generate_movies(samples, frames, seed=0)

    def example() -> None:
        movies[_EXAMPLE] = example_movies(samples, frames, seed=0)

    times = alternate({_OURS: timed(ours), _EXAMPLE: timed(example)}, arguments.repeats)
    difference = max(float(np.abs(a - b).max()) for a, b in zip(movies[_OURS], movies[_EXAMPLE], strict=True))
    rows = {name: summary(seconds) for name, seconds in times.items()}
    speedup = rows[_EXAMPLE]["median_s"] / rows[_OURS]["median_s"]

    description = machine()
    print_machine(description)
    print(f"{samples} movies of {frames} frames, {numba.get_num_threads()} threads; allocation included")
    print_table(
        ["", "median", "fastest", "slowest"],
        [[name, *(duration(row[key]) for key in ("median_s", "min_s", "max_s"))] for name, row in rows.items()],
    )
    print(f"{speedup:.0f} times faster; the same movies, to {difference:.0e} in a pixel")
    results = {
        "machine": description,
        "samples": samples,
        "frames": frames,
        "threads": numba.get_num_threads(),
        "times": rows,
        "speedup": speedup,
        "largest_difference": difference,
    }
    write_results("movies", results, arguments.results)
    return 0
