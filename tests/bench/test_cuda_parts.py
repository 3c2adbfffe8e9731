"""What the parts of `python -m bench cuda` do when things go wrong, and what the report says of it."""

import json
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from bench.counted import count_step
from bench.cuda import main, runner
from bench.cuda.device import Device
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
from tests.bench.machine import MACHINE


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


class Collected:
    """Keeps the names of the tests that a run of pytest collects."""

    def __init__(self) -> None:
        self.names: list[str] = []

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        self.names = [item.nodeid for item in session.items]


def collected(*arguments: str) -> list[str]:
    """The tests marked gpu that pytest finds with these arguments; in this process, which has read most files."""
    found = Collected()
    options = ["--rootdir", str(ROOT), "-o", "addopts=", "-m", "gpu", "--collect-only", "-p", "no:terminal"]
    assert pytest.main([*options, *arguments], plugins=[found]) == 0
    return found.names


def test_every_test_is_in_one_group(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
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
