"""A process on a GPU that does every piece of work in turn and keeps what it measured as it comes.

`python -m bench.peers.torch_gpu REQUEST`: REQUEST is a JSON file (see Request). For each work and precision one JSON
line is appended to the request's results: what it computes is compared with the engine's float32 output first; then it
is timed by the wall clock, calls queued one after another with one wait at the end. The first work is done in each
precision before the second one, so that a process that is ended early leaves what matters most.

Needs nothing but NumPy and the standard library beside the library that is measured.
"""

import json
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from bench.peers.work import Work

CHECKED_STEPS = 3
TURNS = 5

TOLERANCES = {
    "train": {"float32": 1e-4, "tf32": 2e-3, "bfloat16": 2e-2},
    "forward": {"float32": 1e-3, "tf32": 2e-2, "bfloat16": 1e-1},
    "rollout": {"float32": 1e-3, "tf32": 2e-2, "bfloat16": 1e-1},
}
"""What counts as the same work: the largest relative difference of the first losses; of outputs the root mean square
difference over their standard deviation, since those of new weights all lie near one half."""


@dataclass(frozen=True)
class Request:
    """What is to be measured.

    Attributes:
        participant: what it is called in the results.
        works: name -> Work as JSON, in the order in which they are wanted.
        form: one of the library's ways.
        precisions: in the order in which they are wanted.
        seconds: how long each is measured.
        expected: folder of NAME.npy, the engine's float32 output.
        results: file to append to.
        rehearse: tiny sizes, no GPU.
        first: write `expected` instead of comparing with it.
        timed: the works that are timed; the others are only compared. None: all.
    """

    participant: str
    works: dict[str, str]
    form: str
    precisions: list[str]
    seconds: float
    expected: str
    results: str
    rehearse: bool = False
    first: bool = False
    timed: list[str] | None = None

    def write(self, path: Path) -> Path:
        """Save as JSON; returns the path."""
        path.write_text(json.dumps(asdict(self)), encoding="utf-8")
        return path

    @classmethod
    def from_command_line(cls) -> "Request":
        """The request whose file is named there."""
        return cls(**json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")))


class Task(Protocol):
    """One piece of work in one precision, ready on the device."""

    def check(self) -> np.ndarray:
        """Losses of the first CHECKED_STEPS steps from the initial weights, or the output; compiles and warms up."""

    def queue(self) -> None:
        """Do the work once more; need not be waited for."""

    def wait(self) -> None:
        """Wait until all that was queued is done."""

    def peak_bytes(self) -> int:
        """Device memory at its peak, arrays only, as the library counts it; 0 if that is not known."""


class NotOffered(Exception):
    """The library or the form cannot do this work or precision; the message says why."""


def serve(peer: str, versions: dict[str, str], make: Callable[[Request, Work, str], Task]) -> None:
    """Measure all of the request; a work that fails is recorded with its error, and the next one is tried."""
    request = Request.from_command_line()
    for name, text in request.works.items():
        for precision in request.precisions:
            work = Work.from_json(text)
            record: dict[str, Any] = {
                "kind": "time", "row": name, "peer": peer, "participant": request.participant, "form": request.form,
                "precision": precision, "versions": versions,
            }  # fmt: skip
            try:
                record |= _measure(request, name, work, precision, make)
            except Exception as error:
                record["error"] = f"{type(error).__name__}: {' '.join(str(error).split())}"[:300]
            with Path(request.results).open("a", encoding="utf-8") as file:
                file.write(json.dumps(record) + "\n")


def _measure(
    request: Request, name: str, work: Work, precision: str, make: Callable[[Request, Work, str], Task]
) -> dict[str, Any]:
    start = time.perf_counter()
    task = make(request, work, precision)
    output = np.asarray(task.check(), np.float64)
    record: dict[str, Any] = {"first_s": time.perf_counter() - start}
    expected = Path(request.expected) / f"{name}.npy"
    if request.first and precision == "float32":
        np.save(expected, output)
    if expected.exists():
        record["difference"] = difference(work.kind, output, np.load(expected))
        record["same_work"] = record["difference"] <= TOLERANCES[work.kind][precision]
    if request.timed is not None and name not in request.timed:
        return record | {"kind": "compared"}
    return record | _timed(task, request.seconds) | {"peak_bytes": task.peak_bytes()}


def difference(kind: str, output: np.ndarray, expected: np.ndarray) -> float:
    """How far two outputs are apart, as TOLERANCES counts it; infinite if their shapes differ or one is not finite."""
    if output.shape != expected.shape or not np.isfinite(output).all():
        return float("inf")
    if kind == "train":
        return float(np.max(np.abs(output - expected) / np.abs(expected)))
    return float(np.sqrt(np.mean((output - expected) ** 2)) / np.std(expected))


def _timed(task: Task, seconds: float) -> dict[str, Any]:
    once = _call_times(task, 1, 2)[1]
    calls = max(1, int(seconds / TURNS / once))
    times = _call_times(task, calls, TURNS)
    return {
        "median_s": statistics.median(times), "min_s": min(times), "max_s": max(times), "calls": calls * TURNS,
    }  # fmt: skip


def _call_times(task: Task, calls: int, turns: int) -> Sequence[float]:
    times = []
    for _ in range(turns):
        start = time.perf_counter()
        for _ in range(calls):
            task.queue()
        task.wait()
        times.append((time.perf_counter() - start) / calls)
    return times
