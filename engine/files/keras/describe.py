"""Write a network's description in Keras' words: the JSON of a .keras (Keras 3) or of a .h5 (Keras 2)."""

from typing import Any

from engine.files.keras.compile_arguments import compile_config, is_late
from engine.files.keras.gates import HARD_SIGMOID_OF_KERAS
from engine.files.keras.rules import described
from engine.files.keras.time_padding import causal_padding
from engine.graph.description import Description
from engine.layers import Conv3D, ConvLSTM2D, Layer

Config = dict[str, Any]

_MODULES = {"initializer": "keras.initializers", "regularizer": "keras.regularizers", "constraint": "keras.constraints"}
_ONLY_IN_KERAS_3 = ("seed",)
_ONLY_IN_TF_KERAS = {"groups": 1}
"""Arguments that Keras 2.3 has not are left out of its files where they say what it does anyway."""


def describe(network: Description, keras: int) -> Config:
    """The model's description, without what compile was given.

    Raises ValueError: Keras 3 cannot build a ConvLSTM2D without the height and width of its frames.
    """
    shape = [_batch_size(network), *(network.input_shape or ())]
    recurrent = any(isinstance(layer, ConvLSTM2D) for layer in network.layers)
    if keras == 3 and recurrent and None in shape[2:]:
        raise ValueError(
            "input_shape: Keras 3 builds a ConvLSTM2D for one height and width only, and this network's are None; give "
            "the first layer input_shape=(None, height, width, channels), or save a .h5 for Keras 2"
        )
    dtype = network.dtype
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


def describe_training(network: Description) -> Config | None:
    """What compile was given, in Keras 2's words; None if the network is not compiled."""
    config = compile_config(network)
    if config is None:
        return None
    optimizer = config["optimizer"]
    arguments = {key: value for key, value in optimizer["config"].items() if key != "name"}
    prefix = "Custom>" if network.optimizer is not None and is_late(network.optimizer) else ""
    return {
        "optimizer_config": {"class_name": prefix + optimizer["class_name"], "config": arguments},
        "loss": config["loss"],
        "metrics": [],
        "sample_weight_mode": None,
        "loss_weights": None,
    }


def _batch_size(network: Description) -> int | None:
    """Known where the first layer was told, as stateful layers need it."""
    return network.layers[0].batch_size if network.layers else None


def written_layers(network: Description) -> list[tuple[str, str]]:
    """(class, name) of the layers as Keras will have them, those without weights included."""
    return [
        (entry["class_name"], entry["config"]["name"])
        for layer in network.layers
        for entry in _entries(layer, 3, "float32")
    ]


def _entries(layer: Layer, keras: int, dtype: str) -> list[Config]:
    """A layer as Keras has it; a causal Conv3D is two layers there."""
    config = {"name": layer.name, "trainable": True, "dtype": dtype}
    for argument, value in layer.get_config().items():
        if keras == 2 and (argument in _ONLY_IN_KERAS_3 or value == _ONLY_IN_TF_KERAS.get(argument, ...)):
            continue
        kind = argument.split("_")[-1]
        if kind in _MODULES:
            found = described(argument, value, keras)
            config[argument] = None if found is None else _entry(*found, keras, _MODULES[kind])
        elif kind == "activation":
            config[argument] = _activation(layer, argument, value, keras)
        else:
            config[argument] = value
    if not (isinstance(layer, Conv3D) and layer.padding == "causal"):
        return [_entry(type(layer).__name__, config, keras)]
    if max(layer.strides[1:]) > 1:
        raise ValueError(
            f"layer {layer.name!r}: padding='causal' with strides {layer.strides} in height or width has no "
            "counterpart in Keras for frames of any size; save .safetensors"
        )
    zeros = {
        "name": f"{layer.name}_causal_padding",
        "trainable": True,
        "dtype": dtype,
        "padding": causal_padding(config),
        "data_format": layer.data_format,
    }
    return [_entry("ZeroPadding3D", zeros, keras), _entry("Conv3D", {**config, "padding": "valid"}, keras)]


def _activation(layer: Layer, argument: str, value: str, keras: int) -> str:
    """Keras' name; of a gate whose function Keras has not, gates.py scales the weights."""
    if value not in HARD_SIGMOID_OF_KERAS.values():
        return value
    if argument == "activation" and value != HARD_SIGMOID_OF_KERAS[keras]:
        raise ValueError(
            f"layer {layer.name!r}: Keras {keras} has no activation {value!r} by name; save for the other Keras "
            "(.keras is for 3, .h5 for 2), or .safetensors"
        )
    return "hard_sigmoid"


def _entry(kind: str, config: Any, keras: int, module: str = "keras.layers") -> Config:
    if keras == 2:
        return {"class_name": kind, "config": config}
    return {"module": module, "class_name": kind, "config": config, "registered_name": None}
