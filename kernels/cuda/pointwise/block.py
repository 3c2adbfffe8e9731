"""Launches block.cu: a block of one array copied into a block of another."""

import math
from typing import Any

import numpy as np

from kernels.arrays import Array
from kernels.cuda.common.rounding import ceil_div
from kernels.cuda.launch.launch import Runtime
from kernels.cuda.pointwise.pieces import Kernels
from kernels.cuda.products.binding import ELEMENT_THREADS
from kernels.operations import Block
from kernels.specs import BlockSpec


def block_kernels(runtime: Runtime) -> Kernels:
    """The kernels of block.cu."""
    return Kernels(runtime, "pointwise/block.cu", {})


class CudaBlock(Block[Array]):
    """One launch each way.

    Args:
        kernels: those of block.cu.
    """

    def __init__(self, runtime: Runtime, kernels: Kernels, spec: BlockSpec) -> None:
        back = BlockSpec(spec.y_shape, spec.x_shape, spec.size, spec.y_start, spec.x_start, spec.zeros)
        self._forward, self._backward = (_Copy(runtime, kernels, way) for way in (spec, back))

    def forward(self, x: Array, y: Array) -> None:
        self._forward(x, y)

    def backward(self, dy: Array, dx: Array) -> None:
        self._backward(dy, dx)


class _Copy:
    """One way, with what the kernel knows of its axes on the device."""

    def __init__(self, runtime: Runtime, kernels: Kernels, spec: BlockSpec) -> None:
        self._kernels = kernels
        self._sizes = {"x": math.prod(spec.x_shape), "y": math.prod(spec.y_shape), "axes": 25}
        written, low = (spec.y_shape, spec.y_start) if spec.zeros else (spec.size, (0,) * len(spec.size))
        x_steps, y_steps = _steps(spec.x_shape), _steps(spec.y_shape)
        axes = np.zeros((5, 5), np.int64)
        axes[:, [0, 2]] = 1
        axes[5 - len(written) :] = np.transpose([written, low, spec.size, x_steps, y_steps])
        self._axes = runtime.from_host(axes, np.int64)
        self._numbers: dict[str, Any] = {
            "x_first": int(np.dot(np.subtract(spec.x_start, low), x_steps)),
            "y_first": int(np.dot(np.subtract(spec.y_start, low), y_steps)),
            "n": math.prod(written),
        }

    def __call__(self, x: Array, y: Array) -> None:
        grid = (ceil_div(self._numbers["n"], ELEMENT_THREADS),)
        self._kernels("block", self._sizes)(grid, (ELEMENT_THREADS,), x=x, y=y, axes=self._axes, **self._numbers)


def _steps(shape: tuple[int, ...]) -> list[int]:
    return [math.prod(shape[k + 1 :]) for k in range(len(shape))]
