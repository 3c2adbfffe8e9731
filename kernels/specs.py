"""What an operation is bound to before it runs: shapes and constants, never data.

Letters, everywhere in the project: T time, B batch, H rows, W columns, C channels in, F filters, K channels out,
kh, kw, kt the kernel's height, width and depth in time.
"""

from dataclasses import dataclass
from typing import Literal

GateActivation = Literal["hard_sigmoid", "sigmoid", "hard_sigmoid_keras3"]
TimePadding = Literal["same", "causal"]
Activation = Literal["linear", "sigmoid", "tanh", "relu"]

PRECISIONS = ("float32", "tf32", "bfloat16")
"""Of the convolutions; all but the first on CUDA devices only."""

HARD_SIGMOID_SLOPE: dict[str, float] = {"hard_sigmoid": 0.2, "hard_sigmoid_keras3": 1.0 / 6.0}
"""clip(slope * x + 0.5, 0, 1): Keras 2 has slope 0.2, Keras 3 has slope 1/6 under the same name."""


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
    recurrent_activation: GateActivation = "hard_sigmoid"
    training: bool = True
    """True: forward saves what backward needs. False: only h and the last h, c are kept."""
    narrow_x: bool = False
    """x and dx go between plans only, all of which are told so: a back end may store them in fewer bits than dtype."""
    narrow_y: bool = False
    """The same of h and dh."""


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
    """x and dx go between plans only, all of which are told so: a back end may store them in fewer bits than dtype."""
    narrow_y: bool = False
    """The same of y and dy."""


@dataclass(frozen=True)
class Conv3DSpec:
    """A Conv3D layer: x (T,B,H,W,C) -> y (T,B,H,W,K); stride 1, odd kh, kw; zero padding 'same' in H and W.

    In time, 'same' pads (kt-1)//2 frames before and kt//2 after (TensorFlow's rule); 'causal' pads kt-1 before.
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
    padding: TimePadding = "same"
    training: bool = True
    narrow_x: bool = False
    """x and dx go between plans only, all of which are told so: a back end may store them in fewer bits than dtype."""

    @property
    def frames_before(self) -> int:
        """Zero frames that stand before the first input frame."""
        return self.kt - 1 if self.padding == "causal" else (self.kt - 1) // 2


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
