"""A peer's process: one request a line on stdin, one JSON reply a line on stdout.

It starts by replying {"versions": ...}. Then "check", the first request, runs the work from the initial weights and
replies {"output": PATH of an .npy file}: what is compared before anything is timed, and the warm-up. "run" runs it
once more and replies {"seconds": ...}; "memory" replies {"peak_bytes": ...}. End of input ends the process.

Needs nothing but NumPy and the standard library: it runs in every peer's Python.
"""

import json
import os
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from typing import Any, Protocol

import numpy as np

from bench.peers.work import Work

CHECKED_STEPS = 2


class Peer(Protocol):
    """One library's way to do a piece of work.

    Attributes:
        versions: of what computes.
    """

    versions: dict[str, str]

    def train_step(self, x: np.ndarray, y: np.ndarray) -> float:
        """One update; the loss before it."""

    def forward(self, x: np.ndarray) -> np.ndarray:
        """Inference: (B,T,H,W,C) -> (B,T,H,W,1)."""

    def rollout(self, track: np.ndarray, n_new: int) -> np.ndarray:
        """The n_new frames that follow: (B,T,H,W,C) -> (B,n_new,H,W,C)."""


def task(peer: Peer, work: Work) -> Callable[[], Any]:
    """The work as a call without arguments."""
    x, y = work.movies()
    if work.kind == "train":
        return lambda: peer.train_step(x, y)
    if work.kind == "forward":
        return lambda: peer.forward(x)
    return lambda: peer.rollout(x, work.n_new)


def peak_bytes() -> int:
    """The largest memory that this process has held (resident set)."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def serve(make: Callable[[Work, int, str], Peer]) -> None:
    """Answer requests until stdin ends.

    make(work, threads, form) builds the peer with work.weights(); the three come from the command line. A form is one
    of several ways in which a library can do the same work.
    """
    replies = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # whatever the library prints must not fall among the replies
    work, threads, form = Work.from_json(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
    peer = make(work, threads, form)
    call = task(peer, work)
    print(json.dumps({"versions": peer.versions}), file=replies)
    for line in sys.stdin:
        print(json.dumps(_answer(line.strip(), work, call)), file=replies)


def _answer(request: str, work: Work, call: Callable[[], Any]) -> dict[str, Any]:
    if request == "check":
        outputs = [call() for _ in range(CHECKED_STEPS if work.kind == "train" else 1)]
        descriptor, path = tempfile.mkstemp(suffix=".npy")
        with os.fdopen(descriptor, "wb") as file:
            np.save(file, np.asarray(outputs, np.float64))
        return {"output": path}
    if request == "memory":
        return {"peak_bytes": peak_bytes()}
    start = time.perf_counter()
    call()
    return {"seconds": time.perf_counter() - start}
