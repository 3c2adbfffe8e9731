"""Part (d): the engine and its peers at the same work, one process after the other, each checked before it is timed.

The engine's float32 output is what all are compared with (part (a) holds it against float64). A participant whose
output differs too much is timed all the same, and marked: it does not count as a peer at the same work.
"""

import sys
from dataclasses import dataclass

from bench.cuda.part import Part, run_limited
from bench.cuda.sizes import STEP, Row, sizes
from bench.peers.device_worker import Request


@dataclass(frozen=True)
class Participant:
    """One process.

    Attributes:
        label: "library, form".
        module, form: what is run.
        precisions: in the order in which they are wanted.
        share: of the time that is left, relative to those that follow.
        ours: runs in this Python, not in the peers'.
        first: its output is what the others are compared with.
        steps_only: of all the work only the training step is timed.
    """

    label: str
    module: str
    form: str
    precisions: tuple[str, ...]
    share: float
    ours: bool = False
    first: bool = False
    steps_only: bool = False


OURS, TORCH, JAX = ("ours, graph", "bench.cuda.ours", "graph"), "bench.peers.torch_gpu", "bench.peers.jax_scan"
TENSOR_CORES = ("tf32", "bfloat16")

PARTICIPANTS = (
    # Each precision of ours by itself: what fails on a device, or hangs, takes all that its process has there with it.
    Participant(*OURS, ("float32",), 2.0, ours=True, first=True, steps_only=True),
    Participant(*OURS, ("bfloat16",), 2.0, ours=True),
    Participant(*OURS, ("tf32",), 2.0, ours=True),
    Participant("PyTorch, graph", TORCH, "graph", TENSOR_CORES, 3.0),
    Participant("JAX, scan", JAX, "scan", TENSOR_CORES, 4.0),
    Participant("PyTorch, compiled_cell", TORCH, "compiled_cell", TENSOR_CORES, 5.0),
    Participant("PyTorch, eager", TORCH, "eager", TENSOR_CORES, 2.0),
    Participant("PyTorch, compiled", TORCH, "compiled", ("bfloat16", "tf32"), 5.0),
    Participant("PyTorch, graph", TORCH, "graph", ("float32",), 1.0, steps_only=True),
    Participant("JAX, scan", JAX, "scan", ("float32",), 1.0, steps_only=True),
)
"""Those first that decide who is the fastest, should the time not do for all. float32 has no goal."""


def main() -> None:
    """Run them in turn; a process that ends badly or late is recorded, with what it had measured until then."""
    part = Part.from_command_line()
    chosen = sizes(part.rehearse)
    part.record("rows", rows=[row_record(row) for row in chosen.rows])
    expected = part.folder / "expected"
    expected.mkdir()
    for number, participant in enumerate(PARTICIPANTS):
        limit = part.left * participant.share / sum(other.share for other in PARTICIPANTS[number:])
        rows = [row for row in chosen.rows if participant.first or not participant.steps_only or row.name == STEP]
        request = Request(
            participant=participant.label,
            works={row.name: row.work.to_json() for row in rows},
            form=participant.form,
            precisions=list(participant.precisions),
            seconds=chosen.seconds,
            expected=str(expected),
            results=str(part.records),
            rehearse=part.rehearse,
            first=participant.first,
            timed=[STEP] if participant.steps_only else None,
        ).write(part.folder / f"{number}.json")
        ended = run_limited(
            [_python(part, participant), "-m", participant.module, str(request)], limit, TF_CPP_MIN_LOG_LEVEL="2"
        )
        part.failure(f"{participant.label}, {', '.join(participant.precisions)}", ended, ours=participant.ours)


def row_record(row: Row) -> dict[str, object]:
    """A row for the report."""
    return {"name": row.name, "label": row.label, "gflop": row.work.gflop()}


def _python(part: Part, participant: Participant) -> str:
    return sys.executable if participant.ours else part.peer_python


if __name__ == "__main__":
    main()
