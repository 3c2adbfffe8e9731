"""Ctrl-C and SIGTERM: stop when it is safe."""

import signal
import sys
from types import FrameType, TracebackType
from typing import Any


class StopSignals:
    """While entered, the first SIGINT or SIGTERM is noted instead of obeyed; a second one interrupts at once.

    Attributes:
        received: the signal's number, None as long as there was none.
    """

    def __init__(self) -> None:
        self.received: int | None = None
        self._previous: dict[int, Any] = {}

    def __enter__(self) -> "StopSignals":
        for number in (signal.SIGINT, signal.SIGTERM):
            self._previous[number] = signal.signal(number, self._note)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)

    def _note(self, number: int, frame: FrameType | None) -> None:
        if self.received is not None:
            raise KeyboardInterrupt
        self.received = number
        name = signal.Signals(number).name
        print(f"\n{name}: stopping after this step (once more: at once)", file=sys.stderr, flush=True)
