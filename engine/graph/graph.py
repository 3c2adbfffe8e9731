"""A stack of layers before any device: names, shapes, weights, and checks of input."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from engine.graph.rollout import can_stream, check_rollout
from engine.layers import LAYERS, Layer, Weight
from engine.layers.layer import checked_input_shape
from engine.layers.weight import Shape
from engine.registry import name_of
from engine.support.validation import finite_movies, one_of
from kernels.arrays import HostArray


class LayerStack:
    """A stack of layers, one after the other.

    Attributes:
        layers: in order; their names differ.

    Args:
        dtype: that movies are cast to.
    """

    def __init__(self, dtype: Any) -> None:
        self.layers: list[Layer] = []
        self._dtype = dtype

    def __iter__(self) -> Iterator[Layer]:
        return iter(self.layers)

    def add(self, layer: Layer) -> None:
        """Append a layer, numbering its name if that is taken."""
        if not isinstance(layer, Layer):
            raise ValueError(f"layer: expected a layer of engine, got {layer!r}")
        if any(layer is other for other in self.layers):
            raise ValueError(f"layer: {layer.name!r} is in this network already")
        taken = {other.name for other in self.layers}
        if layer.given_name in taken:
            raise ValueError(f"name: there is a layer {layer.given_name!r} already")
        if layer.weights and layer.name in taken:
            raise ValueError(
                f"name: there is a layer {layer.name!r} already, and the one added was built under that name; give one "
                "of them another name= when it is made"
            )
        base, number = layer.name, 0
        while layer.name in taken:
            number += 1
            layer.name = f"{base}_{number}"
        self.layers.append(layer)

    @property
    def input_shape(self) -> Shape | None:
        """(frames, height, width, channels), None where any size will do; None before it is known."""
        return self.layers[0].input_shape if self.layers else None

    @property
    def weights(self) -> list[Weight]:
        """All weights in Keras' order: layer by layer, in each layer the trained ones first."""
        return [weight for layer in self.layers for weight in layer.weights]

    def build(self, given: Shape | None, random: np.random.Generator) -> None:
        """Create the weights that are not there yet; given (T,H,W,C) serves where the first layer has no input_shape.

        Raises ValueError, and has changed nothing: there is no shape, it does not go through, or it has other channels
        than a layer that is built.
        """
        if not self.layers:
            raise ValueError("build: the network has no layers")
        shape = self.layers[0].input_shape or checked_input_shape(given)
        if shape is None:
            raise ValueError("input_shape: give it to the first layer, e.g. input_shape=(None, 40, 40, 1)")
        self._check_names()
        self._check_channels(shape)
        self.layers[0].input_shape = shape
        for layer in self.layers:
            layer.build(shape, random)
            shape = layer.output_shape(shape)

    def output_shape(self, shape: Shape) -> Shape:
        """The last layer's output, for an input of this shape (both without the movies' axis)."""
        for layer in self.layers:
            shape = layer.output_shape(shape)
        return shape

    def generalised(self, data_shape: Shape) -> Shape:
        """Return an input shape for such data: its channels alone, or all of it where weights depend on more."""
        for shape in ((*(None,) * (len(data_shape) - 1), data_shape[-1]), data_shape):
            try:
                self._check_channels(shape)
            except ValueError as error:
                refusal = error
            else:
                return shape
        raise refusal

    def _check_channels(self, shape: Shape) -> None:
        for layer in self.layers:
            layer.checked_channels(shape)
            shape = layer.output_shape(shape)

    def _check_names(self) -> None:
        names = [layer.name for layer in self.layers]
        for name in names:
            if names.count(name) > 1:
                # Another network, to which a layer was added since, has renamed it.
                raise ValueError(f"name: two layers of this network are called {name!r}; give them names when made")

    def get_config(self) -> list[dict[str, Any]]:
        """Class and arguments of every layer, JSON-able. Raises ValueError: two layers have one name."""
        self._check_names()
        return [
            {"class_name": name_of(type(layer)), "config": {"name": layer.name, **layer.get_config()}}
            for layer in self.layers
        ]

    def checked_input(self, name: str, x: HostArray) -> HostArray:
        """Validate movies (N,T,H,W,C): they fit the first layer and go through the rest."""
        if not self.layers:
            raise ValueError(f"{name}: the network has no layers")
        expected = self.input_shape
        x = finite_movies(name, x, 5 if expected is None else len(expected) + 1, self._dtype)
        self._check_shape(name, x.shape)
        return x

    def checked_track(self, name: str, track: HostArray, n_frames: int) -> HostArray:
        """Validate movies (N,T,H,W,C) that the network is to run free from for n_frames frames; returns them cast."""
        track = self.checked_input(name, track)
        check_rollout(self.layers, track.shape[1:])
        if not can_stream(self.layers):  # the growing track goes through the network
            self._check_shape(name, (len(track), track.shape[1] + n_frames - 1, *track.shape[2:]))
        return track.astype(self._dtype, copy=False)

    def _check_shape(self, name: str, movies: tuple[int, ...]) -> None:
        expected = self.input_shape
        if expected is not None:
            axes = self._axis_names(len(expected))
            for axis, size, got in zip(axes, expected, movies[1:], strict=True):
                if size is not None and size != got:
                    raise ValueError(f"{name}: expected {size} {axis}, got {got} (shape {movies})")
        try:
            self.output_shape(movies[1:])
        except ValueError as error:
            raise ValueError(f"{name}: of shape {movies} does not go through the network: {error}") from None

    def checked_pair(
        self, x: HostArray, y: HostArray, names: tuple[str, str] = ("x", "y")
    ) -> tuple[HostArray, HostArray]:
        """Validate movies, and targets shaped like the network's output for them."""
        x = self.checked_input(names[0], x)
        expected = (len(x), *self.output_shape(x.shape[1:]))
        y = finite_movies(names[1], y, len(expected), self._dtype)
        if y.shape != expected:
            raise ValueError(f"{names[1]}: expected shape {expected} for {names[0]} of shape {x.shape}, got {y.shape}")
        return x, y

    def _axis_names(self, rank: int) -> tuple[str, ...]:
        first = getattr(self.layers[0], "data_format", "channels_last") == "channels_first"
        if rank == 4 and not first:
            return ("frames", "height", "width", "channels")
        return tuple(f"entries on axis {axis}" for axis in range(1, rank + 1))


def layers_from_config(config: list[dict[str, Any]], input_shape: Any) -> list[Layer]:
    """Fresh layers from what LayerStack.get_config returned."""
    layers = []
    for number, entry in enumerate(config):
        layer_class = LAYERS[one_of("class_name", entry["class_name"], LAYERS)]
        shape = {"input_shape": input_shape} if number == 0 else {}
        layers.append(layer_class(**entry["config"], **shape))
    return layers
