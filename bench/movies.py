"""How fast movies are made: `python -m bench movies`, engine.generate_movies beside the Keras example's own loops."""

import argparse
import json
import platform
import time
from pathlib import Path
from typing import Any

import numba
import numpy as np

from engine.movies import generate_movies

RESULTS = Path(__file__).parent / "results" / "movies.json"


def example_movies(n_samples: int, n_frames: int, seed: int) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
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
    """Time both, compare their movies, print the table and write bench/results/movies.json."""
    parser = argparse.ArgumentParser(prog="python -m bench movies", description=__doc__)
    parser.add_argument("--samples", type=int, default=1200, help="movies (default: 1200, as in the example)")
    parser.add_argument("--frames", type=int, default=15, help="frames in each (default: 15)")
    parser.add_argument("--repeat", type=int, default=10, help="runs of ours; the median counts (default: 10)")
    arguments = parser.parse_args(argv)

    start = time.perf_counter()
    expected = example_movies(arguments.samples, arguments.frames, seed=0)
    example_seconds = time.perf_counter() - start

    start = time.perf_counter()
    noisy, shifted = generate_movies(arguments.samples, arguments.frames, seed=0)
    first_seconds = time.perf_counter() - start
    difference = max(float(np.abs(expected[0] - noisy).max()), float(np.abs(expected[1] - shifted).max()))

    seconds = []
    for _ in range(arguments.repeat):
        start = time.perf_counter()
        generate_movies(arguments.samples, arguments.frames, seed=0)
        seconds.append(time.perf_counter() - start)
    median = float(np.median(seconds))

    print(f"{arguments.samples} movies of {arguments.frames} frames, {numba.get_num_threads()} threads")
    print(f"  the example's loops       {example_seconds * 1e3:10.1f} ms")
    print(f"  engine.generate_movies    {median * 1e3:10.1f} ms   {example_seconds / median:.0f} times faster")
    print(f"    first call              {first_seconds * 1e3:10.1f} ms   (compiles, or reads the compiled code)")
    print(f"  largest difference of a pixel {difference:.1e}")
    result = {
        "samples": arguments.samples,
        "frames": arguments.frames,
        "example_seconds": example_seconds,
        "engine_seconds_median": median,
        "engine_seconds": seconds,
        "engine_seconds_first_call": first_seconds,
        "speedup": example_seconds / median,
        "largest_difference": difference,
        "machine": platform.machine(),
        "processor": _processor(),
        "threads": numba.get_num_threads(),
        "python": platform.python_version(),
        "numpy": np.__version__,
        "numba": numba.__version__,
    }
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(result, indent=2) + "\n")
    return 0


def _processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    if not cpuinfo.exists():
        return platform.processor()
    names = [
        line.split(":", 1)[1].strip() for line in cpuinfo.read_text().splitlines() if line.startswith("model name")
    ]
    return names[0] if names else platform.processor()
