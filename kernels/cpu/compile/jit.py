"""Numba's decorators with the settings that every kernel of this folder shares.

A compiled kernel contains the code of the helpers that it calls, in other files. Numba's cache on disk only looks at
the file in which a function stands, and would go on using a kernel whose helper has changed. The stamp of every
function here therefore covers all files of the folder, and the tables, whose numbers kernels hold as constants.
"""

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numba
import numpy as np

from kernels.numba_cache import cached_njit, is_cached

prange = numba.prange

claim_threads = numba.set_num_threads
"""Called by every operation before its first parallel kernel: the count is global, and another back end may have set
it."""

signed = np.int64
"""For a `prange` index, or a constant, that is passed to a kernel: Numba would compile the kernel once more for the
index's unsigned type, and once more for each constant."""


def _folder_stamp() -> tuple[str, int]:
    digest = hashlib.sha256()
    folder = Path(__file__).parents[1]
    files = [
        *sorted(folder.rglob("*.py")),
        *(folder.parent / f"{table}.py" for table in ("activations", "combinations", "losses")),
    ]
    for file in files:
        digest.update(file.read_bytes())
    return digest.hexdigest(), len(files)


_STAMP = _folder_stamp()


def _jit(function: Callable[..., Any], **options: Any) -> Any:
    dispatcher = cached_njit(function, nogil=True, error_model="numpy", **options)
    if is_cached(dispatcher):
        dispatcher._cache._cache_file._source_stamp = _STAMP
    return dispatcher


def jit(function: Callable[..., Any]) -> Any:
    """Compile for one thread; kernels that run in parallel call it for each of their chunks.

    Such a function borrows arrays and allocates none, so it needs no reference counts (`_nrt`): Numba would count
    atomically around every inner loop, which made the transforms of winograd.py seven times slower.
    """
    return _jit(function, _nrt=False)


def parallel(function: Callable[..., Any]) -> Any:
    """Compile with its `prange` loops spread over threads.

    Which thread runs a chunk must not change a bit: chunks are fixed by the shapes, write to places of their own, and
    are reduced, where they are reduced, in a fixed order.
    """
    return _jit(function, parallel=True)
