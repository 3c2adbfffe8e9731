"""A network: a graph of layers on a device, with its weights, that predicts and rolls out, under Keras' names."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from engine.fitting.progress import Counter, Verbose
from engine.graph.checks import Arrays, check_one_batch_size
from engine.graph.graph import Graph
from engine.layers import Weight
from engine.layers.symbolic import call, is_symbolic
from engine.layers.weight import Shape
from engine.runtime.batch import DEFAULT_BATCH_SIZE, batch_sizes
from engine.runtime.placement import Placement
from engine.support.validation import boolean, one_of, positive_int
from kernels import Backend
from kernels.arrays import HostArray


class Network:
    """The part of Sequential and Model that does not train: layers, their weights, and inference.

    A network is a layer of another one too: called on symbolic tensors, or added to a Sequential.

    Attributes:
        graph_kind: the class's name in files.
        given_name: the name it was made with; None: it has its default one, which a network around it may number.
    """

    graph_kind: ClassVar[str]

    def __init__(
        self, graph: Graph, device: str, dtype: Any, seed: int | None, precision: str, name: str | None
    ) -> None:
        self.given_name = name
        self.name = self.graph_kind.lower() if name is None else name
        self.placement = Placement(graph, device, dtype, precision, seed)
        graph.when_known(self._own_layers)

    @property
    def graph(self) -> Graph:
        """The layers and how they are connected."""
        return self.placement.graph

    def output_shapes(self, shapes: Sequence[Shape]) -> list[Shape]:
        """The shapes of the outputs for inputs of these shapes, without the axis of the batch; as a layer's."""
        count = len(self.graph.input_shapes)
        if len(shapes) != count:
            raise ValueError(f"{self.name}: expected {count} inputs, got {len(shapes)}")
        return self.graph.output_shapes(shapes)

    def __call__(self, inputs: Any, training: bool | None = None, mask: None = None) -> Any:
        """Use the network as a layer on symbolic tensors, or run it on arrays, in inference mode: predict_on_batch.

        training=True on arrays is refused: train_on_batch trains.
        """
        if mask is not None:
            raise ValueError(f"{self.name}: mask: expected None; sequences are of one length, pad and weigh samples")
        if is_symbolic(inputs):
            return call(self, inputs)
        if training:
            raise ValueError(
                "training: expected False or None; train_on_batch trains, loss_and_gradients differentiates"
            )
        return self.predict_on_batch(inputs)

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

    @property
    def layers(self) -> list[Any]:
        """The layers, and networks used as such, in Keras' order."""
        return self.graph.layers

    def get_layer(self, name: str | None = None, index: int | None = None) -> Any:
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
        """The input's shape without the axis of the batch, such as (frames, height, width, channels).

        None where any size will do, and before it is known; of several inputs the first one's.
        """
        return self.graph.input_shape

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

    def _own_layers(self) -> None:
        """Let layers that are asked for their weights build this network."""
        for layer in self.graph:
            if layer.given_dtype not in (None, self.placement.dtype.name):
                raise ValueError(
                    f"dtype: {layer.name} has {layer.given_dtype}, and the network {self.placement.dtype.name}, and a "
                    f"network computes in one: {self.graph_kind}(..., dtype={layer.given_dtype!r})"
                )
            layer.built_by(self.build_if_known)

    def __setstate__(self, state: dict[str, Any]) -> None:
        """A copy's layers are its own."""
        self.__dict__.update(state)
        self._own_layers()

    def build_if_known(self) -> None:
        """Build, unless that is done, if the shapes of all inputs are known."""
        shapes = self.graph.input_shapes
        if self.layers and shapes and all(shape is not None for shape in shapes):
            self.placement.build()

    def output_shape(self, input_shape: Shape | None = None) -> Shape:
        """The output's shape without the movies' axis, for an input of this shape (default: the network's)."""
        shape = input_shape or self.input_shape
        if shape is None:
            raise ValueError("input_shape: not known yet; pass one")
        return self.graph.output_shapes([shape])[0]

    @property
    def backend(self) -> Backend:
        """The back end that computes; ValueError before the network is built."""
        return self.placement.computation.backend

    # ---------------------------------------------------------------- inference

    def predict(self, x: Any, batch_size: int | None = None, verbose: Verbose = "auto") -> Any:
        """x (N,T,H,W,C) -> the network's output (N,T,H,W,K), in inference mode; a list of outputs where it has several.

        Args:
            x: an array; a list, or a dict by the inputs' names, for several inputs.
            batch_size: movies at a time, default 32.
            verbose: as for evaluate.
        """
        batch_size = DEFAULT_BATCH_SIZE if batch_size is None else positive_int("batch_size", batch_size)
        inputs = self.placement.checks.inputs("x", x)
        check_one_batch_size(self.graph, batch_sizes(len(inputs[0]), batch_size))
        return self._predict(inputs, batch_size, Counter("predict", len(inputs[0]), verbose))

    def predict_on_batch(self, x: Any) -> Any:
        """Predict one batch, in inference mode."""
        inputs = self.placement.checks.inputs("x", x)
        return self._predict(inputs, len(inputs[0]), Counter("predict", len(inputs[0]), 0))

    def _predict(self, inputs: Arrays, batch_size: int, counter: Counter) -> Any:
        outputs = self.placement.build_for(inputs[0].shape[1:]).predict(inputs, batch_size, counter.count)
        counter.close({})
        return self._as_given(outputs)

    def _as_given(self, outputs: list[Any]) -> Any:
        """Outputs as predict returns them: the one, a list, or a dict."""
        if self.graph.output_keys:
            return dict(zip(self.graph.output_keys, outputs, strict=True))
        return outputs[0] if len(outputs) == 1 else outputs

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
        movies = self.placement.checks.track("track", movies, n_frames)
        frames = self.placement.build_for(movies.shape[1:]).rollout(movies, n_frames)
        return frames[0] if array.ndim == 4 else frames

    def reset_states(self) -> None:
        """Set the states of all stateful layers to zero."""
        for layer in self.graph:
            if layer.stateful:
                layer.reset_states()

    # ---------------------------------------------------------------- weights, configuration, export

    @property
    def trainable(self) -> bool:
        """Whether updates move weights of any layer. Setting it sets it of all layers, from the next compile() on."""
        return any(layer.trainable for layer in self.graph)

    @trainable.setter
    def trainable(self, value: bool) -> None:
        trainable = boolean("trainable", value)

        def set_of_layers() -> None:
            for layer in self.graph:
                layer.trainable = trainable

        self.graph.when_known(set_of_layers)

    @property
    def weights(self) -> list[Weight]:
        """All weights in Keras' order: layer by layer, in each layer the trained ones first; builds if it can."""
        self.build_if_known()
        return self.graph.weights

    @property
    def trainable_weights(self) -> list[Weight]:
        """The weights that updates move, in Keras' order."""
        return [weight for weight in self.weights if weight.trainable]

    def count_params(self) -> int:
        """The number of weights, trained or not."""
        return sum(math.prod(weight.shape) for weight in self.weights)

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
        return {"name": self.name, "dtype": self.placement.dtype.name, **self.graph.get_config()}
