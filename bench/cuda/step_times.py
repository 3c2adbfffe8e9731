"""What each kernel of a training step takes in one precision: `python -m bench.cuda.step_times --precision P ...`.

The launches of one step are noted; those of one kernel are recorded as a graph, in their order and on their own
arrays, and its replays are timed by events. A kernel that cannot be recorded is timed by plain launches, and the record
says so. Then the work of one layer, in every way that the back end knows.
"""

import argparse
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from bench.cuda.arithmetic import flop
from bench.cuda.device import Device
from bench.cuda.launches import Launch, Recorder
from bench.cuda.part import Part
from bench.cuda.sizes import Sizes, sizes
from bench.cuda.ways import record_ways
from bench.peers.ours import network_of
from bench.peers.work import Work
from engine.runtime.batch import Batch
from kernels.cuda.launch.launch import Function
from kernels.specs import PRECISIONS

THREADS_PER_SM = 2048
MEASURED_SECONDS = 0.05

Group = list[Launch]


def main() -> None:
    """Measure; the records are part (c)'s."""
    part = Part.from_command_line()
    parser = argparse.ArgumentParser()
    parser.add_argument("--precision", choices=PRECISIONS, required=True)
    precision = parser.parse_known_args()[0].precision
    chosen, device = sizes(part.rehearse), Device(part.rehearse)
    measure_step(part, device, chosen, precision)
    record_ways(part, device.runtime, chosen.step, precision, partial(measure_group, device))


def measure_step(part: Part, device: Device, chosen: Sizes, precision: str) -> None:
    """One record for each kernel of the training step, and one for the step."""
    work, recorder = chosen.step, Recorder()
    with recorder.on(device.runtime):
        step = training_step(device, work, precision, graphs=False)
        recorder.recording = True
        step()
        recorder.recording = False
    launches = list(recorder.launches)
    plain = repeated_seconds(device, step)
    graph = repeated_seconds(device, training_step(device, work, precision, graphs=True))
    total_flop = sum(map(flop, launches))
    part.record(
        "step", precision=precision, launches=len(launches), launched_s=plain, graph_s=graph, flop=total_flop,
        moved_bytes=sum(launch.moved_bytes for launch in launches),
    )  # fmt: skip
    for group in groups(launches):
        part.record("kernel", precision=precision, **measure_group(device, group))


def training_step(device: Device, work: Work, precision: str, graphs: bool) -> Callable[[], None]:
    """A call that queues one training step, as the engine makes it."""
    with device.engine(graphs):
        network = network_of(work, "cuda", precision)
    backend, rows = network.backend, np.arange(work.batch)
    x, y = (backend.from_host(movies) for movies in work.movies())
    value = backend.zeros((1,), np.float64)
    return partial(network.train_step, Batch((x,), (y,), (None,), rows), value)


def groups(launches: list[Launch]) -> list[Group]:
    """The launches of each kernel of each program, in order."""
    found: dict[tuple[str, str], Group] = {}
    for launch in launches:
        found.setdefault((launch.source.text, launch.kernel), []).append(launch)
    return list(found.values())


def measure_group(device: Device, group: Group) -> dict[str, Any]:
    """Seconds of all launches of one kernel in a step, with the work that they do."""
    first = group[0]
    work: Callable[[], None] = partial(make_again, group)
    try:
        work, how = device.runtime.capture(work).replay, "graph"
    except Exception as error:
        how = f"launches ({type(error).__name__})"
    per_sm = first.function.blocks_per_sm(first.threads, first.shared_bytes)
    return {
        "program": first.source.name,
        "kernel": first.kernel,
        "constants": first.constants,
        "launches": len(group),
        "seconds": repeated_seconds(device, work),
        "timed": how,
        "flop": sum(map(flop, group)),
        "moved_bytes": sum(launch.moved_bytes for launch in group),
        "grid": first.grid,
        "block": first.block,
        "shared_bytes": first.shared_bytes,
        "blocks_per_sm": per_sm,
        "occupancy": per_sm * first.threads / THREADS_PER_SM,
        **register_cells(first.function),
    }


def make_again(group: Group) -> None:
    """Queue all of the launches once more."""
    for launch in group:
        launch.again()


def repeated_seconds(device: Device, work: Callable[[], None]) -> float:
    """Seconds of one call, mean over enough calls to fill MEASURED_SECONDS, after three that are not counted."""

    def times(count: int) -> float:
        def counted() -> None:
            for _ in range(count):
                work()

        return device.seconds(counted) / count

    times(1)
    times(1)
    once = times(1)
    return times(1 if device.simulated else max(3, int(MEASURED_SECONDS / max(once, 1e-6))))


def register_cells(function: Function) -> dict[str, int]:
    """Registers of a thread and bytes of its local memory, for a record: as the device has loaded the kernel."""
    found = function.registers()
    return {} if found is None else {"registers": found[0], "local_bytes": found[1]}


if __name__ == "__main__":
    main()
