"""The table that Sequential.summary prints."""

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from engine.sequential import Sequential


def table(network: "Sequential") -> str:
    """Layers, output shapes and weights of a built network, as Keras lays them out."""
    assert network.input_shape is not None
    shape = network.input_shape
    rows = [("Layer (type)", "Output shape", "Param #")]
    for layer in network.layers:
        shape = layer.output_shape(shape)
        count = sum(math.prod(weight.shape) for weight in layer.weights)
        rows.append((f"{layer.name} ({type(layer).__name__})", str((None, *shape)), f"{count:,}"))
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    rule = "-" * max(len(line) for line in lines)
    total = sum(math.prod(weight.shape) for weight in network.weights)
    trained = sum(math.prod(weight.shape) for weight in network.trainable_weights)
    return "\n".join(
        [
            f'Model: "{network.name}"',
            rule,
            lines[0],
            rule,
            *lines[1:],
            rule,
            f"Total params: {total:,}",
            f"Trainable params: {trained:,}",
            f"Non-trainable params: {total - trained:,}",
        ]
    )
