"""CUDA source text: local includes expanded, constants in front, and the kernels' parameters read off it.

A .cu file names what it includes by its path in kernels/cuda (`#include "common/ptx.cuh"`). Files are pasted in, once
each, between #line directives, so that one string is the whole program: what NVRTC compiles, what the simulator
compiles, what every compile cache is keyed on, and what a compiler's message points into.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

FOLDER = Path(__file__).parents[1]

Constant = bool | int | float | str
"""A #define: bool and int as they are, float as a float literal (1e-3 -> 0.001f), str verbatim."""

_INCLUDE = re.compile(r'^\s*#\s*include\s*(?:"([^"]+)"|<([^>]+)>)')
_KERNEL = re.compile(
    r'extern\s+"C"\s+__global__\s+void\s+(?:__launch_bounds__\s*\((?:[^()]|\([^()]*\))*\)\s*)?(\w+)\s*\(([^)]*)\)\s*\{'
)
_PARAMETER = re.compile(r"^(?P<type>[\w\s]*?\w)\s*(?P<pointer>\*?)\s*(?:__restrict__\s*)?\b(?P<name>\w+)$")
_CONSTANT = re.compile(r"^#define (\w+) (\w+)$", re.MULTILINE)
_COMMENT = re.compile(r"//[^\n]*|/\*.*?\*/", re.DOTALL)

DTYPES = {
    "float": "float32",
    "double": "float64",
    "int": "int32",
    "int32_t": "int32",
    "uint32_t": "uint32",
    "unsigned": "uint32",
    "unsigned int": "uint32",
    "long long": "int64",
    "int64_t": "int64",
    "uint64_t": "uint64",
    "unsigned long long": "uint64",
    "uint16_t": "uint16",
    "uint8_t": "uint8",
    "bf16": "uint16",
    "f16": "float16",
}
"""The parameter types that a kernel may have, and the NumPy dtype of each. A constant may stand for one of them."""


@dataclass(frozen=True)
class Parameter:
    """One parameter of a kernel: a scalar, or a pointer to the first element of an array."""

    name: str
    dtype: str
    is_array: bool
    is_const: bool


@dataclass(frozen=True)
class Source:
    """A whole program.

    Attributes:
        name: the .cu file it came from, for messages.
        text: everything the compiler needs; the key of every cache.
        kernels: entry name -> parameters in order.
    """

    name: str
    text: str
    kernels: Mapping[str, tuple[Parameter, ...]]


def load_source(filename: str, defines: Mapping[str, Constant], folder: Path = FOLDER) -> Source:
    """Read a .cu file of `folder`, with the constants of `defines` in front; it may include files of this folder too.

    Raises ValueError when an include is not a file of the folder, when a kernel has a parameter of a type that is not
    in DTYPES, or when the file holds no `extern "C" __global__ void` kernel.
    """
    body = "\n".join(_expand(filename, folder, set()))
    constants = "".join(f"#define {name} {_literal(value)}\n" for name, value in defines.items())
    return parse_source(Path(filename).name, constants + body + "\n")


@cache
def parse_source(name: str, text: str) -> Source:
    """Find the kernels of a program text that is complete already."""
    stripped = _COMMENT.sub("", text)
    constants: dict[str, str] = dict(_CONSTANT.findall(stripped))
    aliases = {alias: base for alias, base in constants.items() if base in DTYPES}
    kernels = {
        constants.get(match[1], match[1]): tuple(
            _parameter(part, f"{name}: {match[1]}", aliases) for part in match[2].split(",") if part.strip()
        )
        for match in _KERNEL.finditer(stripped)
    }
    if not kernels:
        raise ValueError(f'{name} holds no kernel of the form extern "C" __global__ void name(...)')
    return Source(name, text, kernels)


def words_of(filename: str, folder: Path = FOLDER) -> frozenset[str]:
    """All identifiers of one file, without what it includes and without comments."""
    return frozenset(re.findall(r"\w+", _COMMENT.sub("", (folder / filename).read_text(encoding="utf-8"))))


def _expand(filename: str, folder: Path, seen: set[str]) -> list[str]:
    path = next((place / filename for place in (folder, FOLDER) if (place / filename).is_file()), None)
    if path is None:
        raise ValueError(f"{filename} is not a file of {folder.name}/")
    seen.add(filename)
    lines = [f'#line 1 "{filename}"']
    written = path.stat()
    for number, (line, included) in enumerate(_read(filename, path, written.st_mtime_ns, written.st_size), start=1):
        if included is None:
            lines.append(line)
        else:
            if included not in seen:
                lines += _expand(included, folder, seen)
            lines.append(f'#line {number + 1} "{filename}"')
    return lines


@cache
def _read(filename: str, path: Path, written: int, size: int) -> tuple[tuple[str, str | None], ...]:
    """Read the lines of a file, each with what it includes; once, unless it has been written since."""
    lines: list[tuple[str, str | None]] = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        include = _INCLUDE.match(line)
        if include is not None and include[2] is not None:
            raise ValueError(f"{filename}:{number} includes <{include[2]}>; a kernel includes files of its folder only")
        lines.append(("" if line.strip() == "#pragma once" else line, include and include[1]))
    return tuple(lines)


def _literal(value: Constant) -> str:
    if isinstance(value, bool):
        return str(int(value))
    if isinstance(value, float):
        return f"({value!r}f)" if "." in repr(value) or "e" in repr(value) else f"({value!r}.0f)"
    return f"({value})" if isinstance(value, int) and value < 0 else str(value)


def _parameter(text: str, where: str, aliases: Mapping[str, str]) -> Parameter:
    match = _PARAMETER.match(" ".join(text.split()))
    if match is None:
        raise ValueError(f"{where} has a parameter that is not understood: {text.strip()!r}")
    words = match["type"].split()
    base = " ".join(word for word in words if word not in ("const", "volatile"))
    base = aliases.get(base, base)
    if base not in DTYPES:
        raise ValueError(f"{where} has parameter {match['name']} of type {base}; expected one of {', '.join(DTYPES)}")
    return Parameter(match["name"], DTYPES[base], bool(match["pointer"]), "const" in words)
