"""Which arrays between layers may be narrow: stored in fewer bits than the back end's dtype (kernels/specs.py)."""

from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from engine.layers.layer import Layer


class Narrow(NamedTuple):
    """Of one layer: whether x and dx, and whether y and dy, may be."""

    x: bool = False
    y: bool = False


WIDE = Narrow()


def narrow_between(layers: "Sequence[Layer]") -> list[Narrow]:
    """For each layer of a stack: narrow is what both know of, the layer that writes it and the one that reads it."""
    between = [one.writes_narrow and other.reads_narrow for one, other in pairwise(layers)]
    return [Narrow(x, y) for x, y in zip([False, *between], [*between, False], strict=True)] if layers else []
