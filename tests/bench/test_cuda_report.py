"""What the report of `python -m bench cuda` says of the records of its parts."""

from typing import Any

from bench.cuda.goals import goals
from bench.cuda.report import markdown, proved_wrong
from tests.bench.machine import MACHINE


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
