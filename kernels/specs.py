"""What an operation is bound to before it runs: shapes and constants, never data.

Letters, everywhere in the project: T time, B batch, H rows, W columns, C channels in, F filters, K channels out,
kh, kw, kt the kernel's height, width and depth in time.
"""

from dataclasses import dataclass
from typing import Literal

from kernels.activations import GATES, Activation

Padding = Literal["same", "valid", "causal"]

GRADIENT_ERROR = {"float32": 1e-5, "tf32": 2e-3, "bfloat16": 2e-2}
"""What each precision of the convolutions promises of gradients: distance from float64, relative in norm.

A promise for logistic gates, and for hard ones that rounding does not move across a corner (docs/cuda/precision.md).
"""

PRECISIONS = tuple(GRADIENT_ERROR)
"""Precisions of the convolutions; all but the first on CUDA devices only."""

NORM_EPSILON = 1e-7
"""Keras' epsilon, which keeps a norm constraint from dividing by zero."""


@dataclass(frozen=True)
class ConvLSTMSpec:
    """A ConvLSTM2D layer over T frames: x (T,B,H,W,C) -> h (T,B,H,W,F); stride 1, zero padding 'same', odd kernel."""

    T: int
    B: int
    H: int
    W: int
    C: int
    F: int
    kh: int
    kw: int
    recurrent_activation: Activation = "hard_sigmoid"
    """One of kernels.activations.GATES; ValueError for another."""
    training: bool = True
    """True: forward saves what backward needs. False: only h and the last h, c are kept."""
    narrow_x: bool = False
    """x and dx go between operations only, all of which are told so: they may be stored in fewer bits than dtype."""
    narrow_y: bool = False
    """h and dh go between operations only, all of which are told so: they may be stored in fewer bits than dtype."""

    def __post_init__(self) -> None:
        if self.recurrent_activation not in GATES:
            raise ValueError(
                f"recurrent_activation: expected one of {', '.join(GATES)}, got {self.recurrent_activation!r}"
            )


@dataclass(frozen=True)
class BatchNormSpec:
    """BatchNormalization over the last axis: x (T,B,H,W,C) -> y of the same shape."""

    T: int
    B: int
    H: int
    W: int
    C: int
    epsilon: float = 1e-3
    training: bool = True
    narrow_x: bool = False
    """x and dx go between operations only, all of which are told so: they may be stored in fewer bits than dtype."""
    narrow_y: bool = False
    """y and dy go between operations only, all of which are told so: they may be stored in fewer bits than dtype."""


@dataclass(frozen=True)
class Conv3DSpec:
    """A Conv3D layer: x (T,B,H,W,C) -> y (T',B,H',W',K), kernel (kt,kh,kw,C/groups,K).

    Output position p reads input position p * stride + tap * dilation - before on each of the three axes; what lies
    outside the input is zero. Group g of the K outputs sees group g of the C inputs alone.

    Padding, TensorFlow's rule, with extent = (k - 1) * dilation + 1 for a kernel of k taps on an axis of n positions:
    'valid' has none; 'same' makes ceil(n / stride) outputs with max((outputs - 1) * stride + extent - n, 0) zeros, the
    smaller half before; 'causal' is 'same' in height and width, with all extent - 1 zeros in time before.
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
        return centred and self.strides == ones and self.dilation == ones and self.groups == 1

    @property
    def _sizes(self) -> tuple[int, int, int]:
        return self.T, self.H, self.W

    @property
    def _kernel(self) -> tuple[int, int, int]:
        return self.kt, self.kh, self.kw

    def _before(self, axis: int) -> int:
        stride, extent = self.strides[axis], (self._kernel[axis] - 1) * self.dilation[axis] + 1
        if self.padding == "valid":
            return 0
        if self.padding == "causal" and axis == 0:
            return extent - 1
        outputs = -(-self._sizes[axis] // stride)
        return max((outputs - 1) * stride + extent - self._sizes[axis], 0) // 2


@dataclass(frozen=True)
class ClipSpec:
    """How gradients in a flat buffer (P,) are kept small.

    Attributes:
        by: "value": each into [-limit, limit]; "norm": those of each weight array by their norm; "global_norm": all by
            the norm of all.
        limit: of the value or the norm.
        bounds: where each weight array's part begins, and P.
    """

    by: Literal["value", "norm", "global_norm"]
    limit: float
    bounds: tuple[int, ...]


def convolution_length(n: int, k: int, stride: int, dilation: int, padding: Padding) -> int:
    """Outputs of a convolution on an axis of n positions, by the rule of Conv3DSpec."""
    if padding == "valid":
        n = max(n - (k - 1) * dilation, 0)
    return -(-n // stride)
