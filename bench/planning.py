"""How long a network takes to be planned for a GPU: `python -m bench planning`, with no GPU.

The layers of the example's training step are bound on a runtime that compiles and computes nothing: tiles are searched,
programs expanded and launches laid out. In a process of its own each: the first plan, and a second one of the same
network, whose searches are remembered. Writes bench/results/planning.json when all precisions are measured.
"""

import json
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

from bench.cuda.sizes import FULL
from bench.peers.work import HEAD_KERNEL
from bench.report import write_results
from engine.support.command_line import Parser
from kernels.cuda import CudaBackend
from kernels.cuda.launch.dry_runtime import DryRuntime
from kernels.specs import PRECISIONS, BatchNormSpec, Conv3DSpec, ConvLSTMSpec

PROCESSES = 5
"""Fresh processes in one precision; the fastest counts, as others have waited for the machine."""


def plan(precision: str) -> None:
    """Bind the layers of the example's network to a training step."""
    work = FULL.step
    frames = (work.frames, work.batch, work.height, work.width)
    backend = CudaBackend(precision=precision, runtime=DryRuntime(), graphs=False)
    channels = work.channels
    for filters, kernel in zip(work.filters, work.kernels, strict=True):
        narrow = channels > 1
        spec = ConvLSTMSpec(*frames, channels, filters, kernel, kernel, narrow_x=narrow, narrow_y=True)
        layer = backend.conv_lstm(spec)
        backend.batch_norm(BatchNormSpec(*frames, filters, narrow_x=True, narrow_y=True), layer)
        channels = filters
    backend.conv3d(Conv3DSpec(*frames, channels, 1, *HEAD_KERNEL, narrow_x=True))


def python_calls(work: Callable[[], None]) -> int:
    """How many Python functions the work calls: the same on every machine."""
    calls = 0

    def count(_: Any, event: str, __: Any) -> None:
        nonlocal calls
        calls += event == "call"

    sys.setprofile(count)
    try:
        work()
    finally:
        sys.setprofile(None)
    return calls


def processor_seconds(work: Callable[[], None]) -> float:
    """The processor time that it takes."""
    start = time.process_time()
    work()
    return time.process_time() - start


def measure(precision: str) -> dict[str, float]:
    """Seconds of processor time and Python calls of a first plan and of a second one, each in a fresh process."""
    runs = [_in_a_process(precision, "seconds") for _ in range(PROCESSES)]
    first, second = (min(run[i] for run in runs) for i in range(2))
    calls = _in_a_process(precision, "calls")
    return {"first_s": first, "second_s": second, "first_calls": calls[0], "second_calls": calls[1]}


def _in_a_process(precision: str, what: str) -> list[float]:
    command = [sys.executable, "-m", "bench.planning", precision, what]
    numbers: list[float] = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    return numbers


def main(argv: list[str]) -> int:
    """The command; returns the exit status."""
    parser = Parser(prog="python -m bench planning", description=__doc__)
    parser.add_argument("--precisions", nargs="+", default=list(PRECISIONS), choices=PRECISIONS, help="default: all")
    precisions = parser.parse_args(argv).precisions
    results = {}
    print(f"{'precision':12}{'first':>10}{'second':>10}{'calls':>12}{'calls, second':>16}")
    for precision in precisions:
        found = results[precision] = measure(precision)
        times = "".join(f"{1000 * found[key]:7.0f} ms" for key in ("first_s", "second_s"))
        print(f"{precision:12}{times}{found['first_calls']:12,.0f}{found['second_calls']:16,.0f}")
    if set(precisions) == set(PRECISIONS):
        write_results("planning", results)
    return 0


if __name__ == "__main__":
    in_precision, wanted = sys.argv[1:]
    meter = python_calls if wanted == "calls" else processor_seconds
    print(json.dumps([meter(lambda: plan(in_precision)) for _ in range(2)]))
