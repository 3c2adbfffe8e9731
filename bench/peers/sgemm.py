"""What the machine can do: the GFLOP/s of NumPy's sgemm (its BLAS), as a yardstick. Prints one number."""

import statistics
import time

import numpy as np

SIZE = 2048
REPEATS = 7


def gflops() -> float:
    """Median over REPEATS products of two SIZE x SIZE matrices."""
    a, b = np.random.default_rng(0).random((2, SIZE, SIZE), np.float32)
    out = a @ b
    rates = []
    for _ in range(REPEATS):
        start = time.perf_counter()
        np.matmul(a, b, out=out)
        rates.append(2 * SIZE**3 / (time.perf_counter() - start) / 1e9)
    return statistics.median(rates)


if __name__ == "__main__":
    print(gflops())
