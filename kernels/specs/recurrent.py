"""What a ConvLSTM is bound to."""

from dataclasses import dataclass

from kernels.activations import GATES, Activation


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
