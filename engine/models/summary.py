"""The table that Sequential.summary prints: Keras 3's, line for line."""

import math
import sys
import textwrap
from typing import Any

from engine.models.network import Network

_COLUMNS = ("Layer (type)", "Output Shape", "Param #")
_POSITIONS = (0.45, 0.80, 1.0)
_NARROWEST = 30
_PLAIN = str.maketrans("┏┳┓┡╇┩├┼┤└┴┘━─┃│", "+" * 12 + "--||")


def table(network: Network, line_length: int = 76) -> str:
    """Layers, output shapes and numbers of weights; the optimizer's too once it has made an update.

    Args:
        network: not yet built where its input shape is not known; shapes and numbers are then left open.
        line_length: characters in a line, at least 30; Keras takes 76 on a terminal of 80.
    """
    if line_length < _NARROWEST:
        raise ValueError(f"line_length: expected at least {_NARROWEST}, got {line_length}")
    widths = _column_widths(line_length)
    rows = [(f"{layer.name} ({type(layer).__name__})", shape, count) for layer, shape, count in _layers(network)]
    body = ("├" + "┼".join("─" * (width + 2) for width in widths) + "┤\n").join(
        _row(cells, widths, "│") for cells in rows
    )
    return "\n".join(
        [
            f'Model: "{network.name}"',
            "┏" + "┳".join("━" * (width + 2) for width in widths) + "┓",
            _row(_COLUMNS, widths, "┃").rstrip("\n"),
            "┡" + "╇".join("━" * (width + 2) for width in widths) + "┩",
            body.rstrip("\n"),
            "└" + "┴".join("─" * (width + 2) for width in widths) + "┘",
            *_totals(network),
        ]
    )


def show(text: str) -> None:
    """Print a table; where standard output has no box drawings (ASCII, a Windows code page), with +, - and |."""
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        text = text.translate(_PLAIN).encode(encoding, "replace").decode(encoding)
    print(text)


def _layers(network: Network) -> list[tuple[Any, str, str]]:
    """Each layer with its output shape and its number of weights, as text."""
    graph = network.graph
    if not network.built or None in graph.input_shapes:
        return [(layer, "?", "0 (unbuilt)") for layer in network.layers]
    shapes = graph.layer_shapes()
    return [
        (layer, str((None, *shapes[layer])) if layer in shapes else "?", f"{_count(layer):,}")
        for layer in network.layers
    ]


def _count(layer: Any) -> int:
    """The numbers in a layer's weights, or a network's."""
    return int(layer.count_params())


def _totals(network: Network) -> list[str]:
    itemsize = network.placement.dtype.itemsize
    everything = network.count_params()
    trained = sum(math.prod(weight.shape) for weight in network.trainable_weights)
    counts = {"Trainable": (trained, trained * itemsize)}
    counts["Non-trainable"] = everything - trained, (everything - trained) * itemsize
    optimizer = network.placement.optimizer
    if optimizer is not None and optimizer.iterations:
        slots = len(optimizer.slots) * trained
        rate = 0 if optimizer.follows_schedule else 1
        counts["Optimizer"] = slots + rate + 1, (slots + rate) * itemsize + 8  # the count of updates is an int64
    total = tuple(sum(numbers) for numbers in zip(*counts.values(), strict=True))
    lines = {"Total": total, **counts}
    return [f" {name} params: {count:,} ({_readable(size)})" for name, (count, size) in lines.items()]


def _column_widths(line_length: int) -> list[int]:
    """Keras' shares of the line, cut down evenly to what borders and padding leave."""
    ends = [int(position * line_length) for position in _POSITIONS]
    widths = [end - start for start, end in zip([0, *ends[:-1]], ends, strict=True)]
    excess = sum(widths) + 3 * len(widths) + 1 - line_length
    for number in range(len(widths)):
        cut = round(excess / (len(widths) - number))
        widths[number] -= cut
        excess -= cut
    return widths


def _row(cells: tuple[str, ...], widths: list[int], border: str) -> str:
    """One row, of as many lines as its longest cell takes; the last column stands on the right."""
    wrapped = [
        [line if len(line) <= width else line[: width - 1] + "…" for line in _wrapped(cell, width)]
        for cell, width in zip(cells, widths, strict=True)
    ]
    lines = []
    for number in range(max(map(len, wrapped))):
        texts = [cell[number] if number < len(cell) else "" for cell in wrapped]
        padded = [text.ljust(width) for text, width in zip(texts[:-1], widths[:-1], strict=True)]
        lines.append(f"{border} " + f" {border} ".join([*padded, texts[-1].rjust(widths[-1])]) + f" {border}\n")
    return "".join(lines)


def _wrapped(cell: str, width: int) -> list[str]:
    return textwrap.wrap(cell, width, break_long_words=False, break_on_hyphens=False)


def _readable(size: float) -> str:
    for unit in ("B", "KB", "MB", "GB", "TB"):
        if size < 1024:
            return f"{size:.2f} {unit}"
        size /= 1024
    return f"{size:.2f} PB"
