"""What all benchmarks share."""

import json
from pathlib import Path

import pytest

from bench.__main__ import BENCHMARKS
from bench.__main__ import main as bench_main
from bench.report import alternate, duration, print_table, summary, write_results


def test_an_unknown_benchmark_is_one_line_and_status_2(capsys: pytest.CaptureFixture[str]) -> None:
    assert bench_main(["gpu"]) == 2
    streams = capsys.readouterr()
    assert streams.out == ""
    assert streams.err.count("\n") == 1
    assert "'gpu'" in streams.err


def test_no_benchmark_lists_all(capsys: pytest.CaptureFixture[str]) -> None:
    assert bench_main([]) == 0
    listed = capsys.readouterr().out
    assert all(name in listed and what in listed for name, what in BENCHMARKS.items())


def test_participants_take_turns_and_the_warm_up_is_not_counted() -> None:
    order: list[str] = []

    def call(name: str) -> float:
        order.append(name)
        return float(len(order))

    times = alternate({"a": lambda: call("a"), "b": lambda: call("b")}, repeats=2, warm_up=1)
    assert order == ["a", "b", "a", "b", "a", "b"]
    assert times == {"a": [3.0, 5.0], "b": [4.0, 6.0]}


def test_summary_has_the_median() -> None:
    assert summary([3.0, 1.0, 8.0]) == {"median_s": 3.0, "min_s": 1.0, "max_s": 8.0, "repeats": 3}


@pytest.mark.parametrize(
    ("seconds", "text"), [(None, "-"), (12.34, "12.3 s"), (0.0021, "2.1 ms"), (4.5e-6, "4.5 us"), (3e-9, "3 ns")]
)
def test_durations_have_units(seconds: float | None, text: str) -> None:
    assert duration(seconds) == text


def test_table_columns_line_up(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(["work", "ours"], [["a long name", "1"], ["b", "22.5 ms"]])
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 4
    assert len({len(line) for line in lines}) == 1
    assert lines[3] == "| b           | 22.5 ms |"


def test_results_replace_the_old_file_whole(tmp_path: Path) -> None:
    write_results("cpu", {"rows": list(range(1000))}, tmp_path)
    path = write_results("cpu", {"rows": [1]}, tmp_path)
    assert json.loads(path.read_text(encoding="utf-8")) == {"rows": [1]}
    assert list(tmp_path.iterdir()) == [path]


def test_results_that_cannot_be_written_leave_the_old_file(tmp_path: Path) -> None:
    path = write_results("cpu", {"rows": [1]}, tmp_path)
    with pytest.raises(TypeError):
        write_results("cpu", {"rows": object()}, tmp_path)
    assert json.loads(path.read_text(encoding="utf-8")) == {"rows": [1]}
    assert list(tmp_path.iterdir()) == [path]
