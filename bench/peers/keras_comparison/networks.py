"""Random networks over the arguments of the layers, written down as data, each reproducible by its number.

Needs nothing but NumPy: this module is read in the peers' Python and in the project's.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from kernels.arrays import HostArray

Config = dict[str, Any]
Random = np.random.Generator

GATES = {2: ("hard_sigmoid", "sigmoid"), 3: ("hard_sigmoid_keras3", "sigmoid")}
"""The engine's names of the gates that a Keras of this major version has by name."""

ACTIVATIONS = ("tanh", "sigmoid", "relu", "linear", "hard_sigmoid", "hard_sigmoid_keras3")


@dataclass(frozen=True)
class Network:
    """One architecture.

    Attributes:
        layers: class_name and arguments of each, in the terms of bench/peers/keras_comparison/in_keras.py.
        movies: whole shape of the input, channels where data_format has them.
        output: shape of the output.
        loss: by name.
        optimizer: {"class_name", ...arguments}.
        keras: major version of the Keras that it is compared with.
    """

    number: int
    layers: list[Config]
    movies: tuple[int, ...]
    output: tuple[int, ...]
    loss: str
    optimizer: Config
    keras: int

    def has(self, argument: str) -> bool:
        """Whether some layer asks for it."""
        return any(layer.get(argument) for layer in self.layers)

    def data(self) -> tuple[HostArray, HostArray]:
        """Movies and targets, float32."""
        random = np.random.default_rng([5, self.number])
        x = random.random(self.movies).astype(np.float32)
        y = random.random(self.output)
        return x, (y > 0.6 if self.loss == "binary_crossentropy" else y).astype(np.float32)

    def weights(self, names_and_shapes: list[tuple[str, tuple[int, ...]]]) -> list[HostArray]:
        """Initial weights, float32: kernels of Glorot's size, nothing zero, one or symmetric."""
        random = np.random.default_rng([6, self.number])
        return [initial_weight(name, shape, random) for name, shape in names_and_shapes]


def initial_weight(name: str, shape: tuple[int, ...], random: Random, scale: float = 1.0) -> HostArray:
    """A weight by the last part of its name; kernels of Glorot's size times `scale`."""
    if len(shape) > 1:
        fans = np.prod(shape[:-2]) * (shape[-2] + shape[-1])
        weight = random.normal(0.0, scale * np.sqrt(2.0 / fans), shape)
    elif name.rsplit("/", maxsplit=1)[-1].removesuffix(":0") in {"gamma", "moving_variance"}:
        weight = random.uniform(0.5, 1.5, shape)
    else:
        weight = random.normal(0.0, 0.3, shape)
    return weight.astype(np.float32)


def output_sizes(sizes: list[int], window: Config) -> list[int]:
    """The sizes that come out of a convolution, by TensorFlow's rule."""
    taken = zip(sizes, window["kernel_size"], window["dilation_rate"], window["strides"], strict=True)
    lost = 0 if window["padding"] == "same" else 1
    return [-(-(n - lost * d * (k - 1)) // s) for n, k, d, s in taken]


def random_network(number: int) -> Network:
    """Any network that Keras and the engine both offer; every fifth is for Keras 2."""
    return _Draw(number, 2 if number % 5 == 4 else 3).network()


class _Draw:
    """The dice of one network, and the shape that its movies have so far.

    With channels first, ConvLSTM2D has movies (N,T,C,H,W) and Conv3D (N,C,T,H,W): such a network has only one of them.
    """

    def __init__(self, number: int, keras: int) -> None:
        self.number, self.keras = number, keras
        self.random = np.random.default_rng([7, number])
        # without a GPU, tf_keras has no convolution with channels first
        self.first = keras == 3 and self.chance(0.2)
        self.kinds = (
            self.one((("ConvLSTM2D",), ("ConvLSTM2D",), ("Conv3D",))) if self.first else ("ConvLSTM2D", "Conv3D")
        )
        self.batch, self.frames = self.whole(1, 2), self.whole(1, 4)
        self.size, self.channels = [self.whole(3, 8), self.whole(3, 8)], self.whole(1, 3)
        self.sequence = True
        self.dropped = False

    def chance(self, share: float) -> bool:
        return bool(self.random.random() < share)

    def whole(self, low: int, high: int) -> int:
        return int(self.random.integers(low, high + 1))

    def one(self, choices: Any) -> Any:
        return choices[self.whole(0, len(choices) - 1)]

    def network(self) -> Network:
        movies = self.shape()
        layers: list[Config] = []
        for _ in range(self.whole(1, 3)):
            if self.sequence:
                layers += self.block()
        if self.sequence and "Conv3D" in self.kinds and self.chance(0.7):
            layers.append(self.conv3d())
        if not any(layer.get("trainable", True) for layer in layers):
            del layers[-1]["trainable"]
        loss = "mse"
        if layers[-1].get("activation") == "sigmoid" and layers[-1]["class_name"] == "Conv3D":
            loss = self.one(("binary_crossentropy", "mse"))
        return Network(self.number, layers, movies, self.shape(), loss, self.optimizer(), self.keras)

    def shape(self) -> tuple[int, ...]:
        sizes = [self.frames, *self.size] if self.sequence else list(self.size)
        sizes.insert(self.channel_axis() - 1, self.channels)
        return self.batch, *sizes

    def channel_axis(self) -> int:
        if not self.first:
            return 4 if self.sequence else 3
        return 2 if self.sequence and "ConvLSTM2D" in self.kinds else 1

    def block(self) -> list[Config]:
        recurrent = "ConvLSTM2D" in self.kinds and (len(self.kinds) == 1 or self.chance(0.75))
        layers = [self.conv_lstm() if recurrent else self.conv3d()]
        if self.chance(0.5):
            layers.append(self.batch_norm())
        return layers

    def common(self, of: tuple[str, ...]) -> Config:
        """Arguments that do not change a shape."""
        arguments: Config = {"data_format": "channels_first"} if self.first else {}
        if self.chance(0.25):
            arguments["use_bias"] = False
        if self.chance(0.1):
            arguments["trainable"] = False
        # Keras 2 counts the penalties of frozen weights in the loss, Keras 3 and the engine do not
        penalised = self.keras == 3 or arguments.get("trainable", True)
        for name in of:
            if self.chance(0.12) and penalised:
                factors = {"l1": self.one((1 / 1024, 1 / 128)), "l2": self.one((1 / 1024, 1 / 128))}
                kind = self.one(("L1", "L2", "L1L2"))
                config = {key: value for key, value in factors.items() if key.upper() in kind}
                arguments[f"{name}_regularizer"] = {"class_name": kind, "config": config}
            if self.chance(0.12):
                arguments[f"{name}_constraint"] = self.constraint(name)
        return arguments

    def constraint(self, of: str) -> Config:
        axis: Any = 0 if of in ("bias", "gamma", "beta") or self.chance(0.3) else [0, 1, 2]
        return self.one(
            (
                {"class_name": "MaxNorm", "config": {"max_value": 0.5, "axis": axis}},
                {"class_name": "NonNeg", "config": {}},
                {"class_name": "UnitNorm", "config": {"axis": axis}},
                {"class_name": "MinMaxNorm", "config": {"min_value": 0.3, "max_value": 0.9, "rate": 0.8, "axis": axis}},
            )
        )

    def window(self, sizes: list[int]) -> tuple[Config, list[int]]:
        """Kernel, strides, dilation and padding that fit axes of these sizes, and the sizes that come out."""
        kernel = [self.whole(1, min(5, n)) for n in sizes]
        strides, dilation = [1] * len(sizes), [1] * len(sizes)
        what = self.random.random()
        padding = self.one(("same", "same", "valid"))
        if what < 0.25:
            strides = [self.whole(1, 3) for _ in sizes]
        elif what < 0.45:
            dilation = [self.whole(1, 3) for _ in sizes]
        if padding == "valid":
            for axis, n in enumerate(sizes):
                if dilation[axis] * (kernel[axis] - 1) >= n:
                    dilation[axis] = 1
        window = {"kernel_size": kernel, "strides": strides, "dilation_rate": dilation, "padding": padding}
        return window, output_sizes(sizes, window)

    def conv_lstm(self) -> Config:
        window, self.size = self.window(self.size)
        self.channels = self.whole(1, 4)
        arguments = {"class_name": "ConvLSTM2D", "filters": self.channels, **window}
        plain = self.chance(0.5)
        arguments["activation"] = "tanh" if plain else self.one(ACTIVATIONS)
        gates = ("sigmoid", "hard_sigmoid", "hard_sigmoid_keras3")
        arguments["recurrent_activation"] = self.one(gates if plain or self.chance(0.6) else ACTIVATIONS)
        if self.keras == 3 and not self.dropped and self.chance(0.15):
            self.dropped = True
            arguments |= {"dropout": self.one((0.0, 0.3)), "recurrent_dropout": 0.25}
        self.sequence = self.chance(0.8)
        arguments["return_sequences"] = self.sequence
        arguments["go_backwards"] = self.chance(0.2)
        arguments["stateful"] = self.chance(0.1)
        return arguments | self.common(("kernel", "recurrent", "bias"))

    def batch_norm(self) -> Config:
        rank = 5 if self.sequence else 4
        axis = self.whole(1, rank - 1) if self.chance(0.2) else self.channel_axis()
        numbers = {"momentum": self.one((0.75, 0.9375)), "epsilon": self.one((1e-3, 1e-2))}
        given = self.common(("gamma", "beta"))
        given = {key: value for key, value in given.items() if key not in ("data_format", "use_bias")}
        switches = {"center": self.chance(0.8), "scale": self.chance(0.8)}
        return {
            "class_name": "BatchNormalization",
            "axis": self.one((axis, axis - rank)),
            **numbers,
            **switches,
            **given,
        }

    def conv3d(self) -> Config:
        sizes = [self.frames, *self.size]
        window, _ = self.window(sizes)
        if window["padding"] == "same":
            # TensorFlow's float64 kernel errs where a stride skips inputs altogether; its float32 one does not
            pairs = zip(window["strides"], window["kernel_size"], strict=True)
            window["strides"] = [min(stride, size) for stride, size in pairs]
        self.frames, *self.size = output_sizes(sizes, window)
        groups = self.whole(1, 3) if self.keras == 3 and self.chance(0.25) else 1
        groups = groups if self.channels % groups == 0 else 1
        self.channels = groups * self.whole(1, 2)
        arguments = {"class_name": "Conv3D", "filters": self.channels, **window, "groups": groups}
        if window["padding"] == "same" and max(window["strides"]) == 1 and self.chance(0.3):
            arguments["padding"] = "causal"  # by explicit zeros in Keras, which need the strides to be 1
        arguments["activation"] = self.one((*ACTIVATIONS, "sigmoid"))
        arguments |= self.common(("kernel", "bias"))
        if self.first and self.size[-1] == self.channels:
            # Keras 3.15 on TensorFlow then adds the bias along the last axis
            arguments["use_bias"] = False
        return arguments

    def optimizer(self) -> Config:
        """One whose steps do not turn on the sign of a gradient that is zero but for rounding."""
        return self.one(
            (
                {"class_name": "Adadelta", "learning_rate": 1.0, "rho": 0.9, "epsilon": 1e-6},
                {"class_name": "SGD", "learning_rate": 0.1},
                {"class_name": "SGD", "learning_rate": 0.1, "momentum": 0.9, "nesterov": self.chance(0.5)},
                {"class_name": "Adam", "learning_rate": 0.01, "epsilon": 1e-2, "amsgrad": self.chance(0.3)},
                {"class_name": "AdamW", "learning_rate": 0.01, "epsilon": 1e-2, "weight_decay": 0.01},
            )
        )
