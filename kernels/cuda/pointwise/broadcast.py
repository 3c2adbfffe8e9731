"""Launches broadcast.cu, and layout.cu forward: an array repeated along axes, and the sums over them."""

import math
from typing import Any

from kernels.arrays import Array
from kernels.cuda.common.elementwise import THREADS
from kernels.cuda.common.rounding import ceil_div
from kernels.cuda.launch.launch import Runtime
from kernels.cuda.launch.workspace import Workspace
from kernels.cuda.pointwise.pieces import Kernels, launch_strided
from kernels.operations import Broadcast
from kernels.operations.broadcast import Axis, split_axes

_FEWEST_TERMS, _MOST_TERMS = 16, 1024
_WANTED_THREADS = 65536


def broadcast_kernels(runtime: Runtime) -> Kernels:
    """The kernels of broadcast.cu."""
    return Kernels(runtime, "pointwise/broadcast.cu", {})


class CudaBroadcast(Broadcast[Array]):
    """One launch forward, one or two backward.

    Args:
        kernels: those of broadcast.cu.
        layout: those of layout.cu.
        workspace: has the sums of segments, where one thread does not add up all that an element of dx gets.
    """

    def __init__(
        self,
        kernels: Kernels,
        layout: Kernels,
        workspace: Workspace,
        x_shape: tuple[int, ...],
        y_shape: tuple[int, ...],
    ) -> None:
        kept, summed = split_axes(x_shape, y_shape)
        self._kernels, self._layout, self._y_shape = kernels, layout, y_shape
        steps = [math.prod(x_shape[k + 1 :]) for k in range(len(x_shape))]
        self._steps = [0 if n != wide else step for n, wide, step in zip(x_shape, y_shape, steps, strict=True)]
        outputs, rows = math.prod(x_shape), math.prod(axis.size for axis in summed)
        wanted = max(ceil_div(_WANTED_THREADS, outputs), ceil_div(rows, _MOST_TERMS))
        segments = min(ceil_div(rows, _FEWEST_TERMS), wanted)
        self._numbers: dict[str, Any] = {
            "outputs": outputs,
            "segments": segments,
            "rows": rows,
            **_axes("kept", kept),
            **_axes("summed", summed),
        }
        self._partial = workspace.array("broadcast", (segments, outputs)) if segments > 1 else None

    def forward(self, x: Array, y: Array) -> None:
        launch_strided(self._layout, x, y, self._y_shape, self._steps)

    def add(self, x: Array, y: Array) -> None:
        launch_strided(self._layout, x, y, self._y_shape, self._steps, adds=True)

    def backward(self, dy: Array, dx: Array) -> None:
        outputs, segments = self._numbers["outputs"], self._numbers["segments"]
        partial = dx if self._partial is None else self._partial
        arrays: dict[str, Any] = {"dy": dy, "partial": partial}
        kernel = self._kernels("sum_segments", {"dy": math.prod(self._y_shape), "partial": partial.size})
        kernel((ceil_div(partial.size, THREADS),), (THREADS,), **arrays, **self._numbers)
        if self._partial is None:
            return
        finish = self._kernels("add_segments", {"partial": partial.size, "dx": outputs})
        finish(
            (outputs,), (THREADS,), shared_bytes=8 * THREADS, partial=partial, dx=dx, outputs=outputs, segments=segments
        )  # fmt: skip


def _axes(name: str, axes: list[Axis]) -> dict[str, int]:
    """What sum_segments gets of at most three axes."""
    padded = [Axis(1, 0)] * (3 - len(axes)) + axes
    sizes = {f"{name}{k}": axis.size for k, axis in enumerate(padded) if k}
    return sizes | {f"{name}{k}_step": axis.step for k, axis in enumerate(padded)}
