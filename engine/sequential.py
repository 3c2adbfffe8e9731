"""Sequential: a stack of layers that trains, predicts, rolls out and is saved, under Keras' names."""

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from engine import losses, optimizers, rollout, summary
from engine.computation import Computation
from engine.fit import FitLoop
from engine.history import History, fit_with_progress
from engine.layer_stack import LayerStack, layers_from_config
from engine.layers import ConvLSTM2D, Layer, Weight
from engine.layers.weight import Shape, known
from engine.validation import in_range, one_of, positive_int
from kernels import Backend
from kernels.select import choose_device, open_backend

Array = np.ndarray[Any, Any]

ITERATIONS = "optimizer/iterations"
"""The name in state_arrays of the optimizer's count of updates, (1,) int64."""

_log = logging.getLogger("engine")


class Sequential:
    """A network of layers, one after the other.

    Args:
        layers: to begin with; more by add().
        device: "auto" (default: a CUDA device if there is one, else the CPU), "cpu", "cuda", "cuda:N", "reference".
        dtype: "float32" (default) or "float64" (cpu and reference).
        seed: of the initial weights and the order of batches; None draws one.
        precision: of the convolutions on CUDA: "float32" (default), "tf32" or "bfloat16" (docs/kernels.md, Precision).
        name: goes into saved files.

    Movies are NumPy arrays (N,T,H,W,C): movies, frames, height, width, channels; any dtype, cast at the door.
    """

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
        self._dtype, self._precision = np.dtype(dtype), precision
        self.seed = int(np.random.SeedSequence().generate_state(1)[0]) if seed is None else int(seed)
        self._random = np.random.default_rng(self.seed)
        self._stack = LayerStack()
        self.loss: losses.Loss | None = None
        self.optimizer: optimizers.Optimizer | None = None
        self._computation: Computation | None = None
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

    @property
    def input_shape(self) -> Shape | None:
        """(frames, height, width, channels), None where any size will do; None before it is known."""
        return self._stack.input_shape

    @property
    def built(self) -> bool:
        """Whether the weights are on the device."""
        return self._computation is not None

    def build(self, input_shape: tuple[int | None, ...] | None = None) -> None:
        """Create the weights and put them on the device; done by the first call that needs them."""
        if self.built:
            return
        self._stack.build(input_shape, self._random)
        backend = open_backend(self.device, self._dtype, self._precision)
        _log.info("%s; %s", self.device_reason, backend.description)
        self._computation = Computation(backend, self.layers, self.seed)
        self._bind_optimizer()

    def output_shape(self, input_shape: Shape | None = None) -> Shape:
        """The output's shape without the movies' axis, for an input of this shape (default: the network's)."""
        shape = input_shape or self.input_shape
        if shape is None:
            raise ValueError("input_shape: not known yet; pass one")
        return self._stack.output_shape(shape)

    def reset_states(self) -> None:
        """Let every stateful layer begin at zero again."""
        for layer in self.layers:
            if isinstance(layer, ConvLSTM2D) and layer.stateful:
                layer.reset_states()

    def compile(self, loss: Any = None, optimizer: Any = "adadelta") -> None:
        """Say what to minimise and how.

        Args:
            loss: "binary_crossentropy" (the last layer then has activation='sigmoid') or "mse".
            optimizer: "adadelta", "sgd", "adam", "adamw" or an object of engine.optimizers. Its state begins at zero.
        """
        if not self.layers:
            raise ValueError("compile: add layers first")
        self.loss = losses.get_loss(loss)
        losses.check_last_activation(self.loss, self.layers[-1].activation_name)
        self.optimizer = optimizers.get_optimizer(optimizer)
        self._place_again()
        self._bind_optimizer()

    def _place_again(self) -> None:
        """Part trained from frozen weights anew, should a layer's `trainable` have changed since the build."""
        trainable = [layer.trainable for layer in self.layers]
        if self._computation is not None and self._computation.trainable != trainable:
            state = self._computation.layer_state.arrays()
            self._computation = Computation(self._computation.backend, self.layers, self.seed)
            self._computation.layer_state.load(state)

    @property
    def backend(self) -> Backend:
        """What computes; the network must be built."""
        return self._built().backend

    def _built(self) -> Computation:
        if self._computation is None:
            raise ValueError("the network is not built: give the first layer input_shape, or call build() first")
        return self._computation

    def _bind_optimizer(self) -> None:
        if self._computation is not None and self.optimizer is not None:
            self.optimizer.bind(self._computation.backend, self._computation.parameters.layout)

    # ---------------------------------------------------------------- training

    def fit(
        self,
        x: Array,
        y: Array,
        batch_size: int = 32,
        epochs: int = 1,
        verbose: int = 1,
        validation_split: float = 0.0,
        validation_data: tuple[Array, Array] | None = None,
        shuffle: bool = True,
    ) -> History:
        """Train; returns a History with the losses of each epoch.

        Args:
            x, y: movies (N,T,H,W,C) and targets (N,T,H,W,K).
            batch_size: default 32; a last, smaller batch is trained on too.
            epochs: default 1.
            verbose: 1 (default) shows progress, 0 nothing.
            validation_split: hold out this share, the last rows, cut before any shuffling, as Keras does.
            validation_data: (x, y) to evaluate after each epoch, instead.
            shuffle: draw a new order of the movies for each epoch (default True).
        """
        self._require_compiled("fit")
        batch_size, epochs = positive_int("batch_size", batch_size), positive_int("epochs", epochs)
        one_of("verbose", verbose, [0, 1])
        x, y = self._stack.checked_pair(x, y)
        split = in_range("validation_split", validation_split, 0.0, 1.0)
        if validation_data is not None:
            validation_data = self._stack.checked_pair(
                *validation_data, names=("validation_data[0]", "validation_data[1]")
            )
        elif split:
            kept = int(len(x) * (1.0 - split))
            if not 0 < kept < len(x):
                raise ValueError(
                    f"validation_split: {split} of {len(x)} movies leaves {kept} to train on and {len(x) - kept} to "
                    "validate on; both must be at least 1"
                )
            validation_data = x[kept:], y[kept:]
            x, y = x[:kept], y[:kept]
        self.build(x.shape[1:])
        loop = FitLoop(
            self, x, y, batch_size=batch_size, epochs=epochs, validation_data=validation_data, shuffle=shuffle,
            seed=int(self._random.integers(2**63)),
        )  # fmt: skip
        return fit_with_progress(loop, len(x), epochs, show=bool(verbose))

    def train_on_batch(self, x: Array, y: Array) -> float:
        """One update on one batch; returns its loss before the update."""
        self._require_compiled("train_on_batch")
        x, y = self._stack.checked_pair(x, y)
        self.build(x.shape[1:])
        value = self.backend.zeros((1,), np.float64)
        self.train_step(self.backend.from_host(x), self.backend.from_host(y), np.arange(len(x)), value)
        return float(self.backend.to_host(value)[0])

    def train_step(self, x: Any, y: Any, rows: Array, value: Any) -> None:
        """One update, not waited for.

        x, y (N,T,H,W,C or K) and value (1,) float64, which gets the loss, are on the device; rows (B,), the movies to
        take, on the host.
        """
        loss, optimizer = self._require_compiled("train_step")
        self._built().train_step(x, y, rows, loss, value, optimizer)

    def loss_and_gradients(self, x: Array, y: Array) -> tuple[float, dict[str, Array]]:
        """The training-mode loss of a batch and its gradient by weight name, in the order of trainable_weights.

        Changes nothing in the network: BatchNormalization normalises by the batch, its averages stay.
        """
        loss, _ = self._require_compiled("loss_and_gradients")
        x, y = self._stack.checked_pair(x, y)
        self.build(x.shape[1:])
        return self._built().loss_and_gradients(x, y, loss)

    def evaluate(self, x: Array, y: Array, batch_size: int = 32) -> float:
        """The mean loss in inference mode."""
        batch_size = positive_int("batch_size", batch_size)
        self._require_compiled("evaluate")
        x, y = self._stack.checked_pair(x, y)
        self.build(x.shape[1:])
        return self.evaluate_resident(self.backend.from_host(x), self.backend.from_host(y), batch_size)

    def evaluate_resident(self, x: Any, y: Any, batch_size: int) -> float:
        """The same for arrays (N,T,H,W,C or K) that are on the device already."""
        loss, _ = self._require_compiled("evaluate")
        return self._built().evaluate(x, y, batch_size, loss)

    # ---------------------------------------------------------------- inference

    def predict(self, x: Array, batch_size: int = 32) -> Array:
        """x (N,T,H,W,C) -> the network's output (N,T,H,W,K), in inference mode."""
        batch_size = positive_int("batch_size", batch_size)
        x = self._stack.checked_input("x", x)
        self.build(x.shape[1:])
        return self._built().predict(x, batch_size, known(self._stack.output_shape(x.shape[1:])))

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
        self.build(movies.shape[1:])
        self._check_rollout(known(movies.shape[1:]))
        if rollout.can_stream(self.layers):
            frames = rollout.streaming_rollout(self.backend, self.layers, movies, n_frames)
        else:
            frames = rollout.growing_rollout(self.predict, movies.astype(self._dtype), n_frames)
        return frames[0] if array.ndim == 4 else frames

    def _check_rollout(self, movie: tuple[int, ...]) -> None:
        made = self.output_shape(movie)
        if made[-3:] != movie[1:]:
            raise ValueError(
                f"rollout: the output's frames have shape {made[-3:]} and the input's {movie[1:]}; an output frame can "
                "be the next input only if they agree"
            )
        stateful = [layer.name for layer in self.layers if isinstance(layer, ConvLSTM2D) and layer.stateful]
        if stateful and not rollout.can_stream(self.layers):
            raise ValueError(
                f"rollout: {stateful[0]} is stateful, and this network must predict its whole track again for every "
                "frame; pass stateful=False"
            )

    # ---------------------------------------------------------------- weights, configuration, files

    @property
    def weights(self) -> list[Weight]:
        """All weights in Keras' order: layer by layer, in each layer the trained ones first."""
        return self._stack.weights

    @property
    def trainable_weights(self) -> list[Weight]:
        """The weights that have gradients, in the same order."""
        return [weight for weight in self.weights if weight.trainable]

    def get_weights(self) -> list[Array]:
        """Host copies of all weights, in Keras' order."""
        self.build()
        return [weight.to_host() for weight in self.weights]

    def set_weights(self, weights: Sequence[Array]) -> None:
        """Set all weights, in Keras' order. The optimizer's state stays."""
        self.build()
        if len(weights) != len(self.weights):
            raise ValueError(f"weights: expected {len(self.weights)} arrays, got {len(weights)}")
        for weight, array in zip(self.weights, weights, strict=True):
            if np.shape(array) != weight.shape:
                raise ValueError(f"weights: {weight.name} expects shape {weight.shape}, got {np.shape(array)}")
        for weight, array in zip(self.weights, weights, strict=True):
            weight.assign(np.asarray(array, dtype=self._dtype))

    def state_arrays(self) -> dict[str, Array]:
        """Everything that training has changed, by name, on the host: weights, the optimizer's slots and iterations."""
        self.build()
        parameters, state = self._built().parameters, self._built().layer_state
        if self.optimizer is None:
            return parameters.state_arrays({}) | state.arrays()
        iterations = np.array([self.optimizer.iterations], np.int64)
        return {**parameters.state_arrays(self.optimizer.state), ITERATIONS: iterations, **state.arrays()}

    def load_state_arrays(self, state: dict[str, Array]) -> None:
        """Restore what state_arrays returned. Nothing is changed unless every name and shape fits."""
        self.build()
        parameters, layer_state, optimizer = self._built().parameters, self._built().layer_state, self.optimizer
        of_layers, rest = layer_state.split(state)
        if optimizer is None:
            parameters.load_state_arrays(rest, {})
        else:
            iterations = rest.pop(ITERATIONS, None)
            if iterations is None or iterations.shape != (1,) or iterations[0] < 0:
                raise ValueError(f"state: expected the optimizer's count of updates as {ITERATIONS}, got {iterations}")
            parameters.load_state_arrays(rest, optimizer.state)
            optimizer.iterations = int(iterations[0])
        layer_state.load(of_layers)

    def get_config(self) -> dict[str, Any]:
        """The architecture and what compile was given, JSON-able."""
        return {
            "name": self.name,
            "dtype": self._dtype.name,
            "input_shape": list(self.input_shape) if self.input_shape else None,
            "layers": self._stack.get_config(),
            "loss": self.loss.name if self.loss else None,
            "optimizer": self.optimizer.get_config() if self.optimizer else None,
        }

    @classmethod
    def from_config(
        cls, config: dict[str, Any], device: str = "auto", dtype: Any = None, **kwargs: Any
    ) -> "Sequential":
        """A network, with fresh weights, from what get_config returned; dtype None is the config's own."""
        layers = layers_from_config(config["layers"], config["input_shape"])
        network = cls(layers, device=device, dtype=dtype or config["dtype"], name=config["name"], **kwargs)
        if config["loss"] is not None:
            network.compile(loss=config["loss"], optimizer=config["optimizer"])
        return network

    def save(self, path: str | Path) -> None:
        """Write architecture and weights to one file; engine.load_model reads it.

        Args:
            path: .safetensors; or .keras or .h5 for Keras 3 or 2 (docs/keras.md), with the optimizer's state. A path
                that ends in .weights.h5 gets weights alone, as save_weights writes them.
        """
        from engine.model_file import save_model

        if str(path).endswith(".weights.h5"):
            self.save_weights(path)
            return
        self.build()
        save_model(self, path)

    def save_weights(self, path: str | Path) -> None:
        """Write weights alone for Keras: .weights.h5 in Keras 3's layout, any other .h5 in Keras 2's."""
        from engine.keras_files import write_weights

        self.build()
        write_weights(self, Path(path))

    def load_weights(self, path: str | Path) -> None:
        """Set all weights from a Keras file, .weights.h5, .h5 or .keras, by order; its architecture is not read.

        Adadelta's accumulators are restored too, where the file has them and this network is compiled, as Keras 3 does.

        Raises ValueError: the file is damaged or foreign, or its arrays do not fit these layers.
        """
        from engine.keras_files import read_weights

        read_weights(self, Path(path))

    def export(self, path: str | Path, graph: str = "sequence", **options: Any) -> None:
        """Write the network as ONNX: graph "sequence", "step" or "rollout"; options are export.export_network's."""
        from export import export_network

        self.build()
        export_network(self, path, graph=graph, **options)

    def summary(self) -> None:
        """Print the layers, their output shapes and their numbers of weights."""
        self.build()
        print(summary.table(self))

    # ---------------------------------------------------------------- checks

    def _require_compiled(self, what: str) -> tuple[losses.Loss, optimizers.Optimizer]:
        if self.loss is None or self.optimizer is None:
            raise ValueError(f"{what}: call compile(loss=..., optimizer=...) first")
        return self.loss, self.optimizer
