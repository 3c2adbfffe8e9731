"""`python -m bench cpu`: the engine on the CPU beside Keras on TensorFlow and PyTorch, the same work side by side.

Each participant runs in a process of its own, from the same weights on the same movies; what it computes is compared
first, then all take turns (A B C A B C ...), so that the machine's noise falls on all alike.
"""

import os
import subprocess
import sys
import time
from contextlib import ExitStack
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from bench.cpu_extras import first_step, print_extras, scaling_curves
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
from engine.support.validation import positive_int

OURS = "ours"
PAUSE_S = 0.2


@dataclass(frozen=True)
class Row:
    """One line of the table: the work, in words, and the ratio it should reach."""

    label: str
    work: Work
    goal: float
    tolerance: float
    """Largest difference from ours, absolute in outputs, relative in losses."""
    against: str = ""
    """The participant that the ratio is to; empty: the fastest peer."""


@dataclass(frozen=True)
class Participant:
    """A column: the module of bench.peers, and its forms (for each kind of work; the faster one takes part)."""

    label: str
    module: str
    train_forms: tuple[str, ...] = ("",)
    forward_forms: tuple[str, ...] = ("",)
    rollout_forms: tuple[str, ...] = ("",)

    def forms(self, work: Work) -> tuple[str, ...]:
        """The forms to try for a kind of work; none where it does not take part."""
        return {"train": self.train_forms, "forward": self.forward_forms, "rollout": self.rollout_forms}[work.kind]


EXAMPLE = Work("train", filters=(40,) * 4, kernels=(3,) * 4, batch=10, frames=15, height=40, width=40)
ROWS = {
    "train": Row("training step, the example's network, batch 10", EXAMPLE, 3.0, 1e-3),
    "forward": Row("forward, the example's network, batch 10", replace(EXAMPLE, kind="forward"), 2.0, 1e-4),
    "forward1": Row("forward, the example's network, batch 1", replace(EXAMPLE, kind="forward", batch=1), 2.0, 1e-4),
    "rollout": Row(
        "rollout of one track, 7 + 16 frames (ratio: to Keras' loop)",
        replace(EXAMPLE, kind="rollout", batch=1, frames=7),
        30.0,
        1e-3,
        against="keras_tf",
    ),
    "train64": Row(
        "training step, 64x64, 3 x 64 filters, kernels 5, 3, 1, batch 4, 10 frames",
        Work("train", (64, 64, 64), (5, 3, 1), batch=4, frames=10, height=64, width=64),
        2.0,
        1e-3,
    ),
    "train128": Row(
        "training step, 128x128, 2 x 32 filters, batch 2, 10 frames",
        Work("train", (32, 32), (3, 3), batch=2, frames=10, height=128, width=128),
        2.0,
        1e-3,
    ),
}
EXTRAS = ("curves", "startup")
PARTICIPANTS = {
    OURS: Participant("ours", "ours"),
    "keras_tf": Participant("Keras-TF", "keras_tf", forward_forms=("function", "predict_on_batch")),
    "torch_eager": Participant(
        "PyTorch eager",
        "torch_eager",
        train_forms=("hoisted", "merged"),
        forward_forms=("hoisted", "merged"),
        rollout_forms=("hoisted", "merged"),
    ),
    # one compilation for every length of the growing track: no rollout
    "torch_compiled": Participant(
        "PyTorch compiled", "torch_compiled", train_forms=("hoisted",), forward_forms=("hoisted",), rollout_forms=()
    ),
}


def fastest_form(
    participant: Participant, work: Work, threads: int, python: str
) -> tuple[PeerProcess, np.ndarray] | None:
    """The participant's process in its faster form, checked and warmed up, with what it computed."""
    best: tuple[float, PeerProcess, np.ndarray] | None = None
    forms = participant.forms(work)
    for form in forms:
        process = PeerProcess(participant.module, work, threads, python, form)
        output = process.check()
        seconds = process.run() if len(forms) > 1 else 0.0
        if best is None or seconds < best[0]:
            if best is not None:
                best[1].close()
            best = seconds, process, output
        else:
            process.close()
    return None if best is None else best[1:]


def difference(output: np.ndarray, expected: np.ndarray, work: Work) -> float:
    """The largest difference: relative in losses, absolute in outputs, which lie between 0 and 1."""
    scale = np.abs(expected) if work.kind == "train" else 1.0
    return float(np.max(np.abs(output - expected) / scale))


def measure(row: Row, names: list[str], repeats: int, threads: int, peer_python: str) -> dict[str, Any]:
    """One row: start, compare, alternate. A peer that cannot take part is left out, with the reason."""
    result: dict[str, Any] = {"label": row.label, "work": asdict(row.work), "gflop": row.work.gflop(), "goal": row.goal}
    left_out: dict[str, str] = {}
    columns: dict[str, dict[str, Any]] = {}
    with ExitStack() as stack:
        processes: dict[str, PeerProcess] = {}
        expected: np.ndarray | None = None
        for name in names:
            python = sys.executable if name == OURS else peer_python
            try:
                started = fastest_form(PARTICIPANTS[name], row.work, threads, python)
            except PeerError as error:
                left_out[name] = str(error)
                continue
            if started is None:
                left_out[name] = "has no form for this work"
                continue
            process, output = stack.enter_context(started[0]), started[1]
            expected = output if expected is None else expected
            off = difference(output, expected, row.work)
            if not off <= row.tolerance:
                left_out[name] = f"differs by {off:.2g} from {next(iter(processes))}; not timed"
                continue
            processes[name] = process
            columns[name] = {"form": process.form, "versions": process.versions, "difference": off}
        times = alternate({name: _paused(process) for name, process in processes.items()}, repeats, warm_up=0)
        for name, process in processes.items():
            columns[name] |= summary(times[name]) | {"peak_bytes": process.peak_bytes()}
            columns[name]["gflops"] = row.work.gflop() / columns[name]["median_s"]
    peers = [columns[name]["median_s"] for name in columns if name == row.against or (not row.against and name != OURS)]
    if OURS in columns and peers:
        result["ratio"] = min(peers) / columns[OURS]["median_s"]
    return result | {"participants": columns, "left_out": left_out, "sgemm_gflops": sgemm_gflops(threads)}


def _paused(process: PeerProcess) -> Any:
    """A turn, after the others' thread pools have gone to sleep."""

    def run() -> float:
        time.sleep(PAUSE_S)
        return process.run()

    return run


def sgemm_gflops(threads: int) -> float:
    """What this machine's sgemm does now, with as many threads."""
    command = [sys.executable, "-m", "bench.peers.sgemm"]
    done = subprocess.run(command, env=environment(threads), check=True, capture_output=True, text=True)
    return float(done.stdout)


def print_rows(rows: dict[str, dict[str, Any]], names: list[str]) -> None:
    """The table of times, and beneath it that of the memory of the first training row."""
    labels = [PARTICIPANTS[name].label for name in names]
    lines = []
    for row in rows.values():
        found = row["participants"]
        cells = [duration(found[name]["median_s"]) if name in found else "-" for name in names]
        ratio = f"{row['ratio']:.2f}" if "ratio" in row else "-"
        rate = f"{found[OURS]['gflops']:.0f}" if OURS in found else "-"
        lines.append([row["label"], *cells, ratio, f"{row['goal']:g}", rate, f"{row['sgemm_gflops']:.0f}"])
    if "train" in rows:
        found = rows["train"]["participants"]
        peaks = {name: found[name]["peak_bytes"] for name in names if name in found}
        peers = [peak for name, peak in peaks.items() if name != OURS]
        ratio = f"{min(peers) / peaks[OURS]:.2f}" if OURS in peaks and peers else "-"
        cells = [f"{peaks[name] / 2**20:.0f} MiB" if name in peaks else "-" for name in names]
        lines.append(["peak memory of the first row's process", *cells, ratio, "1", "", ""])
    print_table(["work", *labels, "ratio", "goal", "GFLOP/s", "sgemm"], lines)
    print("ratio: fastest peer's median over ours. GFLOP/s: ours, as direct convolutions; a rollout as if streamed")
    for row in rows.values():
        forms = [f"{PARTICIPANTS[n].label} {c['form']}" for n, c in row["participants"].items() if c["form"]]
        reasons = [f"{PARTICIPANTS[n].label} left out ({reason})" for n, reason in row["left_out"].items()]
        if forms or reasons:
            print(f"{row['label']}: {'; '.join(forms + reasons)}")


def _chosen(name: str, text: str, known: list[str]) -> list[str]:
    chosen = [item.strip() for item in text.split(",") if item.strip()]
    for item in chosen:
        if item not in known:
            raise ValueError(f"{name}: expected some of {','.join(known)}, got {item!r}")
    return chosen


def main(argv: list[str]) -> int:
    """Run the chosen rows, print the table, write results/SAVE.json after each row.

    Returns the exit status; raises ValueError for arguments that are wrong.
    """
    known_rows = [*ROWS, *EXTRAS]
    parser = Parser(
        prog="python -m bench cpu",
        description=__doc__,
        epilog="A quick look: --rows forward1 --participants ours,torch_eager --repeats 3 --save quick",
    )
    parser.add_argument("--rows", default=",".join(known_rows), help="default: %(default)s")
    parser.add_argument("--participants", default=",".join(PARTICIPANTS), help="default: %(default)s")
    parser.add_argument("--repeats", type=int, default=5, help="turns of each participant (default: 5)")
    parser.add_argument("--threads", type=int, default=available_cores(), help="for all (default: every core)")
    parser.add_argument(
        "--peer-python",
        default=os.environ.get("CONVLSTM_PEER_PYTHON", sys.executable),
        help="interpreter that has the peers (default: $CONVLSTM_PEER_PYTHON, else this one)",
    )
    parser.add_argument("--save", default="cpu", help="the NAME of bench/results/NAME.json (default: cpu)")
    options = parser.parse_args(argv)
    row_names = _chosen("--rows", options.rows, known_rows)
    names = _chosen("--participants", options.participants, list(PARTICIPANTS))
    positive_int("--repeats", options.repeats)
    positive_int("--threads", options.threads)
    if not options.save.isidentifier():
        raise ValueError(f"--save: expected a plain name, got {options.save!r}")
    description = machine()
    print_machine(description)
    results: dict[str, Any] = {"machine": description, "threads": options.threads, "rows": {}}
    for name in (name for name in row_names if name in ROWS):
        print(f"{name}: {ROWS[name].label} ...", flush=True)
        results["rows"][name] = measure(ROWS[name], names, options.repeats, options.threads, options.peer_python)
        write_results(options.save, results)
    if results["rows"]:
        print_rows(results["rows"], names)
    if "curves" in row_names:
        results["curves"] = scaling_curves(options.threads, options.repeats)
    if "startup" in row_names:
        results["startup"] = first_step(EXAMPLE, options.threads)
    print_extras(results)
    print(f"written: bench/results/{write_results(options.save, results).name}")
    return 0
