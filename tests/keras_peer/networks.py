"""The same networks here, in Keras 3 and in Keras 2, with the same weights and the same batches."""

import os
from dataclasses import dataclass
from typing import Any

os.environ["KERAS_BACKEND"] = "tensorflow"
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
import tf_keras

import engine

Array = np.ndarray[Any, Any]
KERAS = {3: keras, 2: tf_keras}
GATES = {2: {"hard_sigmoid": "hard_sigmoid", "sigmoid": "sigmoid"},
         3: {"hard_sigmoid_keras3": "hard_sigmoid", "sigmoid": "sigmoid"}}  # fmt: skip
"""Engine's gates that a Keras of this major version has by name, and that name."""


@dataclass(frozen=True)
class Network:
    """One architecture: the engine's layer arguments, the movies' shape (N,T,H,W,C), loss and Adadelta's arguments."""

    name: str
    layers: list[tuple[str, dict[str, Any]]]
    movies: tuple[int, int, int, int, int]
    loss: str
    adadelta: dict[str, float]

    def gates(self) -> set[str]:
        """All recurrent activations in it."""
        return {arguments["recurrent_activation"] for kind, arguments in self.layers if kind == "ConvLSTM2D"}

    def here(self, dtype: str = "float32") -> engine.Sequential:
        """In the engine."""
        network = engine.Sequential(device="reference", dtype=dtype, seed=1)
        for number, (kind, arguments) in enumerate(self.layers):
            shape = {"input_shape": (None, *self.movies[2:])} if number == 0 else {}
            network.add(getattr(engine, kind)(**arguments, **shape))
        network.compile(loss=self.loss, optimizer=engine.Adadelta(**self.adadelta))
        network.build()
        return network

    def in_keras(self, version: int) -> Any:
        """In Keras 3 or 2; its gates must be among GATES[version]."""
        layers = KERAS[version].layers
        model = KERAS[version].Sequential()
        for number, (kind, given) in enumerate(self.layers):
            arguments = dict(given)
            if "recurrent_activation" in arguments:
                arguments["recurrent_activation"] = GATES[version][arguments["recurrent_activation"]]
            shape = {"input_shape": (None, *self.movies[2:])} if number == 0 else {}
            if arguments.get("padding") == "causal":
                kt, kh, kw = arguments["kernel_size"]
                model.add(layers.ZeroPadding3D(((kt - 1, 0), (kh // 2,) * 2, (kw // 2,) * 2), **shape))
                arguments, shape = {**arguments, "padding": "valid"}, {}
            model.add(getattr(layers, kind)(**arguments, **shape))
        model.compile(loss=self.loss, optimizer=KERAS[version].optimizers.Adadelta(**self.adadelta))
        return model

    def data(self) -> tuple[Array, Array]:
        """Movies and targets, float32."""
        random = np.random.default_rng(5)
        x = random.random(self.movies).astype(np.float32)
        channels = next(arguments["filters"] for _, arguments in reversed(self.layers) if "filters" in arguments)
        y = random.random((*self.movies[:4], channels))
        return x, (y > 0.6 if self.loss == "binary_crossentropy" else y).astype(np.float32)


def random_network(number: int, gates: list[str]) -> Network:
    """A network over what the engine offers: kernels, filters, heads, losses, sizes."""
    random = np.random.default_rng([7, number])
    odd = lambda: int(random.choice([1, 3, 5]))  # noqa: E731
    layers: list[tuple[str, dict[str, Any]]] = []
    for _ in range(int(random.integers(1, 4))):
        arguments = {
            "filters": int(random.integers(1, 5)),
            "kernel_size": (odd(), odd()),
            "padding": "same",
            "return_sequences": True,
            "recurrent_activation": str(random.choice(gates)),
        }
        layers.append(("ConvLSTM2D", arguments))
        if random.random() < 0.7:
            numbers = {"momentum": float(random.choice([0.9, 0.99])), "epsilon": float(random.choice([1e-3, 1e-2]))}
            layers.append(("BatchNormalization", numbers))
    loss = str(random.choice(["binary_crossentropy", "mse"]))
    head = {
        "filters": int(random.integers(1, 3)),
        "kernel_size": (int(random.integers(1, 4)), odd(), odd()),
        "padding": str(random.choice(["same", "causal"])),
        "activation": "sigmoid" if loss == "binary_crossentropy" else str(random.choice(["linear", "tanh", "sigmoid"])),
    }
    layers.append(("Conv3D", head))
    movies = (2, int(random.integers(1, 5)), int(random.integers(3, 7)), int(random.integers(3, 7)), odd())
    adadelta = {"learning_rate": float(random.choice([0.5, 1.0])), "rho": 0.9, "epsilon": 1e-6}
    return Network(f"random {number}", layers, movies, loss, adadelta)
