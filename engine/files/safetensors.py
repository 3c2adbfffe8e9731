"""The engine's own kind of safetensors file: named arrays, and one JSON text that says what they are.

safetensors holds numbers and strings only, so a file from a stranger is safe to open. Everything besides the arrays
stands as JSON under one metadata key, which makes equal contents equal files, byte for byte.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from engine.files.atomic import write_atomically
from kernels.arrays import HostArray

_KEY = "convlstm_engine"
_VERSION = 1


def write_safetensors(path: str | Path, kind: str, arrays: dict[str, HostArray], content: Any) -> None:
    """Write arrays and JSON-able content atomically.

    Args:
        path: of the file; its folder exists.
        kind: what it is, e.g. "model"; read_safetensors asks for the same.
        arrays: by name, any shapes.
        content: JSON-able.
    """
    header = json.dumps({"kind": kind, "version": _VERSION, "content": content}, sort_keys=True)
    dense = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
    write_atomically(path, save(dense, metadata={_KEY: header}))


def read_safetensors(path: str | Path, kind: str) -> tuple[dict[str, HostArray], Any]:
    """Read what write_safetensors wrote: (arrays by name, content).

    Raises ValueError: there is no such file, it is truncated or no safetensors file, another program wrote it, or it
    is of another kind or a later version.
    """
    path = Path(path)
    if not path.is_file():
        raise ValueError(f"{path}: there is no such file")
    try:
        with safe_open(path, framework="numpy") as file:
            metadata = file.metadata() or {}
            arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - it is no dict
    except (SafetensorError, OSError, ValueError, TypeError) as error:
        raise ValueError(f"{path}: not a whole safetensors file ({error})") from None
    try:
        header = json.loads(metadata[_KEY])
        found, version, content = header["kind"], header["version"], header["content"]
    except (KeyError, TypeError, ValueError, RecursionError):
        raise ValueError(f"{path}: a safetensors file, but not one that this engine wrote") from None
    if found != kind:
        raise ValueError(f"{path}: expected a {kind} file, got a {found} file")
    if version != _VERSION:
        raise ValueError(f"{path}: written in format {version}; this engine reads format {_VERSION}")
    return arrays, content
