"""Conv3D with padding 'valid' as the inner part of the same convolution with padding 'same', which has transforms.

Forward:   (1)  y  = conv(x, kernel) + bias          padding 'same', as large as x
           (2)  y' = y without what saw zeros

Backward:       dy is dy' with zeros around it (2); dx, dkernel and dbias are those of (1)
"""

import math
from dataclasses import replace
from typing import Any

import numpy as np

from kernels.arrays import HostArray
from kernels.cpu.compile.memory import zeros
from kernels.cpu.layers.conv3d import CpuConv3D
from kernels.cpu.products.geometry import POINTS_AND_STEP
from kernels.operations import Conv3D
from kernels.specs import Conv3DSpec

_LEAST_CHANNELS = 8
"""With fewer, transforms cost more than they save."""

_MOST_COMPUTED = 1.5
"""Outputs of (1) at most for each that is kept: the transforms save more than half of the products."""


def has_transform(spec: Conv3DSpec) -> bool:
    """Whether the convolution is best computed so."""
    around = replace(spec, padding="same")
    computed = math.prod(around.output_size) / max(1, math.prod(spec.output_size))
    many = min(spec.C, spec.K) >= _LEAST_CHANNELS and computed <= _MOST_COMPUTED
    sizes = (spec.kh, spec.kw)
    return spec.padding == "valid" and around.is_dense and many and all(size in POINTS_AND_STEP for size in sizes)


class CpuCroppedConv3D(Conv3D[HostArray]):
    """'valid' convolutions by Winograd's transforms."""

    def __init__(self, spec: Conv3DSpec, dtype: np.dtype[Any], workers: int) -> None:
        around = replace(spec, padding="same")
        self._around = CpuConv3D(around, dtype, workers, transform=True)
        first = around.before
        t, h, w = (slice(at, at + size) for at, size in zip(first, spec.output_size, strict=True))
        self._kept = (t, slice(None), h, w)
        self.y = zeros(spec.y_shape, dtype)
        if spec.training:
            self._dy = zeros(around.y_shape, dtype)

    def forward(self, x: HostArray, kernel: HostArray, bias: HostArray) -> HostArray:
        self.y[...] = self._around.forward(x, kernel, bias)[self._kept]  # (2)
        return self.y

    def backward(
        self,
        dy: HostArray,
        x: HostArray,
        kernel: HostArray,
        dkernel: HostArray | None,
        dbias: HostArray | None,
        need_dx: bool = True,
    ) -> HostArray | None:
        self._dy[self._kept] = dy  # (2)
        return self._around.backward(self._dy, x, kernel, dkernel, dbias, need_dx)
