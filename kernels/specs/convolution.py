"""What a 3-D convolution is bound to, and where its positions lie."""

import math
from dataclasses import dataclass, replace
from typing import Literal

_MOST_COMPUTED = 1.5
"""Outputs at most for each that is kept, where a 'valid' convolution is computed as part of a larger one: what is saved
for each output is more than half."""

Padding = Literal["same", "valid", "causal"]


@dataclass(frozen=True)
class Conv3DSpec:
    """A Conv3D layer: x (T,B,H,W,C) -> y (T',B,H',W',K), kernel (kt,kh,kw,C/groups,K).

    Output position p reads input position p * stride + tap * dilation - before on each of the three axes; what lies
    outside the input is zero. Group g of the K outputs sees group g of the C inputs alone.

    Padding, TensorFlow's rule, with extent = (k - 1) * dilation + 1 for a kernel of k taps on an axis of n positions:
    'valid' has none; 'same' makes ceil(n / stride) outputs with max((outputs - 1) * stride + extent - n, 0) zeros, the
    smaller half before; 'causal' is 'same' but for one axis, in time unless causal_axis says otherwise, which has all
    extent - 1 zeros before.
    """

    T: int
    B: int
    H: int
    W: int
    C: int
    K: int
    kt: int
    kh: int
    kw: int
    padding: Padding = "same"
    training: bool = True
    narrow_x: bool = False
    """x and dx go between operations only, all of which are told so: they may be stored in fewer bits than dtype."""
    strides: tuple[int, int, int] = (1, 1, 1)
    dilation: tuple[int, int, int] = (1, 1, 1)
    groups: int = 1
    causal_axis: int = 0
    """Of frames, rows and columns, the axis along which padding='causal' lets no output see later positions."""

    @property
    def output_size(self) -> tuple[int, int, int]:
        """T', H', W'; 0 where a 'valid' kernel does not fit into the input."""
        t, h, w = (
            convolution_length(n, k, stride, dilation, self.padding)
            for n, k, stride, dilation in zip(self._sizes, self._kernel, self.strides, self.dilation, strict=True)
        )
        return t, h, w

    @property
    def before(self) -> tuple[int, int, int]:
        """Zeros that stand before the first input position, on each axis."""
        t, h, w = (self._before(axis) for axis in range(3))
        return t, h, w

    @property
    def frames_before(self) -> int:
        """Zero frames that stand before the first input frame."""
        return self._before(0)

    @property
    def x_shape(self) -> tuple[int, ...]:
        """Shape of the input."""
        return self.T, self.B, self.H, self.W, self.C

    @property
    def y_shape(self) -> tuple[int, ...]:
        """Shape of the output."""
        frames, height, width = self.output_size
        return frames, self.B, height, width, self.K

    @property
    def kernel_shape(self) -> tuple[int, ...]:
        """Shape of the kernel."""
        return self.kt, self.kh, self.kw, self.C // self.groups, self.K

    @property
    def is_dense(self) -> bool:
        """True for the convolution that the fast kernels know: a centred window over every pixel, one group."""
        ones = (1, 1, 1)
        centred = self.kh % 2 == 1 and self.kw % 2 == 1 and (self.padding != "valid" or self._kernel == ones)
        centred = centred and (self.padding != "causal" or self.causal_axis == 0)
        return centred and self.strides == ones and self.dilation == ones and self.groups == 1

    @property
    def around(self) -> "Conv3DSpec | None":
        """The dense convolution whose inner part a 'valid' one is, if it computes few outputs more than are kept."""
        dense = replace(self, padding="same")
        computed, kept = math.prod(dense.output_size), math.prod(self.output_size)
        return dense if self.padding == "valid" and dense.is_dense and computed <= _MOST_COMPUTED * kept else None

    @property
    def is_pointwise(self) -> bool:
        """True for a kernel of one tap: a matrix product over the pixels that it visits."""
        return self._kernel == (1, 1, 1)

    @property
    def _sizes(self) -> tuple[int, int, int]:
        return self.T, self.H, self.W

    @property
    def _kernel(self) -> tuple[int, int, int]:
        return self.kt, self.kh, self.kw

    def _before(self, axis: int) -> int:
        padding: Padding = "same" if self.padding == "causal" and axis != self.causal_axis else self.padding
        return zeros_before(
            self._sizes[axis], self._kernel[axis], self.strides[axis], self.dilation[axis], padding
        )  # fmt: skip


def convolution_length(n: int, k: int, stride: int, dilation: int, padding: Padding) -> int:
    """Outputs of a convolution on an axis of n positions, by the rule of Conv3DSpec."""
    if padding == "valid":
        n = max(n - (k - 1) * dilation, 0)
    return -(-n // stride)


def zeros_before(n: int, k: int, stride: int, dilation: int, padding: Padding) -> int:
    """Positions of padding before the first of n, by the rule of Conv3DSpec."""
    if padding == "valid":
        return 0
    extent = (k - 1) * dilation + 1
    if padding == "causal":
        return extent - 1
    return max((-(-n // stride) - 1) * stride + extent - n, 0) // 2
