"""The 3-D convolution, which serves every layer that multiplies."""

from abc import ABC, abstractmethod
from typing import Generic

from kernels.arrays import ArrayT
from kernels.operations.layout import Block
from kernels.specs import BlockSpec, Conv3DSpec


class Conv3D(ABC, Generic[ArrayT]):
    """A 3-D convolution with its bias, before the activation; bound to a Conv3DSpec, which has the rule of positions.

        y = conv(x, kernel) + bias

    Shapes: x (T,B,H,W,C), kernel (kt,kh,kw,C/groups,K), bias (K), y (T',B,H',W',K).
    """

    @abstractmethod
    def forward(self, x: ArrayT, kernel: ArrayT, bias: ArrayT) -> ArrayT:
        """Return y, which the caller may overwrite until the next call, by an activation in place."""

    @abstractmethod
    def backward(
        self,
        dy: ArrayT,
        x: ArrayT,
        kernel: ArrayT,
        dkernel: ArrayT | None,
        dbias: ArrayT | None,
        need_dx: bool = True,
    ) -> ArrayT | None:
        """Differentiate: dy (T',B,H',W',K). Writes dkernel and dbias, unless both are None; returns dx if need_dx.

        x is read for dkernel only. Forward saves nothing: any x will do, and backward may come without it. The spec has
        training=True.
        """


class CroppedConv3D(Conv3D[ArrayT]):
    """A convolution with padding 'valid' as the inner part of the same one with padding 'same' (Conv3DSpec.around).

    Forward:   (1)  y  = conv(x, kernel) + bias          as large as x
               (2)  y' = y without what saw zeros

    Backward:       dy is dy' with zeros around it (2); dx, dkernel and dbias are those of (1)

    Args:
        around: computes (1).
        crop: bound to crop_spec.
        y: memory for y'.
        dy: zeros of the shape of y; None where backward is not called.
    """

    def __init__(self, around: Conv3D[ArrayT], crop: Block[ArrayT], y: ArrayT, dy: ArrayT | None) -> None:
        self._around, self._crop, self._y, self._dy = around, crop, y, dy

    def forward(self, x: ArrayT, kernel: ArrayT, bias: ArrayT) -> ArrayT:
        self._crop.forward(self._around.forward(x, kernel, bias), self._y)
        return self._y

    def backward(
        self,
        dy: ArrayT,
        x: ArrayT,
        kernel: ArrayT,
        dkernel: ArrayT | None,
        dbias: ArrayT | None,
        need_dx: bool = True,
    ) -> ArrayT | None:
        if self._dy is None:
            raise ValueError("spec: expected training=True for backward")
        self._crop.backward(dy, self._dy)
        return self._around.backward(self._dy, x, kernel, dkernel, dbias, need_dx)


def crop_spec(spec: Conv3DSpec, around: Conv3DSpec) -> BlockSpec:
    """The block of around's output that is the output of a 'valid' convolution; the rest of it is left as it is."""
    frames, height, width = around.before
    return BlockSpec(
        around.y_shape, spec.y_shape, spec.y_shape, (frames, 0, height, width, 0), (0, 0, 0, 0, 0), zeros=False
    )
