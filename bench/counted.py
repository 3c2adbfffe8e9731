"""What a training step of the example's network asks of a GPU: `python -m bench counted`, with no GPU.

The full-size step is planned and launched on a runtime that computes nothing. Counted are launches, floating-point
operations (two a multiply-add, direct convolutions), bytes if every array argument of a launch is moved once and
nothing is found in a cache, and the bytes of all arrays; for each convolution of a layer, what the rule that chooses
its kernel counts. Times are not known here. Writes bench/results/counted.json when all precisions are counted.
"""

import sys
import weakref
from collections import Counter
from typing import Any

import numpy as np

from bench.cuda.arithmetic import flop
from bench.cuda.device import Device
from bench.cuda.launches import Launch, Recorder
from bench.cuda.sizes import FULL
from bench.peers.ours import network_of
from bench.peers.work import Work
from bench.product_costs import LAYERS, Costs, product_costs
from bench.report import write_results
from engine.runtime.batch import Batch
from engine.support.command_line import Parser
from kernels.arrays import Array
from kernels.cuda.launch.dry_runtime import DryRuntime
from kernels.specs import PRECISIONS


class CountingRuntime(DryRuntime):
    """Attributes: held_bytes, of the arrays that are there."""

    def __init__(self) -> None:
        super().__init__()
        self.held_bytes = 0

    def empty(self, shape: tuple[int, ...], dtype: Any) -> Array:
        return self._counted(super().empty(shape, dtype))

    def zeros(self, shape: tuple[int, ...], dtype: Any) -> Array:
        return self._counted(super().zeros(shape, dtype))

    def _counted(self, array: Array) -> Array:
        self.held_bytes += array.nbytes
        weakref.finalize(array, self._give_back, array.nbytes)
        return array

    def _give_back(self, n_bytes: int) -> None:
        self.held_bytes -= n_bytes


def count_step(work: Work, precision: str) -> tuple[list[Launch], int]:
    """The launches of one training step, and the bytes of all arrays after it."""
    runtime, recorder = CountingRuntime(), Recorder()
    with recorder.on(runtime), Device(runtime=runtime).engine(graphs=False):
        network = network_of(work, "cuda", precision)
        backend = network.backend
        x, y = (backend.from_host(movies) for movies in work.movies())
        value = backend.zeros((1,), np.float64)
        recorder.recording = True
        network.train_step(Batch((x,), (y,), (None,), np.arange(work.batch)), value)
    return recorder.launches, runtime.held_bytes


def table(launches: list[Launch]) -> list[str]:
    """A line a kernel, those that move most first: launches, GFLOP, GB."""
    count: Counter[tuple[str, str]] = Counter()
    work: Counter[tuple[str, str]] = Counter()
    moved: Counter[tuple[str, str]] = Counter()
    for launch in launches:
        key = launch.source.name.removesuffix(".cu"), launch.kernel
        count[key] += 1
        work[key] += flop(launch)
        moved[key] += launch.moved_bytes
    return [
        f"{program:34} {kernel:36}{count[program, kernel]:6}{work[program, kernel] / 1e9:10.1f}{n_bytes / 1e9:10.3f}"
        for (program, kernel), n_bytes in moved.most_common()
    ]


def cost_table(costs: dict[str, dict[str, Costs]]) -> list[str]:
    """A line a layer and convolution: microseconds by count, gathered, with windows and on warpgroup products."""
    ways = ("gathered us", "windows us", "warpgroups us")
    head = f"{'layer, by count':42}{'convolution':18}" + "".join(f"{way:>15}" for way in ways)
    lines = [
        f"{layer:42}{name:18}" + "".join(f"{'-' if cost is None else format(cost, '.1f'):>15}" for cost in found[name])
        for layer, found in costs.items()
        for name in found
    ]
    return [head, *lines]


def main(argv: list[str]) -> int:
    """The command; returns the exit status."""
    parser = Parser(prog="python -m bench counted", description=__doc__)
    parser.add_argument("--precisions", nargs="+", default=list(PRECISIONS), choices=PRECISIONS, help="default: all")
    precisions = parser.parse_args(argv).precisions
    results: dict[str, Any] = {}
    for precision in precisions:
        launches, held = count_step(FULL.step, precision)
        gflop, gbytes = sum(map(flop, launches)) / 1e9, sum(launch.moved_bytes for launch in launches) / 1e9
        print(
            f"{precision}: {len(launches)} launches, {gflop:.1f} GFLOP, {gbytes:.2f} GB moved, "
            f"{held / 2**20:,.0f} MiB of arrays\n"
        )
        print(f"{'program':34} {'kernel':36}{'count':>6}{'GFLOP':>10}{'GB':>10}")
        print("\n".join(table(launches)), end="\n\n")
        costs = {name: product_costs(layer, precision) for name, layer in LAYERS.items()}
        print("\n".join(cost_table(costs)), end="\n\n")
        results[precision] = {"launches": len(launches), "gflop": gflop, "moved_gb": gbytes, "held_bytes": held}
        results[precision]["convolutions_us_gathered_windows_warpgroups"] = costs
    if set(precisions) == set(PRECISIONS):
        write_results("counted", results)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
