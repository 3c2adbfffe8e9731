"""What max pooling is bound to."""

from dataclasses import dataclass

from kernels.specs.convolution import Padding
from kernels.specs.spans import Span, covering, window_spans

MAX_WINDOW = 2**24
"""Positions of a window at most: back ends keep a winner's number as a float32 where that is faster."""


@dataclass(frozen=True)
class MaxPoolingSpec:
    """The largest number of each window of frames, rows and columns: x (T,B,H,W,C) -> y (T',B,H',W',C).

    Windows lie as those of a convolution, by the rule of Conv3DSpec without 'causal'; padding is never the largest.

    Attributes:
        window, strides: in time, height and width.
        training: whether backward will be called.
    """

    T: int
    B: int
    H: int
    W: int
    C: int
    window: tuple[int, int, int]
    strides: tuple[int, int, int]
    padding: Padding = "valid"
    training: bool = True

    def __post_init__(self) -> None:
        positions = min(self.window[0], self.T) * min(self.window[1], self.H) * min(self.window[2], self.W)
        if positions > MAX_WINDOW:
            raise ValueError(f"window: expected at most 2**24 positions, got {positions:,} in {self}")

    @property
    def spans(self) -> tuple[tuple[Span, ...], tuple[Span, ...], tuple[Span, ...]]:
        """What each output sees in time, height and width."""
        t, h, w = (
            window_spans(n, k, stride, self.padding)
            for n, k, stride in zip((self.T, self.H, self.W), self.window, self.strides, strict=True)
        )
        return t, h, w

    @property
    def covering(self) -> tuple[tuple[Span, ...], tuple[Span, ...], tuple[Span, ...]]:
        """Which outputs see each input in time, height and width."""
        t, h, w = (covering(spans, n) for spans, n in zip(self.spans, (self.T, self.H, self.W), strict=True))
        return t, h, w

    @property
    def x_shape(self) -> tuple[int, ...]:
        """Shape of the input."""
        return self.T, self.B, self.H, self.W, self.C

    @property
    def y_shape(self) -> tuple[int, ...]:
        """Shape of the output."""
        frames, height, width = (len(spans) for spans in self.spans)
        return frames, self.B, height, width, self.C
