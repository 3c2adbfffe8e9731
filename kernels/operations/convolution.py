"""The 3-D convolution, which serves every layer that multiplies."""

from abc import ABC, abstractmethod
from typing import Generic

from kernels.arrays import ArrayT


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
