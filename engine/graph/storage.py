"""Which arrays between layers are narrow: stored in fewer bits than the back end's dtype (kernels/specs/)."""

from collections.abc import Sequence
from itertools import pairwise

from engine.layers.layer import Layer, Narrow


def narrow_between(layers: Sequence[Layer]) -> list[Narrow]:
    """Choose the storage of each layer of a stack: 16 bits where its writer and its reader both take them."""
    between = [one.writes_narrow and other.reads_narrow for one, other in pairwise(layers)]
    return [Narrow(x, y) for x, y in zip([False, *between], [*between, False], strict=True)] if layers else []
