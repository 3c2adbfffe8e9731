"""A network as a picture: a box for each layer, an arrow for each value that goes from one to the next."""

import io
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from engine.files.atomic import write_atomically
from engine.layers.symbolic import Call
from engine.models.functional import Model
from engine.models.sequential import Sequential

_ROOM = 0.6
"""Inches between two boxes beside each other."""
_LINE, _BETWEEN = 0.26, 0.55
"""Inches of a line of text, and between two rows of boxes."""
_LETTER = 0.085
"""Inches of a letter, about."""
_LANE = 0.18
"""Inches between two lines that go past boxes."""


_INK = "#33507a"


@dataclass
class _Box:
    """One call of a layer.

    Attributes:
        lines: of text.
        sources: the boxes whose values it reads.
        row, x: where it stands; rows from the top, x of its middle in inches.
    """

    lines: list[str]
    sources: list["_Box"] = field(default_factory=list)
    row: int = 0
    x: float = 0.0


def plot_model(
    model: Sequential | Model,
    to_file: str | Path = "model.png",
    show_shapes: bool = False,
    show_layer_names: bool = True,
    show_layer_activations: bool = False,
    dpi: int = 150,
) -> None:
    """Draw a network's layers and what goes from one to the next, as Keras' function of this name does.

    Args:
        model: a Sequential or a Model whose inputs' shapes are known; networks in it are boxes of their own.
        to_file: the picture, .png or what else matplotlib writes (.svg, .pdf).
        show_shapes: the shape of each output too (default False).
        show_layer_names: each layer's name beside its class (default True).
        show_layer_activations: the activation of layers that have one (default False).
        dpi: dots an inch (default 150).

    Raises ValueError: the inputs' shapes are not known, or matplotlib writes no such file.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.patches import FancyArrowPatch, FancyBboxPatch
    from matplotlib.path import Path as Line

    boxes = _boxes(model, show_shapes, show_layer_names, show_layer_activations)
    width = max(2.0, _LETTER * max(len(line) for box in boxes for line in box.lines) + 0.3)
    height = max(len(box.lines) for box in boxes) * _LINE + 0.16
    rows = _placed(boxes, width + _ROOM)
    routes = [(source, box) for box in boxes for source in box.sources]
    past = [_past(boxes, source, box, width) for source, box in routes]
    lanes = [_LANE * (number + 1) for number in range(sum(side is not None for side in past))]
    left = min(box.x for box in boxes) - width / 2 - _ROOM - _LANE * len(lanes)
    right = max(box.x for box in boxes) + width / 2 + _ROOM + _LANE * len(lanes)
    high = rows * (height + _BETWEEN) + _BETWEEN
    figure = Figure(figsize=(right - left, high))
    FigureCanvasAgg(figure)
    axes = figure.add_axes((0.0, 0.0, 1.0, 1.0))
    axes.set(xlim=(left, right), ylim=(-high, 0.0))
    axes.set_axis_off()
    tops = {id(box): -_BETWEEN - box.row * (height + _BETWEEN) for box in boxes}
    for box in boxes:
        top = tops[id(box)]
        axes.add_patch(
            FancyBboxPatch(
                (box.x - width / 2, top - height), width, height, boxstyle="round,pad=0,rounding_size=0.08",
                facecolor="#eef3fa", edgecolor=_INK, linewidth=1.0,
            )
        )  # fmt: skip
        text = "\n".join(box.lines)
        axes.text(box.x, top - height / 2, text, ha="center", va="center", fontsize=9, linespacing=1.35)
    for (source, box), side in zip(routes, past, strict=True):
        start, end = (source.x, tops[id(source)] - height), (box.x, tops[id(box)])
        points = [start, end]
        if side is not None:
            lane = side + lanes.pop(0) * (1 if side > source.x else -1)
            below, above = start[1] - _BETWEEN / 3, end[1] + _BETWEEN / 3
            aside = end[0] + (width / 4 if lane > end[0] else -width / 4)
            points = [start, (start[0], below), (lane, below), (lane, above), (aside, above), (aside, end[1])]
        arrow = FancyArrowPatch(path=Line(points), arrowstyle="-|>", mutation_scale=10.0, color=_INK, linewidth=1.0)
        axes.add_patch(arrow)
    suffix = Path(to_file).suffix.lower().removeprefix(".") or "png"
    drawn = io.BytesIO()
    try:
        figure.savefig(drawn, format=suffix, dpi=dpi)
    except ValueError as error:
        raise ValueError(f"to_file: {to_file}: {error}") from None
    write_atomically(Path(to_file), drawn.getvalue())


def _boxes(model: Sequential | Model, shapes: bool, names: bool, activations: bool) -> list[_Box]:
    """A box for each call on the way from the inputs to the outputs, in their order."""
    found: dict[int, _Box] = {}
    for call in _calls(model.outputs):
        kind = type(call.layer).__name__
        lines = [f"{call.layer.name} ({kind})" if names else kind]
        activation = getattr(call.layer, "activation", None)
        if activations and isinstance(activation, str):
            lines.append(activation)
        if shapes:
            lines.append(" ".join(str(tensor.shape) for tensor in call.outputs))
        sources = {id(tensor.call): found[id(tensor.call)] for tensor in call.inputs}
        found[id(call)] = _Box(lines, list(sources.values()))
    return list(found.values())


def _calls(outputs: list[Any]) -> list[Call]:
    """Each call after those that it reads."""
    order: dict[int, Call] = {}
    waiting = [(tensor.call, False) for tensor in reversed(outputs)]
    while waiting:
        call, read = waiting.pop()
        if read:
            order.setdefault(id(call), call)
        elif id(call) not in order:
            waiting.append((call, True))
            waiting += [(tensor.call, False) for tensor in reversed(call.inputs)]
    return list(order.values())


def _placed(boxes: list[_Box], apart: float) -> int:
    """Give each box its row, below all that it reads, and its place in it, below their middle; returns how many rows.

    apart: from one box's middle to the next one's.
    """
    rows: dict[int, list[_Box]] = defaultdict(list)
    for box in boxes:
        box.row = 1 + max((source.row for source in box.sources), default=-1)
    for box in reversed(boxes):  # what begins stands just above what reads it
        readers = [other.row for other in boxes if any(source is box for source in other.sources)]
        if not box.sources and readers:
            box.row = min(readers) - 1
    for box in boxes:
        rows[box.row].append(box)
    for _, row in sorted(rows.items()):
        wished = [sum(source.x for source in box.sources) / max(1, len(box.sources)) for box in row]
        order = sorted(range(len(row)), key=lambda number: (not row[number].sources, wished[number]))
        middle = sum(wished) / len(wished)
        for place, number in enumerate(order):
            row[number].x = middle + (place - (len(row) - 1) / 2) * apart
    return len(rows)


def _past(boxes: list[_Box], source: _Box, box: _Box, width: float) -> float | None:
    """Beside which x, to the left or to the right, an arrow goes past the boxes between; None: none is in its way."""
    between = [other for other in boxes if source.row < other.row < box.row]
    low, high = min(source.x, box.x) - width / 2, max(source.x, box.x) + width / 2
    if not any(low < other.x + width / 2 and other.x - width / 2 < high for other in between):
        return None
    left, right = (edge(other.x for other in between) for edge in (min, max))
    left, right = left - width / 2, right + width / 2
    return left if source.x - left < right - source.x else right
