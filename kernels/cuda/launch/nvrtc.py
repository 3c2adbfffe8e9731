"""NVRTC, NVIDIA's runtime compiler, through ctypes: CUDA source to a cubin, with or without a GPU in the machine.

The library comes with CuPy's toolkit extra, with a CUDA toolkit, or alone as the wheel nvidia-cuda-nvrtc.
"""

import ctypes
import importlib.util
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from kernels.cuda.launch.launch import CompileError
from kernels.cuda.launch.source import Source

OPTIONS = ("--std=c++17", "--device-as-default-execution-space", "--generate-line-info", "--ptxas-options=-v")
"""IEEE division and square roots and no flushing of denormals are NVRTC's defaults, and what the reference does.

Older NVRTC, 13.0 among them, takes a lambda with an `auto` parameter for a host function unless device is the default.
"""

NVRTC_ERROR_COMPILATION = 6


@dataclass(frozen=True)
class Resources:
    """What one kernel takes, as ptxas reports it.

    Attributes:
        registers: of a thread.
        shared_bytes: static shared memory of a block.
        stack_bytes: local memory of a thread.
        spill_store_bytes, spill_load_bytes: registers that did not fit and go through local memory.
    """

    registers: int
    shared_bytes: int
    stack_bytes: int
    spill_store_bytes: int
    spill_load_bytes: int


@dataclass(frozen=True)
class Cubin:
    """Machine code for one architecture, and what each of its kernels takes."""

    image: bytes
    resources: Mapping[str, Resources]


def compile_cubin(source: Source, architecture: str) -> Cubin:
    """Compile for `architecture`: "80", "90", "90a", ...

    Raises CompileError with the compiler's log, and RuntimeError when no NVRTC is installed or it refuses the request.
    """
    library = nvrtc()
    program = ctypes.c_void_p()
    text, name = source.text.encode(), source.name.encode()
    _check(library.nvrtcCreateProgram(ctypes.byref(program), text, name, 0, None, None))
    try:
        options = [option.encode() for option in (f"--gpu-architecture=sm_{architecture}", *OPTIONS)]
        status = library.nvrtcCompileProgram(program, len(options), (ctypes.c_char_p * len(options))(*options))
        log = _output(library.nvrtcGetProgramLogSize, library.nvrtcGetProgramLog, program).rstrip(b"\0").decode()
        if status == NVRTC_ERROR_COMPILATION:
            raise CompileError(f"{source.name} does not compile for sm_{architecture}:\n{log}")
        _check(status)
        image = _output(library.nvrtcGetCUBINSize, library.nvrtcGetCUBIN, program)
    finally:
        library.nvrtcDestroyProgram(ctypes.byref(program))
    return Cubin(image, dict(parse_resources(log)))


def parse_resources(log: str) -> Iterator[tuple[str, Resources]]:
    """Read kernel names and resources off the log of `ptxas -v`."""
    for part in re.split(r"Compiling entry function ", log)[1:]:
        name = re.match(r"'(\w+)'", part)
        spill = re.search(r"(\d+) bytes stack frame, (\d+) bytes spill stores, (\d+) bytes spill loads", part)
        registers = re.search(r"Used (\d+) registers", part)
        shared = re.search(r"(\d+) bytes smem", part)
        if name is None or spill is None or registers is None:
            raise ValueError(f"log: expected the output of ptxas -v, got {part[:200]!r}")
        stack, stores, loads = map(int, spill.groups())
        yield name[1], Resources(int(registers[1]), int(shared[1]) if shared else 0, stack, stores, loads)


def nvrtc_version() -> str:
    """Such as "13.0"."""
    major, minor = ctypes.c_int(), ctypes.c_int()
    _check(nvrtc().nvrtcVersion(ctypes.byref(major), ctypes.byref(minor)))
    return f"{major.value}.{minor.value}"


@cache
def nvrtc() -> ctypes.CDLL:
    """The library. Raises RuntimeError when there is none."""
    for candidate in _candidates():
        try:
            library = _load(candidate)
        except OSError:
            continue
        library.nvrtcGetErrorString.restype = ctypes.c_char_p
        return library
    raise RuntimeError("no NVRTC found: install the wheel nvidia-cuda-nvrtc, CuPy's [ctk] extra or a CUDA toolkit")


def _candidates() -> Iterator[str]:
    wheels = importlib.util.find_spec("nvidia")
    for folder in (wheels.submodule_search_locations or []) if wheels is not None else []:
        yield from sorted(map(str, Path(folder).glob("*/lib/libnvrtc.so.*")), reverse=True)
    toolkit = os.environ.get("CUDA_HOME") or os.environ.get("CUDA_PATH") or "/usr/local/cuda"
    yield f"{toolkit}/lib64/libnvrtc.so"
    yield from ("libnvrtc.so.13", "libnvrtc.so.12", "libnvrtc.so")


def _load(path: str) -> ctypes.CDLL:
    """The library, and before it the builtins beside it: that of the wheel 13.0 does not look in its own folder."""
    if os.path.isabs(path):
        for builtins in Path(path).parent.glob("libnvrtc-builtins.so.*"):
            ctypes.CDLL(str(builtins))
    return ctypes.CDLL(path)


def _output(size_of: Any, get: Any, program: ctypes.c_void_p) -> bytes:
    size = ctypes.c_size_t()
    _check(size_of(program, ctypes.byref(size)))
    buffer = ctypes.create_string_buffer(size.value)
    _check(get(program, buffer))
    return buffer.raw


def _check(status: int) -> None:
    if status != 0:
        raise RuntimeError(f"NVRTC: {nvrtc().nvrtcGetErrorString(status).decode()}")
