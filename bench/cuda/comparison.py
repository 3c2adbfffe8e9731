"""Part (d): the engine and its peers at the same work, one process after the other, each checked before it is timed.

The engine's float32 output is what all are compared with (part (a) holds it against float64). A participant whose
output differs too much is timed all the same, and marked: it does not count as a peer at the same work.
"""

import sys
from dataclasses import dataclass

from bench.cuda.part import Part, read_records, run_limited
from bench.cuda.sizes import Row, sizes
from bench.peers.device_worker import Request

MARGIN = 3.0
"""Seconds kept for the end of the part."""


@dataclass(frozen=True)
class Participant:
    """One process.

    Attributes:
        label: "library, form".
        module, form: what is run.
        ours: runs in this Python, not in the peers'.
        share: of the time that is left, relative to those that follow.
        precisions: in the order in which they are wanted.
    """

    label: str
    module: str
    form: str
    share: float
    ours: bool = False
    precisions: tuple[str, ...] = ("float32", "tf32", "bfloat16")


TENSOR_CORES_FIRST = ("tf32", "bfloat16", "float32")

PARTICIPANTS = (
    Participant("ours, graph", "bench.cuda.ours", "graph", 3.0, ours=True),
    Participant("PyTorch, graph", "bench.peers.torch_gpu", "graph", 3.0, precisions=TENSOR_CORES_FIRST),
    Participant("PyTorch, compiled_cell", "bench.peers.torch_gpu", "compiled_cell", 3.0, precisions=TENSOR_CORES_FIRST),
    Participant("JAX, scan", "bench.peers.jax_scan", "scan", 3.5, precisions=TENSOR_CORES_FIRST),
    Participant("PyTorch, eager", "bench.peers.torch_gpu", "eager", 2.0, precisions=TENSOR_CORES_FIRST),
    Participant("ours, launches", "bench.cuda.ours", "launches", 1.5, ours=True),
    Participant(
        "PyTorch, compiled", "bench.peers.torch_gpu", "compiled", 4.0, precisions=("bfloat16", "tf32", "float32")
    ),
)
"""Those first that decide who is the fastest, should the time not do for all."""


def main() -> None:
    """Run them in turn; a process that ends badly or late is recorded, with what it had measured until then."""
    part = Part.from_command_line()
    chosen = sizes(part.rehearse)
    part.record("rows", rows=[row_record(row) for row in chosen.rows])
    expected = part.folder / "expected"
    expected.mkdir()
    for number, participant in enumerate(PARTICIPANTS):
        limit = (part.left - MARGIN) * participant.share / sum(other.share for other in PARTICIPANTS[number:])
        results = part.folder / f"{number}.jsonl"
        request = Request(
            works={row.name: row.work.to_json() for row in chosen.rows},
            form=participant.form,
            precisions=list(participant.precisions),
            seconds=chosen.seconds,
            expected=str(expected),
            results=str(results),
            rehearse=part.rehearse,
            first=number == 0,
        ).write(part.folder / f"{number}.json")
        ended = run_limited(
            [_python(part, participant), "-m", participant.module, str(request)], limit, TF_CPP_MIN_LOG_LEVEL="2"
        )
        for record in read_records(results):
            part.record(**{**record, "participant": participant.label})
        if ended.status != 0:
            part.record("failure", what=participant.label, error=ended.why)


def row_record(row: Row) -> dict[str, object]:
    """A row for the report."""
    return {"name": row.name, "label": row.label, "gflop": row.work.gflop()}


def _python(part: Part, participant: Participant) -> str:
    return sys.executable if participant.ours else part.peer_python


if __name__ == "__main__":
    main()
