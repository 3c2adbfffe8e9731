"""Networks of the comparison built in this engine, with Keras' dropout masks in place of its own."""

import itertools
from typing import Any, cast

import numpy as np

import engine
from engine.layers import ConvLSTM2D, Layer
from kernels.arrays import HostArray

Config = dict[str, Any]


def layers_here(layers: list[Config], movies: tuple[int, ...]) -> list[Layer]:
    """The engine's layers; the first knows the whole shape of the movies."""
    made = []
    for number, given in enumerate(layers):
        arguments = dict(given)
        if number == 0:
            arguments["batch_input_shape"] = tuple(movies)
        made.append(getattr(engine, arguments.pop("class_name"))(**arguments))
    return made


def network_here(
    layers: list[Config], movies: tuple[int, ...], loss: str, optimizer: Config, device: str, dtype: str
) -> engine.Sequential:
    """A network, built and compiled."""
    network = engine.Sequential(layers_here(layers, movies), device=device, dtype=dtype, seed=1)
    network.compile(loss=loss, optimizer=engine.optimizers.get_optimizer(optimizer))
    network.build(tuple(movies[1:]))
    return network


def split(flat: HostArray, network: engine.Sequential, trainable: bool = False) -> list[HostArray]:
    """Flat numbers as arrays of the network's weights, or of the trainable ones, in Keras' order."""
    weights = network.trainable_weights if trainable else network.weights
    sizes = [int(np.prod(weight.shape)) for weight in weights]
    assert sum(sizes) == flat.size, f"{flat.size} numbers for {sum(sizes)}"
    pieces = np.split(flat, np.cumsum(sizes)[:-1]) if sizes else []
    return [piece.reshape(weight.shape) for piece, weight in zip(pieces, weights, strict=True)]


def hand_in_masks(network: engine.Sequential, x_masks: HostArray | None, h_masks: HostArray | None) -> None:
    """Let the layer with dropout draw these masks, (calls, 4, N, ...) in the order of its calls."""
    for layer in network.layers:
        if layer.has_dropout:
            _replace(cast(ConvLSTM2D, layer), x_masks, h_masks)


def _replace(layer: ConvLSTM2D, x_masks: HostArray | None, h_masks: HostArray | None) -> None:
    calls = itertools.count()

    def scaled(masks: HostArray | None, call: int, share: float) -> HostArray | None:
        if masks is None:
            return None
        kept = masks[call] / (1.0 - share)
        return np.moveaxis(kept, 2, 4) if layer.data_format == "channels_first" else kept

    def draw_masks(_random: Any, x_shape: Any, h_shape: Any) -> tuple[HostArray | None, HostArray | None]:
        call = next(calls)
        drawn = scaled(x_masks, call, layer.dropout), scaled(h_masks, call, layer.recurrent_dropout)
        shapes = tuple(None if masks is None else masks.shape for masks in drawn)
        assert shapes == (x_shape, h_shape), f"Keras' masks {shapes}, the engine's {(x_shape, h_shape)}"
        return drawn

    layer.draw_masks = draw_masks  # type: ignore[method-assign, assignment]
