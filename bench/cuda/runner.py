"""Runs the parts one after the other, each with its share of the time, and keeps the report up to date meanwhile."""

import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.cuda.part import ROOT, Part, end_session, project_environment, read_records
from bench.cuda.report import markdown
from bench.report import write_results

REFRESH_SECONDS = 10.0
NAME = "cuda"


@dataclass(frozen=True)
class PartKind:
    """A part.

    Attributes:
        title: in the report.
        module: in bench.cuda.
        share: of the time that is left, relative to the parts that follow.
        least: seconds below which it proves nothing; it gets them if so much is left.
    """

    title: str
    module: str
    share: float
    least: float = 0.0


PARTS = {
    "a": PartKind("correctness", "proofs.correctness", 110.0),
    "b": PartKind("compute-sanitizer", "proofs.sanitizer", 60.0),
    "c": PartKind("kernels", "kernel_times", 60.0, least=50.0),
    "d": PartKind("beside the peers", "comparison", 330.0),
    "e": PartKind("training", "training", 110.0),
    "f": PartKind("the whole training", "full_training", 120.0, least=120.0),
    "g": PartKind("tiles", "tile_times", 60.0),
}
DEFAULT_PARTS = "cfdeba"


class Run:
    """One run of the benchmark.

    Attributes:
        results: all that is known so far, as cuda.json has it.
        files: where it is written.
    """

    def __init__(self, out: Path, rehearse: bool, peer_python: str, machine: dict[str, Any]) -> None:
        out.mkdir(parents=True, exist_ok=True)
        self._out, self._rehearse, self._peer_python = out.resolve(), rehearse, peer_python
        self.results: dict[str, Any] = {"rehearsal": rehearse, "machine": machine, "parts": {}}
        self.files = [self._out / f"{NAME}.{ending}" for ending in ("json", "md", "log")]
        self.files[-1].write_bytes(b"")

    def parts(self, letters: str, budget: float) -> None:
        """Run them; a part that ends early leaves its time to those after it."""
        end = time.monotonic() + budget
        for number, letter in enumerate(letters):
            left = end - time.monotonic()
            share = PARTS[letter].share / sum(PARTS[other].share for other in letters[number:])
            self._part(letter, max(0.0, min(left, max(left * share, PARTS[letter].least))))

    def _part(self, letter: str, limit: float) -> None:
        kind, began = PARTS[letter], time.monotonic()
        print(f"({letter}) {kind.title}, at most {limit:.0f} s ...", flush=True)
        with (
            tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name,
            self.files[-1].open("ab") as log,
        ):
            folder, deadline = Path(name), began + limit
            part = Part(folder / "records.jsonl", deadline, self._rehearse, self._peer_python, folder)
            process = subprocess.Popen(
                [sys.executable, *_module_command(kind), *part.arguments()],
                cwd=ROOT,
                env=project_environment(PYTHONUNBUFFERED="1"),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
            entry = self.results["parts"][letter] = {"title": kind.title, "limit_s": round(limit, 1)}
            while process.poll() is None and time.monotonic() < deadline:
                self._wait(process, min(REFRESH_SECONDS, deadline - time.monotonic()))
                self._keep(entry, None, began, part)
            status = process.poll()
            end_session(process)
            self._keep(entry, status, began, part)
        print(f"    {_ending(entry)} after {entry['seconds']:.0f} s", flush=True)

    def _keep(self, entry: dict[str, Any], status: int | None, began: float, part: Part) -> None:
        seconds = round(time.monotonic() - began, 1)
        entry |= {"seconds": seconds, "records": read_records(part.records), "status": status}
        self._write()

    def _wait(self, process: "subprocess.Popen[bytes]", seconds: float) -> None:
        try:
            process.wait(max(0.1, seconds))
        except subprocess.TimeoutExpired:
            return

    def _write(self) -> None:
        write_results(NAME, self.results, self._out)
        beside = self.files[1].with_suffix(f".{os.getpid()}.tmp")
        beside.write_text("\n".join(markdown(self.results)) + "\n", encoding="utf-8")
        beside.replace(self.files[1])


def _module_command(kind: PartKind) -> list[str]:
    return ["-m", f"bench.cuda.{kind.module}"]


def _ending(entry: dict[str, Any]) -> str:
    return {None: "stopped, its time was up,", 0: "done"}.get(entry["status"], f"failed, status {entry['status']},")
