"""The movies of one step, on the device."""

from dataclasses import dataclass

from kernels.arrays import Array, HostArray

DEFAULT_BATCH_SIZE = 32


@dataclass(frozen=True)
class Batch:
    """Movies to take from arrays on the device.

    Attributes:
        x, y: for each input and each output, an array (N, ...), such as (N,T,H,W,C).
        weights: for each output, of the samples, with ones for the axes that they do not tell apart, e.g. (N,T,1,1,1);
            None where all are one.
        rows: (B,) which movies, on the host.
    """

    x: tuple[Array, ...]
    y: tuple[Array, ...]
    weights: tuple[Array | None, ...]
    rows: HostArray

    @property
    def size(self) -> int:
        """B."""
        return len(self.rows)
