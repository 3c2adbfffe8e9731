"""Write a network's description in Keras' words: the JSON of a .keras (Keras 3) or of a .h5 (Keras 2)."""

from typing import Any

from engine.keras_files.compile_arguments import compile_config
from engine.keras_files.gates import HARD_SIGMOID_OF_KERAS
from engine.keras_files.time_padding import causal_padding
from engine.layers import Conv3D, ConvLSTM2D, Layer
from engine.sequential import Sequential

Config = dict[str, Any]

_INITIALIZERS: dict[str, tuple[str, Config]] = {
    "glorot_uniform": ("VarianceScaling", {"scale": 1.0, "mode": "fan_avg", "distribution": "uniform", "seed": None}),
    "orthogonal": ("Orthogonal", {"gain": 1.0, "seed": None}),
    "zeros": ("Zeros", {}),
    "ones": ("Ones", {}),
}
"""By class names that every Keras has (glorot_uniform is a class of its own only in later ones)."""


def describe(network: Sequential, keras: int) -> Config:
    """The model's description, without what compile was given.

    Raises ValueError: Keras 3 cannot build a ConvLSTM2D without the height and width of its frames.
    """
    frames, height, width, channels = network.input_shape or (None, None, None, None)
    recurrent = any(isinstance(layer, ConvLSTM2D) for layer in network.layers)
    if keras == 3 and recurrent and (height is None or width is None):
        raise ValueError(
            "input_shape: Keras 3 builds a ConvLSTM2D for one height and width only, and this network's are None; give "
            "the first layer input_shape=(None, height, width, channels), or save a .h5 for Keras 2"
        )
    shape = [None, frames, height, width, channels]
    dtype = network.get_config()["dtype"]
    entries = [entry for layer in network.layers for entry in _entries(layer, keras, dtype)]
    key = "batch_shape" if keras == 3 else "batch_input_shape"
    entries.insert(0, _entry("InputLayer", {key: shape, "dtype": dtype, "sparse": False, "name": "input_layer"}, keras))
    config: Config = {"name": network.name, "layers": entries}
    if keras == 2:
        return {"class_name": "Sequential", "config": config}
    config |= {"trainable": True, "dtype": dtype, "build_input_shape": shape}
    return {
        "module": "keras",
        "class_name": "Sequential",
        "config": config,
        "registered_name": None,
        "build_config": {"input_shape": shape},
        "compile_config": compile_config(network),
    }


def describe_training(network: Sequential) -> Config | None:
    """What compile was given, in Keras 2's words; None if the network is not compiled."""
    config = compile_config(network)
    if config is None:
        return None
    arguments = {key: value for key, value in config["optimizer"]["config"].items() if key != "name"}
    return {
        "optimizer_config": {"class_name": "Adadelta", "config": arguments},
        "loss": config["loss"],
        "metrics": [],
        "sample_weight_mode": None,
        "loss_weights": None,
    }


def written_layers(network: Sequential) -> list[tuple[str, str]]:
    """(class, name) of the layers as Keras will have them, those without weights included."""
    return [
        (entry["class_name"], entry["config"]["name"]) for layer in network.layers for entry in _entries(layer, 3, "")
    ]


def _entries(layer: Layer, keras: int, dtype: str) -> list[Config]:
    """A layer as Keras has it; a causal Conv3D is two layers there."""
    config = {**layer.get_config(), "name": layer.name, "trainable": True, "dtype": dtype}
    for argument, value in config.items():
        if argument.endswith("initializer"):
            kind, arguments = _INITIALIZERS[value]
            config[argument] = _entry(kind, dict(arguments), keras, "keras.initializers")
        if value in HARD_SIGMOID_OF_KERAS.values():
            config[argument] = "hard_sigmoid"
    if not (isinstance(layer, Conv3D) and layer.padding == "causal"):
        return [_entry(type(layer).__name__, config, keras)]
    zeros = {
        "name": f"{layer.name}_causal_padding",
        "trainable": True,
        "dtype": dtype,
        "padding": causal_padding(layer.kernel_size),
        "data_format": "channels_last",
    }
    return [_entry("ZeroPadding3D", zeros, keras), _entry("Conv3D", {**config, "padding": "valid"}, keras)]


def _entry(kind: str, config: Config, keras: int, module: str = "keras.layers") -> Config:
    if keras == 2:
        return {"class_name": kind, "config": config}
    return {"module": module, "class_name": kind, "config": config, "registered_name": None}
