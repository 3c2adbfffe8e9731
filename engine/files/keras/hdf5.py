"""HDF5 from a stranger: only plain arrays and texts that lie in the file itself, and never more than it can hold.

A dataset may declare any shape, an attribute may name one long text a million times, a link may lead to another file.
So every size is checked before memory is asked for, and every link before it is followed.
"""

import io
import math
from types import ModuleType
from typing import Any

import numpy as np

from engine.files.keras.hdf5_heap import longest_text
from kernels.arrays import HostArray

FREE_BYTES = 16 * 2**20
EXPANSION = 4
"""A file may unfold to FREE_BYTES plus EXPANSION times its own size. Keras does not compress; a file repacked by hand
may, and accumulators that are all zero shrink to almost nothing."""


def import_h5py() -> ModuleType:
    """The optional package h5py. Raises ValueError that says how to get it."""
    try:
        import h5py
    except ModuleNotFoundError:
        raise ValueError("h5py is not installed; Keras files need it: pip install 'convlstm-engine[keras]'") from None
    return h5py


class Hdf5Reader:
    """An HDF5 file in memory, read with a budget. Errors are ValueError, or what h5py raises over damage.

    Args:
        content: of the HDF5 file.
        file_bytes: length of the file that it came in, where that is another (a zip).

    Attributes:
        root: the root group.
    """

    def __init__(self, content: bytes, file_bytes: int | None = None) -> None:
        self._h5py = import_h5py()
        self._file_bytes = file_bytes or len(content)
        self._longest_text = longest_text(content)
        self._budget = FREE_BYTES + EXPANSION * self._file_bytes
        self.root = self._h5py.File(io.BytesIO(content), "r")

    def group(self, parent: Any, path: str) -> Any | None:
        """The group at `path` below `parent`; None if there is none."""
        found = self._follow(parent, path)
        return found if isinstance(found, self._h5py.Group) else None

    def array(self, parent: Any, path: str) -> HostArray | None:
        """A copy of the numeric dataset at `path` below `parent`; None if there is none."""
        dataset = self._follow(parent, path)
        if dataset is None:
            return None
        if not isinstance(dataset, self._h5py.Dataset) or dataset.shape is None:
            raise ValueError(f"{path}: expected an array")
        brain_float = self.text(dataset, "dtype") == "bfloat16"
        if dataset.dtype.kind not in "fiu" and not (brain_float and dataset.dtype == np.dtype("V2")):
            raise ValueError(f"{path}: expected an array of numbers, got {dataset.dtype}")
        if dataset.is_virtual or dataset.external:
            raise ValueError(f"{path}: its numbers lie in another file, which is not opened")
        self._spend(path, math.prod(dataset.shape) * dataset.dtype.itemsize)
        array = np.array(dataset)
        return _from_bfloat16(array) if brain_float else array

    def text(self, holder: Any, name: str) -> str | None:
        """The attribute `name` of a group or dataset as text; None if there is none."""
        value = self._attribute(holder, name)
        if value is None or isinstance(value, str):
            return value
        if isinstance(value, bytes):
            return value.decode("utf-8")
        raise ValueError(f"attribute {name}: expected a text, got {type(value).__name__}")

    def names(self, holder: Any, name: str) -> list[str] | None:
        """An attribute that is a list of texts, in one piece or split into name0, name1, ...; None if absent."""
        pieces = [name] if name in holder.attrs else []
        while name not in holder.attrs and f"{name}{len(pieces)}" in holder.attrs:
            pieces.append(f"{name}{len(pieces)}")
        if not pieces:
            return None
        texts = [text for piece in pieces for text in np.atleast_1d(self._attribute(holder, piece)).tolist()]
        return [text.decode("utf-8") if isinstance(text, bytes) else str(text) for text in texts]

    def _follow(self, parent: Any, path: str) -> Any:
        """What lies at `path`, through links inside this file only; None if a part is missing."""
        found = parent
        for part in path.split("/"):
            if not isinstance(found, self._h5py.Group) or not part or part == ".":
                return None
            link = found.get(part, getlink=True)
            if link is None:
                return None
            if not isinstance(link, self._h5py.HardLink):
                raise ValueError(f"{path}: {part!r} is a {type(link).__name__}, which is not followed")
            found = found[part]
        return found

    def _attribute(self, holder: Any, name: str) -> Any:
        if name not in holder.attrs:
            return None
        attribute = holder.attrs.get_id(name)
        count = math.prod(attribute.shape)
        kind = self._h5py.check_string_dtype(attribute.dtype)
        if kind is not None and kind.length is None:
            self._spend(f"attribute {name}", count * self._longest_text)
        elif attribute.dtype.kind in "SUfiu":
            self._spend(f"attribute {name}", count * attribute.dtype.itemsize)
        else:
            raise ValueError(f"attribute {name}: expected texts, got {attribute.dtype}")
        return holder.attrs[name]

    def _spend(self, what: str, size: int) -> None:
        self._budget -= size
        if self._budget < 0:
            raise ValueError(
                f"{what}: declares {size} bytes, more than a file of {self._file_bytes} bytes may unfold to"
            )


def _from_bfloat16(array: HostArray) -> HostArray:
    """bfloat16 is the upper half of a float32."""
    return (array.view(np.uint16).astype(np.uint32) << 16).view(np.float32)
