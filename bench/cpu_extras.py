"""What the table of peers does not show: how cost grows with size, and how long a fresh process takes to start."""

import statistics
import sys
import tempfile
import time
from dataclasses import replace
from typing import Any

from bench.peers.process import PeerProcess
from bench.peers.work import Work
from bench.report import duration, print_table

BASE = Work("train", filters=(40, 40), kernels=(3, 3), batch=4, frames=10, height=40, width=40)
CURVES: dict[str, tuple[int, ...]] = {
    "frames": (5, 10, 20, 40),
    "batch": (1, 2, 4, 8, 16),
    "side": (20, 40, 60, 80, 120),
}


def scaling_curves(threads: int, repeats: int) -> dict[str, list[dict[str, Any]]]:
    """A training step of two layers of 40 filters as one of T, B, H = W grows: seconds, and per pixel and frame."""
    curves: dict[str, list[dict[str, Any]]] = {}
    for axis, sizes in CURVES.items():
        curves[axis] = []
        for size in sizes:
            sized: dict[str, Any] = {"height": size, "width": size} if axis == "side" else {axis: size}
            work = replace(BASE, **sized)
            with PeerProcess("ours", work, threads, sys.executable) as process:
                process.check()
                median = statistics.median(process.run() for _ in range(repeats))
            pixels = work.batch * work.frames * work.height * work.width
            curves[axis].append({"size": size, "median_s": median, "ns_per_pixel_frame": median / pixels * 1e9})
    return curves


def first_step(work: Work, threads: int) -> dict[str, float]:
    """Seconds from the start of a process to the end of its first training step, Numba's cache empty and then full."""
    seconds: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as cache:
        for state in ("cold_cache_s", "warm_cache_s"):
            start = time.perf_counter()
            with PeerProcess("ours", work, threads, sys.executable, NUMBA_CACHE_DIR=cache) as process:
                process.run()
                seconds[state] = time.perf_counter() - start
                seconds["later_step_s"] = process.run()
    return seconds


def print_extras(results: dict[str, Any]) -> None:
    """Both, where they were measured."""
    for axis, points in results.get("curves", {}).items():
        print(f"\ntraining step, 2 x 40 filters, 40x40, batch 4, 10 frames, as {axis} grows")
        header = [axis, *(str(point["size"]) for point in points)]
        times = ["step", *(duration(point["median_s"]) for point in points)]
        costs = ["per pixel and frame", *(f"{point['ns_per_pixel_frame']:.0f} ns" for point in points)]
        print_table(header, [times, costs])
    if "startup" in results:
        startup = results["startup"]
        print(
            f"\nfirst training step of a fresh process, the example's network at batch 10: "
            f"{duration(startup['cold_cache_s'])} with an empty Numba cache, "
            f"{duration(startup['warm_cache_s'])} with a full one; a later step: {duration(startup['later_step_s'])}"
        )
