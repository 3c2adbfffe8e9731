"""Compile the simulator and the kernels for the host, once each, and load them."""

import ctypes
import hashlib
import os
import platform
import re
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from kernels.cuda.launch.launch import CompileError
from kernels.cuda.launch.source import Source

HERE = Path(__file__).parent
CACHE = Path(tempfile.gettempdir()) / f"cuda_sim_{os.getuid()}"
COMMON = (
    "-std=c++17",
    "-fno-strict-aliasing",
    "-fno-delete-null-pointer-checks",
    "-fno-exceptions",
    "-fno-rtti",
    "-ffp-contract=fast",
    "-fPIC",
    "-w",
)
RUNTIME = ("-O2", "-march=native", "-U_FORTIFY_SOURCE")
FAST = ("-O2", "-march=native")
CHECKED = ("-O1", "-g1", "-gdwarf-4", "-march=native", "-fsanitize=thread,alignment")
ONLY_GCC = ("--param", "tsan-instrument-func-entry-exit=0", "-fno-diagnostics-show-caret")
ONLY_CLANG = ("-mllvm", "-tsan-instrument-func-entry-exit=0", "-fno-caret-diagnostics", "-fno-sanitize-trap=all")


class RegionStruct(ctypes.Structure):
    """`Region` of sim.h."""

    _fields_ = (
        ("name", ctypes.c_char_p),
        ("host", ctypes.c_void_p),
        ("bytes", ctypes.c_uint64),
        ("granule", ctypes.c_int32),
        ("writable", ctypes.c_int32),
    )


class LaunchStruct(ctypes.Structure):
    """`Launch` of sim.h."""

    _fields_ = (
        ("kernel", ctypes.c_char_p),
        ("entry", ctypes.c_void_p),
        ("args", ctypes.POINTER(ctypes.c_void_p)),
        ("arg_region", ctypes.POINTER(ctypes.c_int32)),
        ("arg_offset", ctypes.POINTER(ctypes.c_uint64)),
        ("n_args", ctypes.c_int32),
        ("n_regions", ctypes.c_int32),
        ("regions", ctypes.POINTER(RegionStruct)),
        ("grid", ctypes.c_uint32 * 3),
        ("block", ctypes.c_uint32 * 3),
        ("shared_bytes", ctypes.c_uint64),
        ("seed", ctypes.c_uint64),
        ("cooperative", ctypes.c_int32),
        ("checked", ctypes.c_int32),
        ("message", ctypes.c_char_p),
        ("message_size", ctypes.c_uint64),
        ("seconds", ctypes.c_double),
    )


@cache
def compiler() -> str:
    """The host compiler: $CXX, else g++, else clang++."""
    for name in (os.environ.get("CXX"), "g++", "clang++"):
        if name and shutil.which(name):
            return name
    raise RuntimeError("the simulator needs a C++ compiler: install g++ or clang++, or set CXX to one")


@cache
def _compiler_version() -> str:
    return subprocess.run([compiler(), "--version"], capture_output=True, text=True, check=True).stdout


@cache
def _environment() -> str:
    """What the result of a compilation depends on besides the text: compiler, processor, headers."""
    headers = "".join(
        (HERE / name).read_text(encoding="utf-8") for name in ("device.h", "device_math.h", "device_wgmma.h")
    )
    try:
        cpu = re.search(r"^(?:flags|Features)\s*:.*$", Path("/proc/cpuinfo").read_text(encoding="utf-8"), re.MULTILINE)
    except OSError:
        cpu = None
    return _compiler_version() + headers + platform.machine() + (cpu[0] if cpu else "")


@cache
def runtime_library() -> ctypes.CDLL:
    """The simulator itself, loaded so that kernels find its functions."""
    sources = sorted(HERE.glob("*.cpp"))
    text = "".join(path.read_text(encoding="utf-8") for path in [*sources, HERE / "sim.h", HERE / "races.h"])
    library = _build([*map(str, sources)], (*RUNTIME, *COMMON), text, "libsim")
    loaded = ctypes.CDLL(str(library), mode=ctypes.RTLD_GLOBAL)
    loaded.sim_launch.argtypes = [ctypes.POINTER(LaunchStruct)]
    return loaded


def kernel_library(source: Source, checked: bool) -> tuple[ctypes.CDLL, Path]:
    """The kernels of a program as `sim_entry_<name>(void** args)`, instrumented or not. Raises CompileError."""
    entries = "".join(
        f'\nextern "C" void sim_entry_{name}(void** args) {{ sim_call(&{name}, args); }}' for name in source.kernels
    )
    text = f'#include "device_math.h"\n{source.text}\n#line 1 "entries"{entries}\n'
    flags = (*(CHECKED if checked else FAST), *COMMON)
    runtime_library()
    try:
        path = _build([], flags, text, Path(source.name).stem, text)
    except CompileError as error:
        log = _quote_lines(str(error), source.text)
        raise CompileError(f"{source.name} does not compile for the simulator:\n{log}") from None
    return ctypes.CDLL(str(path)), path


def _build(files: Sequence[str], flags: Sequence[str], key: str, name: str, standard_input: str | None = None) -> Path:
    """Compile to a shared library in the cache directory, unless one with the same content is there."""
    digest = hashlib.sha256("\0".join([_environment(), *flags, key]).encode()).hexdigest()[:20]
    CACHE.mkdir(mode=0o700, exist_ok=True)
    if CACHE.stat().st_uid != os.getuid():
        raise RuntimeError(f"{CACHE} belongs to another user; its libraries are not loaded")
    target = CACHE / f"{name}_{digest}.so"
    if target.exists():
        return target
    with tempfile.TemporaryDirectory(dir=CACHE) as folder:
        obj, library = Path(folder) / "out.o", Path(folder) / "out.so"
        compile_flags = [*flags, *(ONLY_CLANG if "clang" in _compiler_version() else ONLY_GCC), f"-I{HERE}"]
        if standard_input is None:
            _run([compiler(), *compile_flags, *files, "-shared", "-o", str(library)], None)
        else:
            _run([compiler(), *compile_flags, "-c", "-x", "c++", "-", "-o", str(obj)], standard_input)
            _run([compiler(), "-shared", str(obj), "-o", str(library)], None)
        os.replace(library, target)
    return target


def _run(command: Sequence[str], standard_input: str | None) -> None:
    done = subprocess.run(command, input=standard_input, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise CompileError(done.stderr)


def _quote_lines(log: str, text: str) -> str:
    """The log with each source line that it names below the message that names it."""
    lines, file, number = {}, "", 0
    for line in text.splitlines():
        if match := re.match(r'#line (\d+) "(.*)"', line):
            number, file = int(match[1]), match[2]
        else:
            lines[file, number] = line
            number += 1
    quoted = []
    for line in log.splitlines():
        quoted.append(line)
        if match := re.match(r"([^:\s]+):(\d+):", line):
            quoted.append(lines.get((match[1], int(match[2])), ""))
    return "\n".join(quoted)


def resolve_addresses(message: str, library: Path) -> str:
    """Replace the code addresses `{0x...}` of a simulator's message by file:line."""

    def lookup(match: re.Match[str]) -> str:
        done = subprocess.run(["addr2line", "-e", str(library), match[1]], capture_output=True, text=True, check=False)
        return done.stdout.strip().rsplit("/", maxsplit=1)[-1].split(" ")[0] or match[1]

    return re.sub(r"\{(0x[0-9a-f]+)\}", lookup, message) if shutil.which("addr2line") else message
