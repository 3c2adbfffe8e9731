"""A ConvLSTM and the BatchNormalization behind it, linked: what passes between them beside h and dy.

The ConvLSTM then sums for the other what it writes of h, and computes dx of the other where it reads dh
(batch_norm_link.cuh).
"""

from dataclasses import dataclass
from typing import Protocol

from kernels.arrays import Array
from kernels.cuda.common.precision import operand_dtype
from kernels.cuda.launch.launch import Runtime
from kernels.specs import BatchNormSpec, ConvLSTMSpec


@dataclass
class BatchNormLink:
    """Arrays that both operations know; all None: there is no such pair.

    Attributes:
        h: of the ConvLSTM, (T,B,H,W,F), the x of the BatchNormalization.
        sums: (tiles of a frame, 2, F), float64, of h and of its squares; the ConvLSTM's forward writes them.
        coefficients: (F, 4), float32; the BatchNormalization's backward writes them.
        dy: what that backward was given last.
    """

    h: Array | None = None
    sums: Array | None = None
    coefficients: Array | None = None
    dy: Array | None = None

    def check_x(self, x: Array) -> None:
        """Refuse another x than the linked ConvLSTM's h."""
        if self.h is not None and x is not self.h:
            raise ValueError("x: expected the h that the source returned, got another array")

    def check_dh(self, dh: Array) -> None:
        """Refuse another dh than the linked BatchNormalization's last dy."""
        if self.h is not None and dh is not self.dy:
            raise ValueError("dh: expected what backward of the linked BatchNorm returned, got another array")


class Linkable(Protocol):
    """A ConvLSTM that a BatchNormalization may be linked to.

    Attributes:
        spec: what it is bound to.
        link: with the BatchNormalization behind it.
        h: what it returns, (T,B,H,W,F), as the convolutions read it.
        tiles_of_frame: how many blocks share the pixels of a frame, going forward.
    """

    spec: ConvLSTMSpec
    link: BatchNormLink
    h: Array
    tiles_of_frame: int


def link(runtime: Runtime, source: Linkable, spec: BatchNormSpec, precision: str) -> BatchNormLink:
    """Link `source` with a BatchNormalization behind it; the link is empty where the one cannot serve the other.

    That is: both must train, and h, dy and what the convolutions read must be of one type. Raises ValueError where h is
    not of the spec's shape or is linked already.
    """
    if not (spec.training and source.spec.training):
        return BatchNormLink()
    before = source.spec
    if (before.T, before.B, before.H, before.W, before.F) != (spec.T, spec.B, spec.H, spec.W, spec.C):
        raise ValueError(f"source: expected a ConvLSTM whose h fits {spec}, got one of {before}")
    if source.link.h is not None:
        raise ValueError(f"source: expected a ConvLSTM whose h nothing else reads, got a linked one of {before}")
    if operand_dtype(precision) != "float32" and not (before.narrow_y and spec.narrow_x and spec.narrow_y):
        return BatchNormLink()
    sums, coefficients = (
        runtime.empty((source.tiles_of_frame, 2, spec.C), "float64"),
        runtime.empty((spec.C, 4), "float32"),
    )
    source.link = BatchNormLink(source.h, sums, coefficients)
    return source.link
