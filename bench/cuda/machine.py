"""The machine of a GPU benchmark: device, driver, versions, and which packages are missing."""

import importlib.util
import json
import shutil
import subprocess
from typing import Any

from bench.cuda.part import run_limited
from bench.report import machine, versions

PACKAGES = (
    "numpy", "numba", "llvmlite", "cupy-cuda13x", "cupy-cuda12x", "onnx", "onnxruntime", "safetensors", "tqdm",
    "matplotlib", "pillow", "pytest", "nvidia-cuda-nvrtc",
)  # fmt: skip
MODULES = ("numpy", "numba", "cupy", "onnx", "safetensors", "tqdm", "matplotlib", "PIL", "pytest")
"""Without which a part cannot run: the last three are for part (e)'s pictures and part (a)."""

PEER_PACKAGES = ("torch", "triton", "jax", "jaxlib")
QUERY = ("name", "driver_version", "memory.total", "clocks.max.sm", "power.limit")


def describe(rehearse: bool, peer_python: str) -> dict[str, Any]:
    """For a person who reads the numbers elsewhere."""
    found = machine()
    found["versions"] = versions(*PACKAGES)
    found["peer_versions"] = _peer_versions(peer_python)
    found["missing"] = [name for name in MODULES if importlib.util.find_spec(name) is None]
    found["gpu"] = None if rehearse else _gpu()
    return found


def _gpu() -> dict[str, Any]:
    """What CuPy and nvidia-smi say of the first device."""
    import cupy

    properties = cupy.cuda.runtime.getDeviceProperties(0)
    found: dict[str, Any] = {
        "name": properties["name"].decode(),
        "multiprocessors": properties["multiProcessorCount"],
        "memory_gib": round(properties["totalGlobalMem"] / 2**30, 1),
        "l2_mib": round(properties["l2CacheSize"] / 2**20, 1),
        "driver_api": cupy.cuda.runtime.driverGetVersion(),
        "runtime_api": cupy.cuda.runtime.runtimeGetVersion(),
    }
    if shutil.which("nvidia-smi"):
        command = ["nvidia-smi", "-i", "0", f"--query-gpu={','.join(QUERY)}", "--format=csv,noheader"]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=30)
        found |= dict(zip(QUERY, (cell.strip() for cell in done.stdout.split(",")), strict=False))
    return found


def _peer_versions(python: str) -> dict[str, str]:
    script = f"import json; from bench.report import versions; print(json.dumps(versions{PEER_PACKAGES!r}))"
    ended = run_limited([python, "-c", script], 60.0)
    return dict(json.loads(ended.output.splitlines()[-1])) if ended.status == 0 else {}
