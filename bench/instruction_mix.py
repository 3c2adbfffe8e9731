"""Which instructions a kernel is made of, counted in its machine code: a static count, each instruction once.

The disassembler is nvdisasm, of a CUDA toolkit or of the wheel nvidia-cuda-nvdisasm.
"""

import importlib.util
import re
import shutil
import subprocess
import tempfile
from collections import Counter
from pathlib import Path

CLASSES = {
    "mma": ("HMMA",),
    "fma": ("FFMA", "FMUL", "FADD"),
    "special": ("MUFU",),
    "shared": ("LDS", "LDSM", "STS"),
    "copy": ("LDGSTS",),
    "global": ("LDG", "STG", "LD", "ST"),
    "local": ("LDL", "STL"),
    "barrier": ("BAR",),
}
"""Columns of the table; every other instruction, addresses and branches mostly, counts as "other"."""

_SECTION = re.compile(r"^\s*\.section\s+\.text\.(\w+)", re.MULTILINE)
_INSTRUCTION = re.compile(r"^\s*/\*[0-9a-f]{4,}\*/\s+(?:@!?U?P\w+\s+)?([A-Z][A-Z0-9]*)", re.MULTILINE)


def disassembler() -> str | None:
    """Path of nvdisasm, or None where there is none."""
    wheels = importlib.util.find_spec("nvidia")
    for folder in (wheels.submodule_search_locations or []) if wheels is not None else []:
        for path in sorted(Path(folder).glob("*/bin/nvdisasm")):
            path.chmod(path.stat().st_mode | 0o111)  # the wheel brings it without
            return str(path)
    return shutil.which("nvdisasm")


def instruction_mix(image: bytes, tool: str) -> dict[str, dict[str, int]]:
    """Kernel -> how many instructions of each class; image: a cubin, tool: nvdisasm."""
    with tempfile.NamedTemporaryFile(suffix=".cubin") as file:
        file.write(image)
        file.flush()
        done = subprocess.run([tool, "-c", file.name], capture_output=True, text=True, check=True)
    return parse(done.stdout)


def parse(text: str) -> dict[str, dict[str, int]]:
    """Count the instructions of each class for every kernel in nvdisasm's output."""
    class_of = {name: label for label, names in CLASSES.items() for name in names}
    parts = _SECTION.split(text)[1:]
    return {
        kernel: dict(Counter(class_of.get(name, "other") for name in _INSTRUCTION.findall(code)))
        for kernel, code in zip(parts[::2], parts[1::2], strict=True)
    }
