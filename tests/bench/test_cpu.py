"""`python -m bench cpu`: the work is what it claims, processes answer, a peer that is not there is left out."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest

from bench import cpu
from bench.__main__ import main as bench_main
from bench.cpu import EXAMPLE, OURS, PARTICIPANTS, Participant, Row, measure
from bench.peers.process import PeerError, PeerProcess
from bench.peers.work import Work

SMALL = Work("train", filters=(3, 2), kernels=(3, 5), batch=2, frames=4, height=7, width=6)


def test_the_example_is_584_gflop_a_step() -> None:
    assert EXAMPLE.gflop() == pytest.approx(584, abs=1)


def test_a_rollout_is_counted_as_streamed() -> None:
    forward = Work("forward", (3,), (3,), batch=1, frames=22, height=5, width=5)
    rollout = Work("rollout", (3,), (3,), batch=1, frames=7, height=5, width=5, n_new=16)
    assert rollout.gflop() == pytest.approx(forward.gflop())


def test_work_survives_the_command_line() -> None:
    assert Work.from_json(SMALL.to_json()) == SMALL


def test_movies_have_the_shapes_that_the_work_says_and_y_is_x_one_frame_on() -> None:
    x, y = SMALL.movies()
    assert x.shape == y.shape == (2, 4, 7, 6, 1)
    assert 0 < x.mean() < 1
    np.testing.assert_array_equal(x[:, 1:], y[:, :-1])


def test_a_process_checks_runs_and_tells_its_memory() -> None:
    with PeerProcess("ours", SMALL, 1, sys.executable) as process:
        losses = process.check()
        assert losses.shape == (2,)
        assert losses[1] < losses[0]
        assert process.run() > 0.0
        assert process.peak_bytes() > 2**20


def test_a_peer_whose_python_lacks_it_says_so() -> None:
    with pytest.raises(PeerError, match="no_such_peer"):
        PeerProcess("no_such_peer", SMALL, 1, sys.executable)


def test_a_row_leaves_out_who_cannot_take_part(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(PARTICIPANTS, "absent", Participant("Absent", "no_such_peer"))
    monkeypatch.setitem(PARTICIPANTS, "again", Participant("The engine again", "ours"))
    row = Row("small", SMALL, goal=1.0, tolerance=1e-6)
    result = measure(row, [OURS, "absent", "again"], repeats=3, threads=1, peer_python=sys.executable)
    assert set(result["participants"]) == {OURS, "again"}
    assert "no_such_peer" in result["left_out"]["absent"]
    assert result["participants"]["again"]["difference"] == 0.0
    times = [result["participants"][name]["median_s"] for name in ("again", OURS)]
    assert result["ratio"] == pytest.approx(times[0] / times[1])


def test_a_peer_that_computes_something_else_is_not_timed() -> None:
    expected = np.array([0.5, 0.4])
    assert cpu.difference(expected, expected, SMALL) == 0.0
    assert cpu.difference(np.array([0.5, 0.5]), expected, SMALL) == pytest.approx(0.25)
    assert not cpu.difference(np.array([0.5, np.nan]), expected, SMALL) <= 1e-3


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["--rows", "train,fly"], "'fly'"),
        (["--participants", "caffe"], "'caffe'"),
        (["--repeats", "0"], "--repeats"),
        (["--save", "../x"], "--save"),
    ],
)
def test_wrong_arguments_are_one_line_and_status_2(
    arguments: list[str], named: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert bench_main(["cpu", *arguments]) == 2
    streams = capsys.readouterr()
    assert streams.err.count("\n") == 1
    assert named in streams.err


def test_results_are_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bench.report.RESULTS", tmp_path)
    monkeypatch.setattr(cpu, "ROWS", {"train": Row("small", SMALL, 1.0, 1e-6)})
    assert cpu.main(["--rows", "train", "--participants", "ours", "--repeats", "1", "--threads", "1"]) == 0
    written = json.loads((tmp_path / "cpu.json").read_text(encoding="utf-8"))
    assert written["rows"]["train"]["participants"]["ours"]["median_s"] > 0
    assert written["machine"]["cores"] >= 1
