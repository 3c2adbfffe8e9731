"""Files that are either the old one or the new one, whole, whatever happens while they are written."""

import os
from pathlib import Path


def write_atomically(path: str | Path, data: bytes) -> None:
    """Write `data` beside `path`, force it to the disk, then rename it over `path`.

    A process killed on the way, or a disk that fills up, leaves what stood at `path` untouched; at most a file
    `<path>.partial` remains, which the next write replaces.

    Raises OSError: the folder is missing, the disk is full, or the file may not be written.
    """
    path = Path(path)
    partial = path.with_name(path.name + ".partial")
    try:
        with partial.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    except OSError:
        partial.unlink(missing_ok=True)
        raise
    _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    """Force the rename itself to the disk, where the system can open a folder (Windows cannot)."""
    if os.name != "posix":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
