"""`python -m bench onnx`: the exported graphs in onnxruntime, beside the same network through tf2onnx and the engine.

The network is the Keras example's. Every file and the engine run in processes of their own with the same number of
threads; outputs are compared first, then all take turns. What is not there (a Python with Keras and tf2onnx: see
--peer-python) is left out and named.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from bench.peers.process import PeerError, PeerProcess, environment
from bench.peers.work import Work
from bench.report import (
    alternate,
    available_cores,
    duration,
    machine,
    print_machine,
    print_table,
    summary,
    write_results,
)
from engine.support.command_line import Parser

OURS, PEER, STEP, ENGINE = "ours", "tf2onnx", "step", "engine"
LABELS = {OURS: "our graph", PEER: "tf2onnx graph", STEP: "our step graph", ENGINE: "engine, CPU"}
TOLERANCE = 1e-4
PAUSE_S = 0.2
EXAMPLE = Work("forward", filters=(40,) * 4, kernels=(3,) * 4, batch=1, frames=15, height=40, width=40)


@dataclass(frozen=True)
class Row:
    """One line of the table.

    Attributes:
        label: the work in words.
        work: the work.
        graph: which of our graphs does it.
        goal: the ratio to reach.
    """

    label: str
    work: Work
    graph: str
    goal: float


ROWS = {
    "sequence1": Row("sequence, 1 movie of 15 frames", EXAMPLE, "sequence", 2.5),
    "sequence10": Row("sequence, 10 movies of 15 frames", replace(EXAMPLE, batch=10), "sequence", 2.0),
    "rollout1": Row("rollout, 1 track, 7 + 16 frames", replace(EXAMPLE, kind="rollout", frames=7), "rollout", 25.0),
    "rollout10": Row(
        "rollout, 10 tracks, 7 + 16 frames", replace(EXAMPLE, kind="rollout", frames=7, batch=10), "rollout", 25.0
    ),
}


def export_ours(folder: Path) -> dict[str, str]:
    """Write our three graphs of the example's network; returns {graph: path}."""
    from bench.peers.ours import network_of

    network = network_of(EXAMPLE, "reference")
    paths = {graph: str(folder / f"{graph}.onnx") for graph in ("sequence", "step", "rollout")}
    for graph, path in paths.items():
        network.export(path, graph=graph)
    return paths


def export_peer(folder: Path, python: str) -> tuple[str, dict[str, str]]:
    """Write the tf2onnx graph in the peers' Python; returns its path and versions. PeerError if that fails."""
    path = str(folder / "tf2onnx.onnx")
    command = [python, "-m", "bench.peers.tf2onnx_export", EXAMPLE.to_json(), path]
    done = subprocess.run(command, env=environment(1), check=False, capture_output=True, text=True)
    lines = done.stdout.strip().splitlines() if done.returncode == 0 else done.stderr.strip().splitlines()
    if done.returncode or not lines:
        raise PeerError(lines[-1] if lines else f"ended with status {done.returncode}")
    return path, dict(json.loads(lines[-1])["versions"])


def measure(row: Row, files: dict[str, str], peer: str | None, repeats: int, threads: int) -> dict[str, Any]:
    """One row: start, compare, alternate."""
    forms = {OURS: ("onnx_file", files[row.graph])}
    if peer is not None:
        forms[PEER] = ("onnx_file", peer)
    if row.graph == "rollout":
        forms[STEP] = ("onnx_file", files["step"])
    forms[ENGINE] = ("ours", "")
    columns: dict[str, dict[str, Any]] = {}
    with ExitStack() as stack:
        processes: dict[str, PeerProcess] = {}
        expected: np.ndarray | None = None
        for name, (module, form) in forms.items():
            process = stack.enter_context(PeerProcess(module, row.work, threads, sys.executable, form))
            output = process.check()
            expected = output if expected is None else expected
            off = float(np.abs(output - expected).max())
            if not off <= TOLERANCE:
                raise ValueError(f"{row.label}: {LABELS[name]} differs by {off:.2g} from ours")
            processes[name] = process
            columns[name] = {"versions": process.versions, "difference": off}
        times = alternate({name: _paused(process) for name, process in processes.items()}, repeats, warm_up=0)
        for name, process in processes.items():
            columns[name] |= summary(times[name]) | {"peak_bytes": process.peak_bytes()}
            columns[name]["gflops"] = row.work.gflop() / columns[name]["median_s"]
    result: dict[str, Any] = {"label": row.label, "work": asdict(row.work), "goal": row.goal, "columns": columns}
    if PEER in columns:
        result["ratio"] = columns[PEER]["median_s"] / columns[OURS]["median_s"]
        result["ratio_of_fastest"] = columns[PEER]["min_s"] / columns[OURS]["min_s"]
    return result


def _paused(process: PeerProcess) -> Callable[[], float]:
    """A turn, after the others' thread pools have gone to sleep."""

    def run() -> float:
        time.sleep(PAUSE_S)
        return process.run()

    return run


def print_rows(rows: dict[str, dict[str, Any]]) -> None:
    """The table of times, and beneath it that of peak memory."""
    names = [name for name in LABELS if any(name in row["columns"] for row in rows.values())]
    times, memory = [], []
    for row in rows.values():
        found = row["columns"]
        ratio = f"{row['ratio']:.2f}" if "ratio" in row else "-"
        times.append(
            [row["label"]]
            + [duration(found[name]["median_s"]) if name in found else "-" for name in names]
            + [ratio, f"{row['goal']:g}", f"{found[OURS]['gflops']:.0f}"]
        )
        memory.append(
            [row["label"]]
            + [f"{found[name]['peak_bytes'] / 2**20:.0f} MiB" if name in found else "-" for name in names]
        )
    print_table(["median time", *(LABELS[name] for name in names), "ratio", "goal", "GFLOP/s"], times)
    print("ratio: tf2onnx graph over ours. GFLOP/s: ours, as direct convolutions; a rollout as if streamed")
    print_table(["peak memory of the process", *(LABELS[name] for name in names)], memory)


def main(argv: list[str]) -> int:
    """Run the chosen rows, print the tables, write results/SAVE.json after each row. Returns the exit status."""
    parser = Parser(prog="python -m bench onnx", description=__doc__)
    parser.add_argument("--rows", default=",".join(ROWS), help="default: %(default)s")
    parser.add_argument("--repeats", type=int, default=9, help="turns of each participant (default: 9)")
    parser.add_argument("--threads", type=int, default=available_cores(), help="for all (default: every core)")
    parser.add_argument(
        "--peer-python",
        default=os.environ.get("CONVLSTM_PEER_PYTHON", sys.executable),
        help="interpreter that has keras, tensorflow and tf2onnx (default: $CONVLSTM_PEER_PYTHON, else this one)",
    )
    parser.add_argument("--save", default="onnx", help="the NAME of bench/results/NAME.json (default: onnx)")
    options = parser.parse_args(argv)
    chosen = [name.strip() for name in options.rows.split(",") if name.strip()]
    unknown = [name for name in chosen if name not in ROWS]
    if unknown or not chosen:
        print(f"bench onnx: --rows: expected some of {','.join(ROWS)}, got {options.rows!r}", file=sys.stderr)
        return 2
    if options.repeats < 1 or options.threads < 1 or not options.save.isidentifier():
        print(
            "bench onnx: --repeats and --threads: expected at least 1; --save: expected a plain name", file=sys.stderr
        )
        return 2
    description = machine()
    print_machine(description)
    results: dict[str, Any] = {"machine": description, "threads": options.threads, "rows": {}, "left_out": {}}
    with tempfile.TemporaryDirectory() as folder:
        files = export_ours(Path(folder))
        results["file_bytes"] = {graph: Path(path).stat().st_size for graph, path in files.items()}
        peer: str | None = None
        try:
            peer, results["exporter"] = export_peer(Path(folder), options.peer_python)
            results["file_bytes"][PEER] = Path(peer).stat().st_size
        except (PeerError, OSError) as error:
            results["left_out"][PEER] = str(error)
            print(f"tf2onnx graph left out ({error})")
        for name in chosen:
            print(f"{name}: {ROWS[name].label} ...", flush=True)
            results["rows"][name] = measure(ROWS[name], files, peer, options.repeats, options.threads)
            write_results(options.save, results)
    print_rows(results["rows"])
    print(f"written: bench/results/{write_results(options.save, results).name}")
    return 0
