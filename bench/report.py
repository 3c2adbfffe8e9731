"""What every benchmark shares: the machine in words, alternating timing, side-by-side tables, results as JSON."""

import json
import os
import platform
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

from engine.files.atomic import write_atomically

RESULTS = Path(__file__).parent / "results"

Seconds = float


def available_cores() -> int:
    """Cores that this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def versions(*distributions: str) -> dict[str, str]:
    """The versions of those distributions that are installed."""
    found = {}
    for name in distributions:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


def machine() -> dict[str, Any]:
    """The machine and the software of this process, for a person who reads the numbers elsewhere."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") if hasattr(os, "sysconf") else 0
    return {
        "cpu": _cpu_model(),
        "cores": available_cores(),
        "simd": _simd(),
        "memory_gib": round(memory / 2**30, 1),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "versions": versions("numpy", "numba", "llvmlite", "onnx", "onnxruntime"),
        "load_average": round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None,
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def _cpu_info(key: str) -> str:
    """The first value of a key of Linux's /proc/cpuinfo, or nothing."""
    path = Path("/proc/cpuinfo")
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    return next((line.partition(":")[2].strip() for line in lines if line.partition(":")[0].strip() == key), "")


def _cpu_model() -> str:
    model = _cpu_info("model name") or platform.processor() or platform.machine()
    family = _cpu_info("cpu family")
    return f"{model} (family {family}, model {_cpu_info('model')})" if family else model


def _simd() -> str:
    flags = set(_cpu_info("flags").split())
    return next((name for flag, name in (("avx512f", "AVX-512"), ("avx2", "AVX2")) if flag in flags), "unknown")


def print_machine(description: Mapping[str, Any]) -> None:
    """One line on the machine, one on the versions."""
    print(
        f"{description['cpu']}, {description['cores']} cores, {description['simd']}, {description['memory_gib']} GiB, "
        f"{description['system']}, load {description['load_average']}"
    )
    listed = ", ".join(f"{name} {version}" for name, version in description["versions"].items())
    print(f"Python {description['python']}, {listed}")


def timed(call: Callable[[], object]) -> Callable[[], Seconds]:
    """Wrap a call so that it returns how long it took by the wall clock."""

    def run() -> Seconds:
        start = time.perf_counter()
        call()
        return time.perf_counter() - start

    return run


def alternate(calls: Mapping[str, Callable[[], Seconds]], repeats: int, warm_up: int = 1) -> dict[str, list[Seconds]]:
    """Run A B C A B C ..., so that the machine's noise falls on all alike; returns each one's times, warm-up left out.

    Each call returns its own time (see `timed`).
    """
    times: dict[str, list[Seconds]] = {name: [] for name in calls}
    for turn in range(warm_up + repeats):
        for name, call in calls.items():
            seconds = call()
            if turn >= warm_up:
                times[name].append(seconds)
    return times


def summary(times: Sequence[Seconds]) -> dict[str, Any]:
    """Median, fastest and slowest of some times, and how many there are."""
    return {
        "median_s": statistics.median(times),
        "min_s": min(times),
        "max_s": max(times),
        "repeats": len(times),
    }


def duration(seconds: Seconds | None) -> str:
    """A time with three digits and its unit; a dash for what was not measured."""
    if seconds is None:
        return "-"
    for unit, factor in (("s", 1.0), ("ms", 1e3), ("us", 1e6)):
        if seconds * factor >= 1.0:
            return f"{seconds * factor:.3g} {unit}"
    return f"{seconds * 1e9:.3g} ns"


def print_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """A Markdown table with aligned columns; the first column to the left, the others to the right."""
    widths = [max(len(line[i]) for line in [header, *rows]) for i in range(len(header))]

    def line(cells: Sequence[str]) -> str:
        first = cells[0].ljust(widths[0])
        return "| " + " | ".join([first, *(c.rjust(w) for c, w in zip(cells[1:], widths[1:], strict=True))]) + " |"

    print(line(header))
    print("|" + "|".join(["-" * (widths[0] + 2), *("-" * (w + 1) + ":" for w in widths[1:])]) + "|")
    for row in rows:
        print(line(row))


def write_results(name: str, results: Mapping[str, Any], directory: Path | None = None) -> Path:
    """Write results/NAME.json: the old file or the new one, never half of one. Returns its path."""
    directory = RESULTS if directory is None else directory
    directory.mkdir(parents=True, exist_ok=True)
    path = directory / f"{name}.json"
    write_atomically(path, (json.dumps(results, indent=1) + "\n").encode())
    return path
