"""What normalizations are bound to."""

import math
from dataclasses import dataclass


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
class LayerNormSpec:
    """LayerNormalization over the last `axes` of five: x (T,B,H,W,C), a matrix of rows and features -> y like x."""

    T: int
    B: int
    H: int
    W: int
    C: int
    axes: int = 1
    epsilon: float = 1e-3
    training: bool = True

    @property
    def shape(self) -> tuple[int, int, int, int, int]:
        """Of x."""
        return self.T, self.B, self.H, self.W, self.C

    @property
    def rows(self) -> int:
        """Vectors that are normalised, each by itself."""
        return math.prod(self.shape[: 5 - self.axes])

    @property
    def features(self) -> int:
        """Elements of a row: the product of the last axes."""
        return math.prod(self.shape[5 - self.axes :])
