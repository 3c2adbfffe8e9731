"""What the parts of `python -m bench cuda` share: their arguments, and records that are kept as they come.

A part is a process of its own, in a session of its own, all of which is ended with it. It appends one JSON object a
line to a file, so that whatever was measured before it failed, or before its time was up, is there.
"""

import argparse
import json
import os
import signal
import subprocess
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]

MARGIN = 6.0
"""Seconds between the end of a part's work and its own: to end what runs, free a large device memory, keep records."""

END_SECONDS = 20.0
"""How long a killed process is waited for: one that a driver holds never ends."""


@dataclass(frozen=True)
class Part:
    """How a part was called.

    Attributes:
        records: where its records go.
        deadline: when it is ended, by time.monotonic(), which all processes of a machine share.
        rehearse: in the simulator, with tiny sizes.
        peer_python: the interpreter that has the peers.
        folder: for whatever else it writes; is deleted in the end.
    """

    records: Path
    deadline: float
    rehearse: bool
    peer_python: str
    folder: Path

    @classmethod
    def from_command_line(cls) -> "Part":
        """What `arguments` wrote."""
        parser = argparse.ArgumentParser()
        parser.add_argument("--records", type=Path, required=True)
        parser.add_argument("--deadline", type=float, required=True)
        parser.add_argument("--rehearse", action="store_true")
        parser.add_argument("--peer-python", required=True)
        parser.add_argument("--folder", type=Path, required=True)
        return cls(**vars(parser.parse_known_args()[0]))

    def arguments(self) -> list[str]:
        """The command line of this part."""
        paths = ["--records", str(self.records), "--folder", str(self.folder)]
        rest = ["--deadline", repr(self.deadline), "--peer-python", self.peer_python]
        return [*paths, *rest, *(["--rehearse"] if self.rehearse else [])]

    @property
    def left(self) -> float:
        """Seconds left to work in."""
        return self.deadline - MARGIN - time.monotonic()

    def record(self, kind: str, **values: Any) -> None:
        """Keep one record."""
        append_record(self.records, kind, **values)

    def failure(self, what: str, ended: "Ended", *, ours: bool = True) -> None:
        """Keep how a process ended, if that was not well; ours: it is the engine's, and proves something wrong.

        Nothing is proved by one whose time was up.
        """
        if ended.status != 0:
            self.record("failure", what=what, error=ended.why, proves=ours and ended.status is not None)


def append_record(path: Path, kind: str, **values: Any) -> None:
    """Append one record to a file, whole or not at all."""
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps({"kind": kind, **values}) + "\n")


def read_records(path: Path) -> list[dict[str, Any]]:
    """The records of a file; none if it does not exist. A line that was cut off is left out."""
    records = []
    for line in path.read_text(encoding="utf-8").splitlines() if path.exists() else []:
        try:
            records.append(json.loads(line))
        except ValueError:
            continue
    return records


@dataclass(frozen=True)
class Ended:
    """How a process ended.

    Attributes:
        status: its exit status; None if its time was up.
        output: what it printed, on either stream.
        seconds: how long it ran.
    """

    status: int | None
    output: str
    seconds: float

    @property
    def why(self) -> str:
        """In a few words, for a report."""
        if self.status is None:
            return f"stopped after {self.seconds:.0f} s: its time was up"
        lines = [line.strip() for line in self.output.splitlines() if line.strip()]
        return f"exit status {self.status}: {lines[-1] if lines else 'no output'}"[:300]


def project_environment(**extra: str) -> dict[str, str]:
    """The environment of a process that finds this project without its being installed."""
    inherited = os.environ.get("PYTHONPATH")
    return {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), *([inherited] if inherited else [])]), **extra}


def run_limited(command: list[str], limit: float, **environment: str) -> Ended:
    """Run a command in the project's root for at most `limit` seconds; everything that it prints is printed too.

    It is a process group of its own, all of which is ended when the time is up, in the caller's session.
    """
    began = time.monotonic()
    print("$", *command, flush=True)
    with tempfile.TemporaryFile() as output:
        try:
            process = subprocess.Popen(
                command, cwd=ROOT, env=project_environment(**environment), stdin=subprocess.DEVNULL, stdout=output,
                stderr=subprocess.STDOUT, process_group=0,
            )  # fmt: skip
        except OSError as error:
            return Ended(127, str(error), 0.0)
        try:
            status: int | None = process.wait(max(1.0, limit))
        except subprocess.TimeoutExpired:
            status = None
        finally:
            end_group(process)
        output.seek(0)
        text = output.read().decode(errors="replace")
    print(text, flush=True)
    return Ended(status, text, time.monotonic() - began)


def end_group(process: subprocess.Popen[bytes]) -> None:
    """End what is left of a process that was started as a group of its own."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    _wait_for_end(process)


def end_session(process: subprocess.Popen[bytes]) -> None:
    """End what is left of a process that was started as a session of its own: its groups and their children too."""
    for entry in Path("/proc").glob("[0-9]*"):
        with suppress(ProcessLookupError, PermissionError):
            if os.getsid(int(entry.name)) == process.pid:
                os.kill(int(entry.name), signal.SIGKILL)
    _wait_for_end(process)


def _wait_for_end(process: subprocess.Popen[bytes]) -> None:
    try:
        process.wait(END_SECONDS)
    except subprocess.TimeoutExpired:
        print(f"process {process.pid} was killed and does not end: a driver holds it", flush=True)
