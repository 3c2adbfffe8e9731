"""Locks on files, which the system lets go of when their process ends, however it ends."""

import contextlib
import os
from pathlib import Path
from typing import BinaryIO

try:
    import fcntl
except ImportError:  # Windows, where nothing is locked
    fcntl = None  # type: ignore[assignment]


def try_lock(file: BinaryIO) -> bool:
    """Lock an open file until it is closed; False if another process, or this one elsewhere, holds it.

    True too where there are no locks: on Windows, and on file systems without them.
    """
    if fcntl is not None:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        except OSError:
            return True
    return True


def is_still_at(path: Path, file: BinaryIO) -> bool:
    """Whether `path` is this open file still, and not removed or replaced since it was opened."""
    try:
        return os.path.samestat(path.stat(), os.fstat(file.fileno()))
    except FileNotFoundError:
        return False


class LockFile:
    """A lock that people can see: a file is there while someone holds it.

    Args:
        path: of the file; its folder exists. What a killed process leaves there locks nothing.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: BinaryIO | None = None

    def take(self) -> bool:
        """Try to take the lock; returns whether this object holds it. Raises OSError: no file can be made there."""
        while self._file is None:
            file = self._path.open("ab")
            if not try_lock(file):
                file.close()
                return False
            if is_still_at(self._path, file):
                self._file = file
            else:  # who held it let go between the two lines, and removed the file
                file.close()
        return True

    def release(self) -> None:
        """Release the lock, if it is held."""
        if self._file is None:
            return
        with contextlib.suppress(OSError):
            self._path.unlink()
        self._file.close()
        self._file = None
