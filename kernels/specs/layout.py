"""What moves of numbers are bound to."""

from dataclasses import dataclass


@dataclass(frozen=True)
class BlockSpec:
    """A block of x (rank 1 to 5) and one of y, of one size.

    Attributes:
        x_shape, y_shape: of the two arrays, of one rank.
        size: of the block.
        x_start, y_start: where it begins.
        zeros: whether what lies outside is written as zero (else it is left).

    Raises ValueError: the block does not lie within both.
    """

    x_shape: tuple[int, ...]
    y_shape: tuple[int, ...]
    size: tuple[int, ...]
    x_start: tuple[int, ...]
    y_start: tuple[int, ...]
    zeros: bool = True

    def __post_init__(self) -> None:
        sizes = (self.x_shape, self.y_shape, self.size, self.x_start, self.y_start)
        ranks_fit = 1 <= len(self.size) <= 5 and {len(each) for each in sizes} == {len(self.size)}
        if not ranks_fit or not all(
            n >= 1 and 0 <= start <= whole - n
            for shape, starts in ((self.x_shape, self.x_start), (self.y_shape, self.y_start))
            for n, start, whole in zip(self.size, starts, shape, strict=True)
        ):
            raise ValueError(f"size: expected a block that lies within x and y, got {self}")
