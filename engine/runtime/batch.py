"""The movies of one step, on the device."""

from dataclasses import dataclass

from kernels.arrays import Array, HostArray

DEFAULT_BATCH_SIZE = 32


def batch_sizes(movies: int, batch_size: int) -> list[int]:
    """How many movies each batch has; the last may have fewer."""
    return [min(batch_size, movies - start) for start in range(0, movies, batch_size)]


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
