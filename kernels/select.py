"""Which back end runs: by name, or the best that this machine has."""

from typing import Any

import numpy as np

from kernels.backend import Backend

DEVICES = ("auto", "cpu", "cuda", "cuda:N", "reference")


def _cuda_device_count() -> tuple[int, str]:
    """How many CUDA devices there are, and if none, why."""
    try:
        import cupy
    except ImportError:
        return 0, "CuPy is not installed (pip install 'convlstm-engine[cuda13]')"
    try:
        return int(cupy.cuda.runtime.getDeviceCount()), "no CUDA device was found"
    except cupy.cuda.runtime.CUDARuntimeError as error:
        return 0, f"no CUDA device: {error}"


def choose_device(device: str = "auto") -> tuple[str, str]:
    """Turn a device argument into a definite one: "cpu", "cuda:N" or "reference".

    Returns that name and one line for people that says why. Raises ValueError for a name that is none of DEVICES, and
    for a CUDA device that is not there: an explicit device never falls back to another.
    """
    if device in {"cpu", "reference"}:
        return device, f"device {device}: as asked for"
    kind, _, number = str(device).partition(":")
    if kind not in {"auto", "cuda"} or (number and not (kind == "cuda" and number.isdigit())):
        raise ValueError(f"device: expected one of {', '.join(DEVICES)}, got {device!r}")
    count, why_none = _cuda_device_count()
    if kind == "auto":
        if count:
            return "cuda:0", f"device cuda:0: the first of {count} CUDA devices"
        return "cpu", f"device cpu: {why_none}"
    index = int(number or 0)
    if index >= count:
        raise ValueError(f"device: {device!r} asked for, but {why_none if count == 0 else f'there are only {count}'}")
    return f"cuda:{index}", f"device cuda:{index}: as asked for"


def open_backend(device: str = "auto", dtype: Any = np.float32, precision: str = "float32") -> Backend:
    """The back end for a device.

    Args:
        device: "auto" (a CUDA device if there is one, else the CPU), "cpu", "cuda", "cuda:N" or "reference".
        dtype: float32 (default), or float64 on "cpu" and "reference".
        precision: of the convolutions on CUDA, "float32" (default), "tf32" or "bfloat16" (docs/cuda/precision.md);
            elsewhere "float32".
    """
    if np.dtype(dtype) not in (np.dtype(np.float32), np.dtype(np.float64)):
        raise ValueError(f"dtype: expected float32 or float64, got {np.dtype(dtype).name}")
    name, _ = choose_device(device)
    if name.startswith("cuda"):
        if np.dtype(dtype) != np.dtype(np.float32):
            raise ValueError("dtype: a CUDA device computes in float32; for float64 use device='cpu' or 'reference'")
        from kernels.cuda import CudaBackend

        return CudaBackend(device=int(name.partition(":")[2]), precision=precision)
    if precision != "float32":
        raise ValueError(f"precision: {precision!r} is for CUDA devices; device {name!r} has only 'float32'")
    if name == "reference":
        from kernels.reference import ReferenceBackend

        return ReferenceBackend(dtype)
    from kernels.cpu import CpuBackend

    return CpuBackend(dtype)
