"""Texts of variable length in an HDF5 file, checked in its bytes before libhdf5 takes them at their word.

They lie in heap collections: "GCOL", a version, the size, then objects: a number, a size and the bytes, where
number 0 is the free rest. libhdf5 walks without end through objects whose sizes wrap around. Source: HDF5 file format
specification, "Global Heap".
"""

import re

_COLLECTION = re.compile(rb"GCOL\x01.{3}(.{8})", re.DOTALL)
_HEADER = 16
"""Bytes before a collection's objects, and before an object's content."""


def longest_text(content: bytes) -> int:
    """An upper bound in bytes on the texts of variable length in an HDF5 file.

    Raises ValueError: a collection does not lie in the file, or its objects do not lie in it.
    """
    longest = 0
    for collection in _COLLECTION.finditer(content):
        start, size = collection.start(), int.from_bytes(collection[1], "little")
        if size < _HEADER or start + size > len(content):
            raise ValueError("a heap of texts is larger than the file")
        _check_objects(content, start + _HEADER, start + size)
        longest = max(longest, size)
    return longest


def _check_objects(content: bytes, at: int, end: int) -> None:
    while at + _HEADER <= end:
        number, size = (int.from_bytes(content[at + a : at + b], "little") for a, b in ((0, 2), (8, 16)))
        length = _HEADER + -(-size // 8) * 8 if number else size
        if length < _HEADER or at + length > end:
            raise ValueError("a heap of texts holds an object that does not lie in it")
        at += length
