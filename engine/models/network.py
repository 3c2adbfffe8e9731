"""A network: a stack of layers on a device, with its weights, that predicts and rolls out, under Keras' names."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from engine.fitting.progress import Counter, Verbose
from engine.layers import Layer, Weight
from engine.layers.weight import Shape
from engine.runtime.batch import DEFAULT_BATCH_SIZE
from engine.runtime.placement import Placement
from engine.support.validation import one_of, positive_int
from kernels import Backend
from kernels.arrays import HostArray


class Network:
    """The part of Sequential that does not train: layers, their weights, and inference."""

    def __init__(
        self,
        layers: Sequence[Layer] | None = None,
        device: str = "auto",
        dtype: Any = "float32",
        seed: int | None = None,
        precision: str = "float32",
        name: str = "sequential",
    ) -> None:
        self.name = name
        self.placement = Placement(device, dtype, precision, seed)
        if layers is not None and not isinstance(layers, Iterable):
            raise ValueError(f"layers: expected a list of layers, got {layers!r}")
        for layer in layers or ():
            self.add(layer)

    # ---------------------------------------------------------------- building

    @property
    def device(self) -> str:
        """The device that computes: "cpu", "cuda:0", "reference"."""
        return self.placement.device

    @property
    def device_reason(self) -> str:
        """Why this device was chosen, for people."""
        return self.placement.device_reason

    @property
    def seed(self) -> int:
        """The seed of initial weights, batch order and dropout."""
        return self.placement.seed

    def add(self, layer: Layer) -> None:
        """Append a layer. The first may carry input_shape; else the first data decide the channels."""
        if self.built:
            raise ValueError(
                "add: the network is built already; add all layers before input_shape or data are known to it"
            )
        self.placement.stack.add(layer)

    @property
    def layers(self) -> list[Layer]:
        """The layers, in order."""
        return self.placement.stack.layers

    def get_layer(self, name: str | None = None, index: int | None = None) -> Layer:
        """Return a layer by its name or its index."""
        if (name is None) == (index is None):
            raise ValueError(f"get_layer: expected a name or an index, got name={name!r}, index={index!r}")
        if index is not None:
            if not 0 <= index < len(self.layers):
                raise ValueError(f"index: expected 0 to {len(self.layers) - 1}, got {index}")
            return self.layers[index]
        one_of("name", name, [layer.name for layer in self.layers])
        return next(layer for layer in self.layers if layer.name == name)

    @property
    def input_shape(self) -> Shape | None:
        """(frames, height, width, channels), None where any size will do; None before it is known."""
        return self.placement.stack.input_shape

    @property
    def built(self) -> bool:
        """Whether the weights are on the device."""
        return self.placement.built

    def build(self, input_shape: Shape | None = None) -> None:
        """Create the weights and put them on the device; done by the first call that needs them.

        Args:
            input_shape: (frames, height, width, channels), None where any size will do, of a network whose first layer
                has none (default: None).
        """
        self.placement.build(input_shape)

    def output_shape(self, input_shape: Shape | None = None) -> Shape:
        """The output's shape without the movies' axis, for an input of this shape (default: the network's)."""
        shape = input_shape or self.input_shape
        if shape is None:
            raise ValueError("input_shape: not known yet; pass one")
        return self.placement.stack.output_shape(shape)

    @property
    def backend(self) -> Backend:
        """The back end that computes; ValueError before the network is built."""
        return self.placement.computation.backend

    # ---------------------------------------------------------------- inference

    def predict(self, x: HostArray, batch_size: int | None = None, verbose: Verbose = "auto") -> HostArray:
        """x (N,T,H,W,C) -> the network's output (N,T,H,W,K), in inference mode.

        Args:
            batch_size: movies at a time, default 32.
            verbose: as for evaluate.
        """
        batch_size = DEFAULT_BATCH_SIZE if batch_size is None else positive_int("batch_size", batch_size)
        x = self.placement.stack.checked_input("x", x)
        counter = Counter("predict", len(x), verbose)
        output = self.placement.build_for(x.shape[1:]).predict(x, batch_size, counter.count)
        counter.close({})
        return output

    def predict_on_batch(self, x: HostArray) -> HostArray:
        """Predict one batch, in inference mode."""
        return self.predict(x, batch_size=max(1, len(x)) if np.ndim(x) else 1, verbose=0)

    def rollout(self, track: HostArray, n_frames: int) -> HostArray:
        """Let the network run free: the n_frames frames that follow a track, each predicted from those before.

        Equal to predicting the growing track n_frames times, but each new frame costs one step.

        Args:
            track: (T,H,W,C), or (N,T,H,W,C) for several.
            n_frames: how many new frames.

        Returns (n_frames,H,W,C), or (N,n_frames,H,W,C).
        """
        n_frames = positive_int("n_frames", n_frames)
        array = np.asarray(track)
        movies = array[np.newaxis] if array.ndim == 4 else array
        movies = self.placement.stack.checked_track("track", movies, n_frames)
        frames = self.placement.build_for(movies.shape[1:]).rollout(movies, n_frames)
        return frames[0] if array.ndim == 4 else frames

    def reset_states(self) -> None:
        """Set the states of all stateful layers to zero."""
        for layer in self.layers:
            if layer.stateful:
                layer.reset_states()

    # ---------------------------------------------------------------- weights, configuration, export

    @property
    def weights(self) -> list[Weight]:
        """All weights in Keras' order: layer by layer, in each layer the trained ones first."""
        return self.placement.stack.weights

    @property
    def trainable_weights(self) -> list[Weight]:
        """The weights that updates move, in Keras' order."""
        return [weight for weight in self.weights if weight.trainable]

    def count_params(self) -> int:
        """The number of weights, trained or not."""
        return sum(layer.count_params() for layer in self.layers)

    def get_weights(self) -> list[HostArray]:
        """Host copies of all weights, in Keras' order."""
        with self.placement.build().locks:
            return [weight.to_host() for weight in self.weights]

    def set_weights(self, weights: Sequence[HostArray]) -> None:
        """Set all weights, in Keras' order. The optimizer's state stays."""
        computation = self.placement.build()
        if len(weights) != len(self.weights):
            raise ValueError(f"weights: expected {len(self.weights)} arrays, got {len(weights)}")
        for weight, array in zip(self.weights, weights, strict=True):
            if np.shape(array) != weight.shape:
                raise ValueError(f"weights: {weight.name} expects shape {weight.shape}, got {np.shape(array)}")
        with computation.locks:
            for weight, array in zip(self.weights, weights, strict=True):
                weight.assign(np.asarray(array, dtype=self.placement.dtype))

    def export(self, path: str | Path, graph: str = "sequence", **options: Any) -> None:
        """Write the network as ONNX: graph "sequence", "step" or "rollout"; options are export.export_network's."""
        from export import export_network

        with self.placement.build().locks:
            export_network(self, path, graph=graph, **options)

    def get_config(self) -> dict[str, Any]:
        """The architecture, JSON-able."""
        return {
            "name": self.name,
            "dtype": self.placement.dtype.name,
            "input_shape": list(self.input_shape) if self.input_shape else None,
            "layers": self.placement.stack.get_config(),
        }
