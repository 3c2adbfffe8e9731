"""The table of goals: what each piece of work is to reach, what it took, the fastest peer, and how many times faster.

Each row is read off the records of the parts; what has not been measured says so.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from bench.cuda.comparison import PARTICIPANTS
from bench.cuda.sections import fastest_peer, floor, not_offered, of_kind, ours_best, table
from bench.report import duration

Record = dict[str, Any]
Parts = dict[str, Any]

UNMEASURED = "-"
RECURRENT_SHARE = 0.5
"""Share of the roofline that the kernels which run once a time step should reach."""

MEMORY_SHARE = 0.5
"""Largest peak memory, as a share of PyTorch eager's in the same precision."""

WHOLE_TRAINING_S = 60.0
CURVES_APART = 0.05
"""Largest relative difference of the losses of two precisions at one step."""

RECURRENT = ("step_forward", "step_backward", "persistent")
"""What the names of those kernels begin or end with."""


@dataclass(frozen=True)
class Speed:
    """A piece of work with what it is to reach.

    Attributes:
        row, precision: which, as part (d) calls it.
        times: how many times the fastest peer in the same precision.
        seconds: and no longer than this; None where only peers count.
    """

    row: str
    precision: str
    times: float
    seconds: float | None = None


SPEEDS = (
    Speed("train", "tf32", 3.0, 3.5e-3),
    Speed("train", "bfloat16", 4.0, 2.1e-3),
    *(Speed("forward", precision, 3.0) for precision in ("tf32", "bfloat16")),
    *(Speed("rollout", precision, 20.0) for precision in ("tf32", "bfloat16")),
    *(Speed("rollouts", precision, 5.0) for precision in ("tf32", "bfloat16")),
    *(Speed("large", precision, 3.0) for precision in ("tf32", "bfloat16")),
)


def goals(parts: Parts) -> list[str]:
    """Lines of Markdown."""
    rows = [*_speeds(parts), _whole_training(parts), *_rooflines(parts), *_memory(parts), *_errors(parts)]
    header = ["work", "precision", "goal", "ours", "fastest peer", "ratio", "reached"]
    return table(header, [*rows, *_curves(parts)])


def _records(parts: Parts, letter: str, kind: str) -> list[Record]:
    return of_kind(parts[letter]["records"], kind) if letter in parts else []


def _reached(*conditions: bool | None) -> str:
    if any(condition is False for condition in conditions):
        return "NO"
    return "unmeasured" if any(condition is None for condition in conditions) else "yes"


def _missing_peers(times: list[Record], precision: str) -> list[str]:
    """Those whose time at this work is not known, though they offer it: one of them might be the fastest."""
    known = {r["participant"] for r in times if not_offered(r) or ("error" not in r and r.get("same_work"))}
    peers = [p.label for p in PARTICIPANTS if not p.ours and precision in p.precisions]
    return [label for label in peers if label not in known]


def _speeds(parts: Parts) -> Iterator[list[str]]:
    labels = {row["name"]: row["label"] for found in _records(parts, "d", "rows") for row in found["rows"]}
    for goal in SPEEDS:
        times = [
            record
            for record in _records(parts, "d", "time")
            if (record["row"], record["precision"]) == (goal.row, goal.precision)
        ]
        ours, peer = ours_best(times), fastest_peer(times)
        name = "" if peer is None else f" ({peer['participant']})"
        ratio = None if ours is None or peer is None else peer["median_s"] / ours["median_s"]
        soon_enough = True if goal.seconds is None else None if ours is None else ours["median_s"] <= goal.seconds
        reached = _reached(soon_enough, None if ratio is None else ratio >= goal.times)
        missing = _missing_peers(times, goal.precision) if reached == "yes" else []
        limit = "" if goal.seconds is None else f"{duration(goal.seconds)}, "
        yield [
            labels.get(goal.row, goal.row),
            goal.precision,
            f"{limit}{goal.times:g} x",
            UNMEASURED if ours is None else duration(ours["median_s"]),
            UNMEASURED if peer is None else duration(peer["median_s"]) + name,
            UNMEASURED if ratio is None else f"{ratio:.2f}",
            f"yes, without {'; '.join(missing)}" if missing else reached,
        ]


def _whole_training(parts: Parts) -> list[str]:
    runs = _records(parts, "f", "training")
    ended = [run for run in runs if run["status"] == 0]
    best = min(ended or runs, key=lambda run: run["wall_s"], default=None)
    return [
        "python -m engine.train, all epochs",
        UNMEASURED if best is None else best["precision"],
        f"{WHOLE_TRAINING_S:g} s",
        UNMEASURED if best is None else f"{best['wall_s']:.1f} s, {len(best['epochs'])} epochs",
        UNMEASURED,
        UNMEASURED,
        _reached(best["wall_s"] <= WHOLE_TRAINING_S if best in ended else None),
    ]


def is_recurrent(kernel: str) -> bool:
    """Whether a kernel of that name does the work of the time steps."""
    return kernel.startswith(RECURRENT) or kernel.endswith(RECURRENT)


def _rooflines(parts: Parts) -> Iterator[list[str]]:
    rates = {record["name"]: record["value"] for record in _records(parts, "c", "rate")}
    kernels = [record for record in _records(parts, "c", "kernel") if is_recurrent(record["kernel"])]
    for precision in ("tf32", "bfloat16"):
        lowest = [(floor(record, rates), record["seconds"]) for record in kernels if record["precision"] == precision]
        known = [(least, seconds) for least, seconds in lowest if least is not None]
        share = sum(least for least, _ in known) / sum(seconds for _, seconds in known) if known else None
        yield [
            "recurrent kernels, share of the roofline",
            precision,
            f"{RECURRENT_SHARE:g}",
            UNMEASURED if share is None else f"{share:.2f}",
            UNMEASURED,
            UNMEASURED,
            _reached(None if share is None else share >= RECURRENT_SHARE),
        ]


def _memory(parts: Parts) -> Iterator[list[str]]:
    times = [record for record in _records(parts, "d", "time") if record["row"] == "train" and record.get("peak_bytes")]
    for precision in ("tf32", "bfloat16"):
        same = [record for record in times if record["precision"] == precision]
        ours = min((record["peak_bytes"] for record in same if record["peer"] == "ours"), default=None)
        eager = next((record["peak_bytes"] for record in same if record["participant"] == "PyTorch, eager"), None)
        yield [
            "peak memory of a training step",
            precision,
            f"{MEMORY_SHARE:g} of PyTorch eager's",
            UNMEASURED if ours is None else f"{ours / 2**20:.0f} MiB",
            UNMEASURED if eager is None else f"{eager / 2**20:.0f} MiB",
            UNMEASURED if ours is None or eager is None else f"{eager / ours:.2f}",
            _reached(None if ours is None or eager is None else ours <= MEMORY_SHARE * eager),
        ]


def _errors(parts: Parts) -> Iterator[list[str]]:
    for record in _records(parts, "e", "gradient"):
        yield [
            f"gradients beside float64, {record['gates']} gates",
            record["precision"],
            f"{record['allowed']:g}",
            f"{record['error']:.1e}",
            UNMEASURED,
            UNMEASURED,
            _reached(record["error"] <= record["allowed"]),
        ]


def curves_apart(records: list[Record]) -> dict[tuple[str, str], float]:
    """For each two precisions the largest relative difference of their losses at one step."""
    curves = {record["name"]: record["losses"] for record in of_kind(records, "curve") if record["name"] != "cpu"}
    names = list(curves)
    return {
        (one, other): max(abs(a - b) / abs(a) for a, b in zip(curves[one], curves[other], strict=True))
        for number, one in enumerate(names)
        for other in names[number + 1 :]
    }


def _curves(parts: Parts) -> Iterator[list[str]]:
    for (one, other), apart in curves_apart(parts["e"]["records"] if "e" in parts else []).items():
        cells = [f"{CURVES_APART:.0%}", f"{apart:.2%}", UNMEASURED, UNMEASURED, _reached(apart <= CURVES_APART)]
        yield ["loss curves beside each other", f"{one}, {other}", *cells]
