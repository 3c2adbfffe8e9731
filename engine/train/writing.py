"""Writing files while training goes on."""

from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType

MOST = 3
"""Files that may wait: those of one epoch. Whoever asks for more waits first."""


class WritingBeside:
    """Writes files one after the other, in the order in which they were asked for, on a thread of its own.

    On a GPU an epoch of the example takes a fifth of a second and its files a tenth of that, while the device could go
    on. What a file will hold is the caller's to keep as it is until then.

    Leaving the context waits for all that was asked for, whatever ended it.

    Args:
        failed: is told of a file that could not be written (a full disk, say), in the thread that asks.
    """

    def __init__(self, failed: Callable[[OSError], None]) -> None:
        self._failed = failed
        self._thread = ThreadPoolExecutor(1, "writing")
        self._asked: deque[Future[None]] = deque()

    def __enter__(self) -> "WritingBeside":
        return self

    def ask(self, write: Callable[[], None]) -> None:
        """Have `write` called. Its OSError is told later; any other error is raised by a later call, or at the end."""
        self._finish(MOST - 1)
        self._asked.append(self._thread.submit(write))

    def _finish(self, leave: int) -> None:
        while len(self._asked) > leave:
            try:
                self._asked.popleft().result()
            except OSError as error:
                self._failed(error)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._thread.shutdown()
        self._finish(0)
