"""How values lie in a graph, by the number of sizes that their shape has without the batch.

    (frames, height, width, channels)   (T,N,C,H,W), which Scan cuts and convolutions take
    (height, width, channels)           (N,C,H,W)
    (steps, features), (features,)      (N,L,F), (N,F): as they are in Keras

"Natural" is Keras' own order, the batch first and channels last, which layers that reshape think in.
"""

import numpy as np

from export.graph_builder import GraphBuilder

GraphShape = tuple[int | str, ...]
"""A shape without the batch; names for sizes that are known only when the graph runs."""

Length = int | str
"""A size; "H" is known only when the graph runs, "H/4" is a quarter of it, which is then whole."""


def name_and_parts(length: str) -> tuple[str, int]:
    """What "H/4" says; "H" is one part of itself."""
    name, _, parts = length.partition("/")
    return name, int(parts or 1)


def divided(length: Length, factor: int) -> Length:
    """A size that factor divides, cut into so many."""
    if isinstance(length, int):
        return length // factor
    name, parts = name_and_parts(length)
    return length if factor == 1 else f"{name}/{parts * factor}"


def multiplied(length: Length, factor: int) -> Length:
    """A size times factor; ValueError: it is a name that was not divided so before."""
    if isinstance(length, int):
        return length * factor
    name, parts = name_and_parts(length)
    if parts % factor:
        raise ValueError(f"{length} times {factor} has no name")
    return name if parts == factor else f"{name}/{parts // factor}"


_TO_NATURAL = {4: [1, 0, 3, 4, 2], 3: [0, 2, 3, 1]}
_FROM_NATURAL = {4: [1, 0, 4, 2, 3], 3: [0, 3, 1, 2]}


def to_natural(graph: GraphBuilder, x: str, rank: int, name: str) -> str:
    """A value of so many sizes as Keras has it."""
    perm = _TO_NATURAL.get(rank)
    return x if perm is None else graph.node("Transpose", x, name=name, perm=perm, doc="as Keras has it")


def from_natural(graph: GraphBuilder, x: str, rank: int, name: str) -> str:
    """The inverse."""
    perm = _FROM_NATURAL.get(rank)
    return x if perm is None else graph.node("Transpose", x, name=name, perm=perm, doc="channels first")


def as_frame(graph: GraphBuilder, x: str, rank: int) -> str:
    """A value of one or two sizes as a frame: (N,L,F) -> (N,F,1,L), (N,F) -> (N,F,1,1); a frame stays as it is."""
    if rank == 2:
        x = graph.node("Transpose", x, name="channels_first", perm=[0, 2, 1])
        return graph.node("Unsqueeze", x, graph.constant("row", np.array([2], np.int64)), name="one_row")
    if rank == 1:
        return graph.node("Unsqueeze", x, graph.constant("pixel", np.array([2, 3], np.int64)), name="one_pixel")
    return x


def from_frame(graph: GraphBuilder, x: str, rank: int) -> str:
    """The inverse of as_frame, for a frame of one row."""
    if rank == 2:
        x = graph.node("Squeeze", x, graph.constant("no_row", np.array([2], np.int64)), name="no_row_left")
        return graph.node("Transpose", x, name="channels_last", perm=[0, 2, 1])
    if rank == 1:
        return graph.node("Squeeze", x, graph.constant("no_pixel", np.array([2, 3], np.int64)), name="no_pixel_left")
    return x
