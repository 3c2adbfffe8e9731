"""The parent's side of a peer's process."""

import json
import os
import subprocess
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np

from bench.peers.work import Work

ROOT = Path(__file__).parents[2]


class PeerError(Exception):
    """A peer's process ended: not installed, out of memory, an error of its own."""


def environment(threads: int, **extra: str) -> dict[str, str]:
    """The environment of a process that computes with so many threads and finds this project."""
    counts = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")
    return {**os.environ, "PYTHONPATH": str(ROOT), **dict.fromkeys(counts, str(threads)), **extra}


class PeerProcess:
    """One peer at one piece of work, in a Python of its own; see bench/peers/worker.py for the protocol.

    Args:
        module: of bench.peers.
        python: the interpreter.
        form: which of the peer's forms.
        extra: environment variables on top.
    """

    def __init__(self, module: str, work: Work, threads: int, python: str, form: str = "", **extra: str) -> None:
        self.form = form
        self._errors = tempfile.TemporaryFile("w+")  # noqa: SIM115 (lives as long as the process)
        self._process = subprocess.Popen(
            [python, "-m", f"bench.peers.{module}", work.to_json(), str(threads), form],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            text=True,
            env=environment(threads, **extra),
        )
        try:
            self.versions: dict[str, str] = self._reply()["versions"]
        except PeerError:
            self.close()
            raise

    def check(self) -> np.ndarray:
        """What the first calls compute: losses of the first steps, or the output; also the warm-up."""
        path = Path(self._ask("check")["output"])
        output = np.load(path)
        path.unlink()
        return output

    def run(self) -> float:
        """Do the work once; seconds by the peer's own clock."""
        return float(self._ask("run")["seconds"])

    def peak_bytes(self) -> int:
        """The largest memory that the process has held so far."""
        return int(self._ask("memory")["peak_bytes"])

    def close(self) -> None:
        """End the process."""
        if self._process.stdin:
            self._process.stdin.close()
        if self._process.stdout:
            self._process.stdout.close()
        self._process.wait()
        self._errors.close()

    def __enter__(self) -> "PeerProcess":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def _ask(self, request: str) -> dict[str, Any]:
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(request + "\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            raise PeerError(self._last_words()) from None
        return self._reply()

    def _reply(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise PeerError(self._last_words())
        return dict(json.loads(line))

    def _last_words(self) -> str:
        status = self._process.wait()
        self._errors.seek(0)
        lines = [line.strip() for line in self._errors.read().splitlines() if line.strip()]
        return lines[-1] if lines else f"ended with status {status}"
