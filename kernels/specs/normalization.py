"""What normalizations are bound to."""

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
