"""Files that are either the old one or the new one, whole, whatever happens while they are written."""

import contextlib
import glob
import os
import secrets
from pathlib import Path
from typing import BinaryIO

from engine.files.lock import is_still_at, try_lock


def write_atomically(path: str | Path, data: bytes) -> None:
    """Write `data` beside `path`, force it to the disk, then rename it over `path`.

    A process killed on the way, or a disk that fills up, leaves what stood at `path` untouched. Any number of
    processes may write one path: one of their files stands there, whole. A killed one leaves at most a file
    `<path>.<random>.partial`, which the next write to `path` removes (but for Windows).

    Raises OSError, which names `path`: the folder is missing, the disk is full, or the file may not be written.
    """
    path = Path(path)
    try:
        _remove_leftovers(path)
        _write_and_rename(path, data)
        _sync_folder(path.parent)
    except OSError as error:
        raise OSError(error.errno, error.strerror or str(error), str(path)) from error


def _write_and_rename(path: Path, data: bytes) -> None:
    partial, file = _new_partial(path)
    try:
        # Closed after the rename, for the lock is what tells the file from a leftover; Windows, which has no locks
        # here, renames no open file.
        with file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
            if os.name == "posix":
                partial.replace(path)
        if os.name != "posix":
            partial.replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            partial.unlink()
        raise


def _new_partial(path: Path) -> tuple[Path, BinaryIO]:
    """A new file of our own beside `path`, open and locked."""
    while True:
        partial = path.with_name(f"{path.name}.{secrets.token_hex(4)}.partial")
        try:
            file = partial.open("xb")
        except FileExistsError:
            continue
        # Another writer may take it for a leftover until it is locked.
        if try_lock(file) and is_still_at(partial, file):
            return partial, file
        file.close()


def _remove_leftovers(path: Path) -> None:
    """Remove the files of writers that were killed: nobody holds their locks."""
    for leftover in path.parent.glob(f"{glob.escape(path.name)}.{'[0-9a-f]' * 8}.partial"):
        with contextlib.suppress(OSError), leftover.open("rb") as file:
            if try_lock(file):
                leftover.unlink()


def _sync_folder(folder: Path) -> None:
    """Force the rename itself to the disk, where the system can open a folder (Windows cannot)."""
    if os.name != "posix":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
