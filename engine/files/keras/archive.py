"""The .keras file of Keras 3: a zip of metadata.json, config.json and model.weights.h5."""

import io
import json
import zipfile
from dataclasses import dataclass
from typing import Any

from engine.files.keras.hdf5 import EXPANSION, FREE_BYTES

METADATA, CONFIG, WEIGHTS = "metadata.json", "config.json", "model.weights.h5"
VERSION = "3.0.0"
"""The Keras whose format is written; this one and later read it."""

_JSON_BYTES = 16 * 2**20
_MEMBERS = 1000
_EPOCH = (1980, 1, 1, 0, 0, 0)
"""The date of every member: equal networks make equal files."""


@dataclass(frozen=True)
class Archive:
    """What a .keras file holds.

    Attributes:
        keras: major version of the Keras that wrote it.
        config: the model, JSON.
        weights: the bytes of model.weights.h5.
    """

    keras: int
    config: Any
    weights: bytes


def read_archive(content: bytes) -> Archive:
    """Unpack the three members in memory, each no longer than it may be; nothing is written to disk."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as file:
            members = file.namelist()
            if len(members) > _MEMBERS or len(set(members)) != len(members):
                raise ValueError(f"expected at most {_MEMBERS} members, each once, got {len(members)}")
            if CONFIG not in members:
                raise ValueError(f"a zip file, but not of Keras: it has no {CONFIG}")
            if WEIGHTS not in members:
                raise ValueError(f"expected its weights in {WEIGHTS}, got members {', '.join(members[:5])}")
            metadata = json.loads(_member(file, METADATA, _JSON_BYTES)) if METADATA in members else {}
            config = json.loads(_member(file, CONFIG, _JSON_BYTES))
            weights = _member(file, WEIGHTS, FREE_BYTES + EXPANSION * len(content))
    except zipfile.BadZipFile as error:
        raise ValueError(f"not a whole zip file ({error})") from None
    except zipfile.zlib.error as error:  # type: ignore[attr-defined]
        raise ValueError(f"a member of the zip file is damaged ({error})") from None
    version = str(metadata.get("keras_version", VERSION)) if isinstance(metadata, dict) else ""
    if version[:1] not in ("2", "3"):
        raise ValueError(f"keras_version: expected 2 or 3, got {version!r}")
    return Archive(int(version[0]), config, weights)


def write_archive(config: Any, weights: bytes) -> bytes:
    """The file as bytes."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        for name, content in (
            (METADATA, json.dumps({"keras_version": VERSION})),
            (CONFIG, json.dumps(config)),
            (WEIGHTS, weights),
        ):
            file.writestr(zipfile.ZipInfo(name, _EPOCH), content)
    return buffer.getvalue()


def _member(file: zipfile.ZipFile, name: str, limit: int) -> bytes:
    """A member's bytes; what it declares is checked first, and what comes is cut there."""
    declared = file.getinfo(name).file_size
    if declared > limit:
        raise ValueError(f"{name}: declares {declared} bytes, at most {limit} are read")
    with file.open(name) as member:
        content = member.read(limit + 1)
    if len(content) > limit:
        raise ValueError(f"{name}: holds more than {limit} bytes")
    return content
