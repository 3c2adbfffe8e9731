"""What the parts of `python -m bench cuda` do when things go wrong, and what the report says of it."""

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bench.counted import count_step
from bench.cuda import main, runner
from bench.cuda.device import Device
from bench.cuda.goals import goals
from bench.cuda.gradient_tile_times import record_gradient_tiles
from bench.cuda.part import ROOT, Ended, Part, append_record, read_records, run_limited
from bench.cuda.proofs.correctness import NETWORKS, OPERATIONS, groups
from bench.cuda.proofs.sanitizer import judge
from bench.cuda.report import markdown, proved_wrong
from bench.cuda.runner import PartKind, Run
from bench.cuda.sections import tiles
from bench.cuda.small_step import HOPPER
from bench.cuda.tile_times import KERNELS, record_tiles
from bench.peers.device_worker import difference
from kernels.cuda.backend import PRECISIONS
from kernels.cuda.simulator.runtime import SimRuntime
from kernels.specs import ConvLSTMSpec

MACHINE: dict[str, Any] = {
    "cpu": "a processor", "cores": 2, "python": "3", "date": "today", "versions": {}, "peer_versions": {},
    "missing": ["cupy"], "gpu": None,
}  # fmt: skip


def part_in(folder: Path) -> Part:
    return Part(folder / "records.jsonl", time.monotonic() + 60.0, True, sys.executable, folder)


def test_a_process_that_takes_too_long_is_ended_with_its_children() -> None:
    child = "import time; time.sleep(60)"
    script = f"import subprocess, sys; print('begun', flush=True); subprocess.run([sys.executable, '-c', {child!r}])"
    began = time.monotonic()
    ended = run_limited([sys.executable, "-c", script], limit=1.0)
    assert time.monotonic() - began < 20
    assert ended.status is None and "begun" in ended.output and "time was up" in ended.why


def test_a_command_that_is_not_there_is_an_ending_too() -> None:
    ended = run_limited(["/no/such/program"], limit=5.0)
    assert ended.status == 127 and "exit status 127" in ended.why


def test_records_survive_a_line_that_was_cut_off(tmp_path: Path) -> None:
    path = tmp_path / "records.jsonl"
    assert read_records(path) == []
    append_record(path, "rate", name="copy", value=1.5)
    with path.open("a") as file:
        file.write('{"kind": "rate", "na')
    assert read_records(path) == [{"kind": "rate", "name": "copy", "value": 1.5}]


@pytest.mark.parametrize(
    ("ended", "verdict"),
    [
        (Ended(0, "========= ERROR SUMMARY: 0 errors\n", 1.0), "clean"),
        (Ended(86, "========= Invalid __global__ read\n========= ERROR SUMMARY: 3 errors\n", 1.0), "3 found"),
        (Ended(86, "========= RACECHECK SUMMARY: 2 hazards displayed (2 errors)\n", 1.0), "2 found"),
        (Ended(255, "========= Device not supported\n========= ERROR SUMMARY: 0 errors\n", 1.0), "failed"),
        (Ended(0, "nothing was said\n", 1.0), "failed"),
        (Ended(None, "", 9.0), "not finished"),
    ],
)
def test_the_sanitizers_word_counts_only_with_a_good_end(ended: Ended, verdict: str) -> None:
    assert judge(ended)[0] == verdict


def test_a_part_that_fails_or_hangs_leaves_what_it_had(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    record = (
        "from bench.cuda.part import Part\nPart.from_command_line().record('rate', name='copy', value=2.0, unit='TB/s')"
    )
    for name, ending in (("hanging", "import time; time.sleep(60)"), ("failing", "raise SystemExit(3)")):
        (tmp_path / f"{name}.py").write_text(f"{record}\n{ending}\n")
    monkeypatch.setattr(runner, "_module_command", lambda kind: [str(tmp_path / f"{kind.module}.py")])
    monkeypatch.setattr(
        runner, "PARTS", {"c": PartKind("hangs", "hanging", 1.0), "e": PartKind("fails", "failing", 1.0)}
    )
    run = Run(tmp_path / "out", True, sys.executable, MACHINE)
    run.parts("ce", budget=8.0)
    parts = json.loads((tmp_path / "out" / "cuda.json").read_text())["parts"]
    assert {letter: part["status"] for letter, part in parts.items()} == {"c": None, "e": 3}
    assert all(part["records"][0]["value"] == 2.0 for part in parts.values())
    assert parts["e"]["limit_s"] > 2.0, "what is left goes to the later parts"
    text = (tmp_path / "out" / "cuda.md").read_text()
    assert "STOPPED: its time was up" in text and "FAILED, status 3" in text and "MISSING: cupy" in text
    assert proved_wrong(run.results)


def test_the_end_of_a_part_ends_all_that_it_started(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A kernel that hangs belongs to a process of a process: left alone it would compute beside every later part."""
    child = f"import os, time; open({str(tmp_path / 'pid')!r}, 'w').write(str(os.getpid())); time.sleep(60)"
    (tmp_path / "waiting.py").write_text(
        "import sys\nfrom bench.cuda.part import run_limited\n"
        f"run_limited([sys.executable, '-c', {child!r}], limit=60.0)\n"
    )
    monkeypatch.setattr(runner, "_module_command", lambda kind: [str(tmp_path / f"{kind.module}.py")])
    monkeypatch.setattr(runner, "PARTS", {"c": PartKind("waits", "waiting", 1.0)})
    run = Run(tmp_path / "out", True, sys.executable, MACHINE)
    run.parts("c", budget=6.0)
    assert run.results["parts"]["c"]["status"] is None
    waited = Path("/proc", (tmp_path / "pid").read_text())
    assert not waited.exists() or "Z (zombie)" in (waited / "status").read_text()


def test_a_part_gets_what_it_needs_at_least_and_no_time_at_all_is_an_end_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "quick.py").write_text("")
    monkeypatch.setattr(runner, "_module_command", lambda kind: [str(tmp_path / f"{kind.module}.py")])
    kinds = {"c": PartKind("kernels", "quick", 9.0), "e": PartKind("training", "quick", 1.0, least=5.0)}
    monkeypatch.setattr(runner, "PARTS", kinds)
    run = Run(tmp_path / "out", True, sys.executable, MACHINE)
    run.parts("ec", budget=10.0)
    assert run.results["parts"]["e"]["limit_s"] == 5.0
    run.parts("c", budget=0.0)
    assert run.results["parts"]["c"]["limit_s"] == 0.0 and run.results["parts"]["c"]["records"] == []
    assert markdown(run.results)


def collected(*arguments: str) -> list[str]:
    command = [sys.executable, "-m", "pytest", "-o", "addopts=", "-m", "gpu", "--collect-only", "-q", *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return [line for line in done.stdout.splitlines() if "::" in line]


def test_every_test_is_in_one_group() -> None:
    found = groups(rehearse=False)
    chosen = [test for arguments in found.values() if NETWORKS in arguments for test in collected(*arguments)]
    assert sorted(chosen) == sorted(collected(NETWORKS))
    for path in OPERATIONS:
        expected = [[path, "-k", f"gpu-{precision}"] for precision in PRECISIONS]
        assert [arguments for arguments in found.values() if path in arguments] == expected
    assert all(any(f"gpu-{precision}" in test for precision in PRECISIONS) for test in collected(*OPERATIONS))


def test_tiles_are_timed_where_there_are_warpgroup_products(tmp_path: Path) -> None:
    part = part_in(tmp_path)
    device = Device(rehearse=True, runtime=SimRuntime(checked=False, sm_count=8, architecture="90a"))
    spec = ConvLSTMSpec(T=2, B=1, H=9, W=7, C=8, F=8, kh=3, kw=3)
    record_tiles(part, device, spec, "bfloat16")
    found = read_records(part.records)
    assert {record["kernel"] for record in found} == set(KERNELS)
    assert all(record["seconds"] > 0.0 for record in found)
    assert all((record["counted_clocks"] is None) == record["kernel"].startswith("persistent") for record in found)
    lines = tiles(found, short=False)
    assert len(lines) == 2 + len(found) and "windowed_input_forward" in lines[-1]


@pytest.mark.parametrize("precision", ["tf32", "bfloat16"])
def test_tiles_of_gradients_are_timed_beside_their_count(precision: str, tmp_path: Path) -> None:
    part = part_in(tmp_path)
    device = Device(rehearse=True, runtime=SimRuntime(checked=False, architecture="90a"))
    spec = ConvLSTMSpec(T=1, B=2, H=9, W=7, C=8, F=8, kh=3, kw=3)
    record_gradient_tiles(part, device, spec, precision)
    found = read_records(part.records)
    assert 1 < len(found) <= 6 and len({(record["arguments"], record["patch_rows"]) for record in found}) == len(found)
    assert all(record["seconds"] > 0.0 and record["counted_clocks"] > 0.0 for record in found)
    lines = tiles(found, short=False)
    assert len(lines) == 3 + len(found) and found[0]["kernel"] in lines[-1]


def test_the_sanitizer_watches_every_kernel_of_warpgroup_products() -> None:
    found = set()
    for precision in ("tf32", "bfloat16"):
        launches, _ = count_step(HOPPER, precision)
        found |= {
            launch.kernel.removesuffix("_bf16").removesuffix("_tf32")
            for launch in launches
            if "define TILE GroupTile" in launch.source.text or launch.kernel.startswith("warpgroup")
        }
    gradients = {"warpgroup_kernel_gradient", "warpgroup_recurrent_gradient"}
    assert {name for name in found if not name.startswith("pack")} == {*KERNELS, *gradients}


def results_of(letter: str, *records: dict[str, Any]) -> dict[str, Any]:
    part = {"title": "a part", "status": 0, "seconds": 1.0, "records": list(records)}
    return {"rehearsal": False, "machine": MACHINE, "parts": {letter: part}}


PEERS = ("JAX, scan", "PyTorch, graph", "PyTorch, compiled_cell", "PyTorch, eager", "PyTorch, compiled")


def timed(participant: str, seconds: float, same: bool = True, precision: str = "tf32") -> dict[str, Any]:
    return {
        "kind": "time", "row": "train", "peer": participant.split(",", maxsplit=1)[0], "participant": participant,
        "precision": precision, "median_s": seconds, "same_work": same, "peak_bytes": 2**20,
    }  # fmt: skip


def test_only_a_peer_at_the_same_work_counts() -> None:
    rows = {"kind": "rows", "rows": [{"name": "train", "label": "a step"}]}
    found = [timed("ours, graph", 0.002), timed("JAX, scan", 0.001, same=False), timed("PyTorch, eager", 0.008)]
    error = {**timed("PyTorch, compiled", 1.0), "error": "OutOfMemoryError: no"}
    text = "\n".join(markdown(results_of("d", rows, *found, error)))
    assert "| a step | tf32 | 2 ms | 1 ms* | 8 ms | x | 4.00 |" in text
    assert "OutOfMemoryError" in text and "PyTorch, eager tf32 1" in text


def test_ours_counts_only_where_it_is_right() -> None:
    rows = {"kind": "rows", "rows": [{"name": "train", "label": "step"}]}
    results = results_of("d", rows, timed("ours, graph", 0.001, same=False), timed("JAX, scan", 0.010))
    goal = goal_of("\n".join(goals(results["parts"])), "step", "tf32")
    assert goal.endswith("| - | 10 ms (JAX, scan) | - | unmeasured |")
    assert "| step | tf32 | 1 ms* | 10 ms | - |" in "\n".join(markdown(results))
    assert proved_wrong(results)
    assert not proved_wrong(results_of("d", rows, timed("ours, graph", 0.001), timed("JAX, scan", 1.0, same=False)))
    assert proved_wrong(results_of("d", rows, {**timed("ours, graph", 0.001), "error": "CUDADriverError: no"}))
    assert proved_wrong(results_of("d", {"kind": "failure", "what": "ours", "error": "", "proves": True}))
    assert not proved_wrong(results_of("d", {"kind": "failure", "what": "JAX", "error": "", "proves": False}))


def goal_of(text: str, work: str, precision: str) -> str:
    """The row of the table of goals for a piece of work in a precision."""
    (line,) = (line for line in text.splitlines() if line.startswith(f"| {work} | {precision} |"))
    return line


def test_a_goal_is_reached_when_time_and_ratio_are() -> None:
    rows = {"kind": "rows", "rows": [{"name": "train", "label": "step"}]}

    def row(ours: float, peer: float, precision: str = "tf32", peers: tuple[str, ...] = PEERS) -> str:
        found = [timed("ours, graph", ours, precision=precision)]
        found += [timed(name, peer + number, precision=precision) for number, name in enumerate(peers)]
        return goal_of("\n".join(goals(results_of("d", rows, *found)["parts"])), "step", precision)

    assert row(0.003, 0.012) == "| step | tf32 | 3.5 ms, 3 x | 3 ms | 12 ms (JAX, scan) | 4.00 | yes |"
    assert row(0.003, 0.012, peers=PEERS[:3]).endswith("| yes, without PyTorch, eager; PyTorch, compiled |")
    assert row(0.004, 0.012, peers=()).endswith("| 4 ms | - | - | NO |")
    assert row(0.003, 0.008).endswith("| 2.67 | NO |")
    assert row(0.004, 0.020).endswith("| 5.00 | NO |")
    assert row(0.002, 0.007, "bfloat16").endswith("| 3.50 | NO |")
    assert goal_of("\n".join(goals({})), "train", "tf32").endswith("| - | - | - | unmeasured |")


def test_memory_counts_beside_eager_and_recurrent_kernels_beside_the_roofline() -> None:
    eager = {**timed("PyTorch, eager", 1.0), "peak_bytes": 3 * 2**20}
    text = "\n".join(goals(results_of("d", timed("ours, graph", 1.0), eager)["parts"]))
    assert goal_of(text, "peak memory of a training step", "tf32").endswith("| 1 MiB | 3 MiB | 3.00 | yes |")
    rates = [{"kind": "rate", "name": name, "value": 1.0} for name in ("tf32", "copy")]
    kernel = {"kind": "kernel", "precision": "tf32", "flop": 0, "moved_bytes": 1e12, "seconds": 4.0}
    kernels = [{**kernel, "kernel": "step_forward"}, {**kernel, "kernel": "normalize", "seconds": 1.0}]
    text = "\n".join(goals(results_of("c", *rates, *kernels)["parts"]))
    assert goal_of(text, "recurrent kernels, share of the roofline", "tf32").endswith("| 0.5 | 0.25 | - | - | NO |")


def test_curves_and_gradients_that_are_too_far_apart_prove_wrong() -> None:
    curves = [
        {"kind": "curve", "name": name, "losses": [1.0, last]} for name, last in (("float32", 0.5), ("tf32", 0.51))
    ]
    gradient = {"kind": "gradient", "precision": "tf32", "gates": "sigmoid", "error": 1e-3, "allowed": 2e-3}
    good = results_of("e", *curves, gradient)
    assert not proved_wrong(good)
    assert goal_of("\n".join(goals(good["parts"])), "loss curves beside each other", "float32, tf32").endswith(
        "| yes |"
    )
    curves[1]["losses"] = [1.0, 0.53]
    assert proved_wrong(results_of("e", *curves))
    assert proved_wrong(results_of("e", {**gradient, "error": float("nan")}))


def test_a_failed_test_is_named_and_proves_wrong() -> None:
    good = {"kind": "test", "name": "tests/x::y", "outcome": "passed", "reason": ""}
    bad = {"kind": "test", "name": "tests/x::z", "outcome": "failed", "reason": "assert 1 == 2"}
    assert not proved_wrong(results_of("a", good))
    assert proved_wrong(results_of("a", good, bad))
    assert "- FAILED tests/x::z: assert 1 == 2" in markdown(results_of("a", good, bad))


def test_the_roofline_takes_the_longer_floor() -> None:
    rates = [
        {"kind": "rate", "name": name, "unit": unit, "value": value}
        for name, unit, value in (("tf32", "TFLOP/s", 100.0), ("copy", "TB/s", 4.0))
    ]
    kernel = {
        "kind": "kernel", "precision": "tf32", "program": "conv_lstm.cu", "kernel": "step", "constants": {"C": 40},
        "launches": 15, "seconds": 4e-3, "timed": "graph", "flop": 2e11, "moved_bytes": 4e9, "occupancy": 0.5,
    }  # fmt: skip
    text = "\n".join(markdown(results_of("c", *rates, kernel)))
    assert "| conv_lstm step C40 | tf32 | 15 | 4 ms | 50 | 1e+03 | 0.50 | - | - | 0.50 |" in text


def test_difference_sees_another_shape_and_nan() -> None:
    near_half = 0.5 + 1e-4 * np.arange(-1.0, 2.0)
    assert difference("forward", near_half, near_half) == 0.0
    assert difference("forward", near_half[:1], near_half) == float("inf")
    assert difference("forward", near_half * np.nan, near_half) == float("inf")
    assert difference("forward", np.full(3, 0.5), near_half) == pytest.approx(1.0), "one half is not the answer"
    assert difference("train", near_half * 1.1, near_half) == pytest.approx(0.1)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--parts", "ax"], "--parts"),
        (["--parts", "aa"], "--parts"),
        (["--budget", "0"], "--budget"),
        (["--peer-python", "/no/such/python"], "--peer-python"),
    ],
)
def test_refuses_wrong_arguments(
    arguments: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--out", str(tmp_path / "out"), "--rehearse", *arguments]) == 2
    error = capsys.readouterr().err
    assert message in error and len(error.splitlines()) == 1
    assert not (tmp_path / "out").exists()
