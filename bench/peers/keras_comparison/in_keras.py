"""Networks, written down as data, built in Keras 3 or in Keras 2 (tf-keras).

A layer is a dictionary: "class_name", and Keras' arguments under Keras' names, JSON-able. Two things are said in the
engine's words, for the two Kerases have no common ones: activations (hard_sigmoid is Keras 2's function,
hard_sigmoid_keras3 that of Keras 3), and padding="causal" of a Conv3D.
"""

import os
from collections.abc import Callable
from typing import Any

os.environ["KERAS_BACKEND"] = "tensorflow"
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import tensorflow as tf
import tf_keras

Config = dict[str, Any]
KERAS = {3: keras, 2: tf_keras}
VERSIONS = {
    3: f"keras {keras.__version__}, tensorflow {tf.__version__}",
    2: f"tf_keras {tf_keras.__version__}, tensorflow {tf.__version__}",
}
NAMES = {2: {"hard_sigmoid": "hard_sigmoid"}, 3: {"hard_sigmoid_keras3": "hard_sigmoid"}}
"""Name of each hard sigmoid in a Keras of this major version, which has only one of the two."""


def convolve_channels_first_on_cpu() -> None:
    """Let Keras 3 convolve frames with channels first, which TensorFlow does on a GPU only: between two transpositions.

    (With three spatial axes Keras goes through XLA by itself.)
    """
    original = keras.src.backend.nn.conv

    def conv(
        x: Any, kernel: Any, strides: Any = 1, padding: str = "valid", data_format: Any = None, dilation_rate: Any = 1
    ) -> Any:
        if data_format != "channels_first" or len(x.shape) != 4:
            return original(x, kernel, strides, padding, data_format, dilation_rate)
        last = tf.transpose(x, (0, 2, 3, 1))
        return tf.transpose(original(last, kernel, strides, padding, "channels_last", dilation_rate), (0, 3, 1, 2))

    keras.src.backend.nn.conv = conv


def hard_sigmoid_keras2(x: Any) -> Any:
    """clip(0.2 x + 0.5, 0, 1)."""
    return tf.clip_by_value(0.2 * x + 0.5, 0.0, 1.0)


def hard_sigmoid_keras3(x: Any) -> Any:
    """clip(x/6 + 0.5, 0, 1), as Keras 3 computes it."""
    return tf.nn.relu6(x + 3.0) / 6.0


_BY_HAND = {"hard_sigmoid": hard_sigmoid_keras2, "hard_sigmoid_keras3": hard_sigmoid_keras3}


def activation(name: Any, version: int) -> str | Callable[[Any], Any] | None:
    """An activation in this Keras: its own where it has that function, a layer, else one written by hand."""
    if isinstance(name, dict):
        made: Callable[[Any], Any] = getattr(KERAS[version].layers, name["class_name"])(**name["config"])
        return made
    if name in _BY_HAND:
        return NAMES[version].get(name, _BY_HAND[name])
    return name


def keras_layers(layers: list[Config], version: int) -> list[Any]:
    """Keras' layers; a causal Conv3D becomes two."""
    made = []
    for given in layers:
        arguments = dict(given)
        kind = arguments.pop("class_name")
        for argument in ("activation", "recurrent_activation"):
            if argument in arguments:
                arguments[argument] = activation(arguments[argument], version)
        if arguments.get("padding") == "causal":
            made.append(_zeros_before(arguments, version))
            arguments["padding"] = "valid"
        # Keras 3 freezes a ConvLSTM2D, whose weights are its cell's, by the attribute only, not by the argument
        trainable = arguments.pop("trainable", True)
        made.append(getattr(KERAS[version].layers, kind)(**arguments))
        made[-1].trainable = trainable
    return made


def _zeros_before(arguments: Config, version: int) -> Any:
    """What 'causal' puts around a movie: zeros before it, and around each frame as for 'same'. Stride 1 only."""
    dilation = _triple(arguments.get("dilation_rate", 1))
    reach = [rate * (size - 1) for rate, size in zip(dilation, _triple(arguments["kernel_size"]), strict=True)]
    padding = ((reach[0], 0), *((total // 2, total - total // 2) for total in reach[1:]))
    return KERAS[version].layers.ZeroPadding3D(padding, data_format=arguments.get("data_format"))


def _triple(value: Any) -> tuple[int, ...]:
    return (value,) * 3 if isinstance(value, int) else tuple(value)


def sequential(layers: list[Config], batch_shape: tuple[int | None, ...], version: int) -> Any:
    """A Sequential, built, not compiled; the movies' whole shape, None where any size will do."""
    library = KERAS[version]
    first = library.Input(batch_shape=batch_shape)
    return library.Sequential([first, *keras_layers(layers, version)])
