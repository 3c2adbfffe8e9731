"""`python -m bench cuda` from end to end where there is no GPU: the simulator, tiny sizes, whatever peers there are."""

import json
import subprocess
import sys
from pathlib import Path

from bench.cuda.comparison import PARTICIPANTS
from bench.cuda.part import ROOT
from bench.cuda.sizes import REHEARSAL
from bench.cuda.ways import WAYS, WORK
from kernels.cuda.backend import PRECISIONS

HEAD = ("head", "gradient of the head")

BUDGET = "900"
"""Seconds; only a machine that hangs takes them."""


def test_every_part_reports(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "bench", "cuda", "--rehearse", "--out", str(tmp_path), "--budget", BUDGET]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr + (tmp_path / "cuda.log").read_text()
    assert len(done.stdout.splitlines()) < 100
    assert "REHEARSAL" in done.stdout and "REHEARSAL" in (tmp_path / "cuda.md").read_text()
    results = json.loads((tmp_path / "cuda.json").read_text())
    assert {letter: part["status"] for letter, part in results["parts"].items()} == dict.fromkeys("abcdef", 0)
    found = {letter: part["records"] for letter, part in results["parts"].items()}

    tests = [record for record in found["a"] if record["kind"] == "test"]
    assert len(tests) >= 9 and all(test["outcome"] == "passed" for test in tests)

    assert {record["verdict"] for record in found["b"]} <= {"absent", "clean"}

    steps = {record["precision"]: record for record in found["c"] if record["kind"] == "step"}
    assert set(steps) == set(PRECISIONS)
    kernels = [record for record in found["c"] if record["kind"] == "kernel"]
    assert all(record["timed"] == "graph" and record["seconds"] > 0 for record in kernels)
    for precision, step in steps.items():
        of_step = [record for record in kernels if record["precision"] == precision]
        assert sum(record["launches"] for record in of_step) == step["launches"] > 20
        # all but the gradient of the movies and what the first frame has no past for
        assert 0.75 < step["flop"] / 1e9 / REHEARSAL.step.gflop() < 1.0

    ways = [record for record in found["c"] if record["kind"] == "way"]
    frames = REHEARSAL.step.frames
    assert {(r["work"], r["recurrence"], r["products"], r["precision"]) for r in ways} == {
        (work, *way, precision) for work in WORK for way in WAYS for precision in PRECISIONS
    }
    by_steps = [r for r in ways if r["recurrence"] == "steps" and r["work"].startswith("recurrence")]
    assert all(
        record["launches"] == (frames if record in by_steps else 1) for record in ways if record["work"] not in HEAD
    )
    assert all(record["launches"] > 0 for record in ways)

    times = [record for record in found["d"] if record["kind"] == "time"]
    ours = [record for record in times if record["peer"] == "ours" and "error" not in record]
    compared = [record for record in found["d"] if record["kind"] == "compared"]
    assert {(record["row"], record["precision"]) for record in ours + compared} == {
        (row.name, precision) for row in REHEARSAL.rows for precision in PRECISIONS
    }
    assert {record["precision"] for record in compared} == {"float32"}
    assert all(record["same_work"] and record["median_s"] > 0 for record in ours)
    assert all(record["same_work"] for record in compared)
    reported = {record["participant"] for record in times}
    reported |= {record["what"] for record in found["d"] if record["kind"] == "failure"}
    assert all(any(name.startswith(participant.label) for name in reported) for participant in PARTICIPANTS)

    runs = [record for record in found["e"] if record["kind"] == "training"]
    assert [len(run["epochs"]) for run in runs] == [2]
    gradients = [record for record in found["e"] if record["kind"] == "gradient"]
    assert {(r["precision"], r["gates"]) for r in gradients} == {
        (precision, gates) for precision in PRECISIONS for gates in ("sigmoid", "hard_sigmoid")
    }
    assert all(0 < record["error"] <= record["allowed"] for record in gradients)
    curves = {record["name"]: record["losses"] for record in found["e"] if record["kind"] == "curve"}
    assert set(curves) == {*PRECISIONS, "cpu"}
    assert len(curves["float32"]) == REHEARSAL.curve_steps
    assert abs(curves["cpu"][1] - curves["float32"][1]) < 1e-4


def test_the_movies_of_a_rehearsal_are_not_empty() -> None:
    for row in REHEARSAL.rows:
        x, y = row.work.movies()
        assert 0 < x.mean() < 1 and 0 < y.mean() < 1, row.name
