"""A network: a stack of layers on a device, with its weights, that predicts and rolls out, under Keras' names."""

import logging
import threading
from collections.abc import Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from engine.fitting.batch_maker import DEFAULT_BATCH_SIZE
from engine.fitting.progress import Counter, Verbose
from engine.graph.graph import LayerStack
from engine.layers import ConvLSTM2D, Layer, Weight
from engine.layers.weight import Shape, known
from engine.runtime import rollout
from engine.runtime.compiled import Computation
from engine.runtime.locks import Locks
from engine.support.validation import integer, one_of, positive_int
from kernels import Backend
from kernels.select import choose_device, open_backend

Array = np.ndarray[Any, Any]

_log = logging.getLogger("engine")

BUILDING = threading.RLock()
"""Held while any network is built or compiled; taken before the locks of layers."""


class Network:
    """What Sequential is without its training: layers, their weights, and inference."""

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
        self.device, self.device_reason = choose_device(device)
        self._dtype, self._precision = _checked_dtype(dtype), precision
        self.seed = int(np.random.SeedSequence().generate_state(1)[0]) if seed is None else integer("seed", seed, 0)
        self._random = np.random.default_rng(self.seed)
        self._stack = LayerStack(self._dtype)
        self._computation: Computation | None = None
        if layers is not None and not isinstance(layers, Iterable):
            raise ValueError(f"layers: expected a list of layers, got {layers!r}")
        for layer in layers or ():
            self.add(layer)

    # ---------------------------------------------------------------- building

    def add(self, layer: Layer) -> None:
        """Append a layer. The first may carry input_shape; else the first data decide the channels."""
        if self.built:
            raise ValueError(
                "add: the network is built already; add all layers before input_shape or data are known to it"
            )
        self._stack.add(layer)

    @property
    def layers(self) -> list[Layer]:
        """The layers, in order."""
        return self._stack.layers

    def get_layer(self, name: str | None = None, index: int | None = None) -> Layer:
        """A layer by its name or by its number."""
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
        return self._stack.input_shape

    @property
    def built(self) -> bool:
        """Whether the weights are on the device."""
        return self._computation is not None

    def build(self, input_shape: Shape | None = None) -> None:
        """Create the weights and put them on the device; done by the first call that needs them.

        Args:
            input_shape: (frames, height, width, channels), None where any size will do, of a network whose first layer
                has none (default: None).
        """
        if self.built:
            return
        with BUILDING, Locks(self.layers):
            if self.built:  # by another thread, meanwhile
                return
            self._check_places()
            self._stack.build(input_shape, self._random)
            backend = open_backend(self.device, self._dtype, self._precision)
            _log.info("%s; %s", self.device_reason, backend.description)
            computation = Computation(backend, self.layers, self.seed, self._place)
            self._prepare(computation)
            self._computation = computation

    def _prepare(self, computation: Computation) -> None:
        """What else there is to do before a new computation is used."""

    @property
    def _place(self) -> str:
        return f"device {self.device!r} in {self._dtype.name}"

    def _check_places(self) -> None:
        for layer in self.layers:
            place = layer.weights[0].place if layer.weights else None
            if place not in (None, self._place):
                raise ValueError(
                    f"layers: expected layers of no network, or of one on {self._place} as this one is, got "
                    f"{layer.name} of one on {place}; networks share layers on one device in one dtype, and "
                    "copy.deepcopy(layer) is of no network"
                )

    def build_for(self, data_shape: Shape) -> None:
        """build for movies (T,H,W,C), where the first layer has no input_shape: for as many channels, and any size."""
        if not self.built:
            with BUILDING, Locks(self.layers):
                self.build(self.input_shape or self._stack.generalised(data_shape))

    def output_shape(self, input_shape: Shape | None = None) -> Shape:
        """The output's shape without the movies' axis, for an input of this shape (default: the network's)."""
        shape = input_shape or self.input_shape
        if shape is None:
            raise ValueError("input_shape: not known yet; pass one")
        return self._stack.output_shape(shape)

    @property
    def backend(self) -> Backend:
        """What computes; the network must be built."""
        return self._built().backend

    def _built(self) -> Computation:
        if self._computation is None:
            raise ValueError("the network is not built: give the first layer input_shape, or call build() first")
        return self._computation

    @property
    def trainable_as_placed(self) -> list[bool]:
        """Of each layer, `trainable` when the network was built or compiled last, which counts until it is again."""
        return self._built().trainable

    def draw_seed(self) -> int:
        """A number from the network's own random numbers, which `seed` began."""
        return int(self._random.integers(2**63))

    def checked_pair(self, x: Array, y: Array, names: tuple[str, str] = ("x", "y")) -> tuple[Array, Array]:
        """Movies and targets (N,T,H,W,K) that fit this network and each other; a ValueError names what does not."""
        return self._stack.checked_pair(x, y, names)

    # ---------------------------------------------------------------- inference

    def predict(self, x: Array, batch_size: int | None = None, verbose: Verbose = "auto") -> Array:
        """x (N,T,H,W,C) -> the network's output (N,T,H,W,K), in inference mode.

        Args:
            batch_size: movies at a time, default 32.
            verbose: as for evaluate.
        """
        batch_size = DEFAULT_BATCH_SIZE if batch_size is None else positive_int("batch_size", batch_size)
        x = self._stack.checked_input("x", x)
        counter = Counter("predict", len(x), verbose)
        self.build_for(x.shape[1:])
        output = self._built().predict(x, batch_size, known(self._stack.output_shape(x.shape[1:])), counter.count)
        counter.close({})
        return output

    def predict_on_batch(self, x: Array) -> Array:
        """predict, for one batch."""
        return self.predict(x, batch_size=max(1, len(x)) if np.ndim(x) else 1, verbose=0)

    def rollout(self, track: Array, n_frames: int) -> Array:
        """Let the network run free: the n_frames frames that follow a track, each predicted from those before.

        Equal to predicting the growing track n_frames times, but each new frame costs one step.

        Args:
            track: (T,H,W,C), or (N,T,H,W,C) for several.
            n_frames: how many new frames.

        Returns (n_frames,H,W,C), or (N,n_frames,H,W,C).
        """
        n_frames = positive_int("n_frames", n_frames)
        array = np.asarray(track)
        movies = self._stack.checked_input("track", array[np.newaxis] if array.ndim == 4 else array)
        self.build_for(movies.shape[1:])
        predict, movies = partial(self.predict, verbose=0), movies.astype(self._dtype, copy=False)
        frames = rollout.rollout(self.layers, self._built().rollout, predict, movies, n_frames)
        return frames[0] if array.ndim == 4 else frames

    def reset_states(self) -> None:
        """Let every stateful layer begin at zero again."""
        for layer in self.layers:
            if isinstance(layer, ConvLSTM2D) and layer.stateful:
                layer.reset_states()

    # ---------------------------------------------------------------- weights, configuration, export

    @property
    def weights(self) -> list[Weight]:
        """All weights in Keras' order: layer by layer, in each layer the trained ones first."""
        return self._stack.weights

    @property
    def trainable_weights(self) -> list[Weight]:
        """The weights that have gradients, in the same order."""
        return [weight for weight in self.weights if weight.trainable]

    def count_params(self) -> int:
        """The number of weights, trained or not."""
        return sum(layer.count_params() for layer in self.layers)

    def get_weights(self) -> list[Array]:
        """Host copies of all weights, in Keras' order."""
        self.build()
        with self._built().locks:
            return [weight.to_host() for weight in self.weights]

    def set_weights(self, weights: Sequence[Array]) -> None:
        """Set all weights, in Keras' order. The optimizer's state stays."""
        self.build()
        if len(weights) != len(self.weights):
            raise ValueError(f"weights: expected {len(self.weights)} arrays, got {len(weights)}")
        for weight, array in zip(self.weights, weights, strict=True):
            if np.shape(array) != weight.shape:
                raise ValueError(f"weights: {weight.name} expects shape {weight.shape}, got {np.shape(array)}")
        with self._built().locks:
            for weight, array in zip(self.weights, weights, strict=True):
                weight.assign(np.asarray(array, dtype=self._dtype))

    def export(self, path: str | Path, graph: str = "sequence", **options: Any) -> None:
        """Write the network as ONNX: graph "sequence", "step" or "rollout"; options are export.export_network's."""
        from export import export_network

        self.build()
        with self._built().locks:
            export_network(self, path, graph=graph, **options)

    def get_config(self) -> dict[str, Any]:
        """The architecture, JSON-able."""
        return {
            "name": self.name,
            "dtype": self._dtype.name,
            "input_shape": list(self.input_shape) if self.input_shape else None,
            "layers": self._stack.get_config(),
        }


def _checked_dtype(dtype: Any) -> np.dtype[Any]:
    try:
        checked = np.dtype(dtype)
    except TypeError:
        checked = None
    if checked not in (np.float32, np.float64):
        raise ValueError(f"dtype: expected 'float32' or 'float64', got {dtype!r}")
    return checked
