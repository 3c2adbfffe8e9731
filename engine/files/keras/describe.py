"""Write a network's description in Keras' words: the JSON of a .keras (Keras 3) or of a .h5 (Keras 2)."""

from typing import Any

from engine.files.keras.compile_arguments import compile_config, is_late
from engine.files.keras.forms import form_of
from engine.files.keras.gates import HARD_SIGMOID_OF_KERAS
from engine.files.keras.rules import described
from engine.graph.description import Description
from engine.layers import Layer
from engine.layers.activation.layer_of import layer_of
from engine.layers.keras_form import KerasForm
from kernels.activations import SOFTMAX, Activation, parsed

Config = dict[str, Any]

_MODULES = {"initializer": "keras.initializers", "regularizer": "keras.regularizers", "constraint": "keras.constraints"}

_UNKNOWN_TO_KERAS = (*HARD_SIGMOID_OF_KERAS.values(), "gelu_tanh")
"""Activations that no Keras, or another one, has by name."""

_BY_NAME_SINCE = {"leaky_relu": 3, "clipped_relu": 4}
"""By activation, the first major version that has it by name and not as a layer alone."""

_OLD_NAMES = {"silu": "swish"}
"""Keras 2's names for what Keras 3 calls otherwise."""


def describe(network: Description, keras: int) -> Config:
    """The model's description, without what compile was given.

    Raises ValueError: Keras 3 cannot build a ConvLSTM2D without the height and width of its frames.
    """
    shape = [_batch_size(network), *(network.input_shape or ())]
    fixed = next((form for layer in network.layers if (form := form_of(layer)).one_frame_size), None)
    if keras == 3 and fixed is not None and None in shape[2:]:
        raise ValueError(
            f"input_shape: Keras 3 builds a {fixed.class_name} for one height and width only, and this network's are "
            "None; give the first layer input_shape=(None, height, width, channels), or save a .h5 for Keras 2"
        )
    dtype = network.dtype
    entries = [
        _entry(form.class_name, arguments, keras, form.module)
        for layer in network.layers
        for form, arguments in _as_keras(layer, keras, dtype)
    ]
    key = "batch_shape" if keras == 3 else "batch_input_shape"
    first = {key: shape, "dtype": dtype, "sparse": False, "name": "input_layer"}
    entries.insert(0, _entry("InputLayer", first, keras, "keras.layers"))
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
    return network.graph.batch_size


def written_layers(network: Description) -> list[tuple[KerasForm, str, bool]]:
    """The layers as Keras 3 will have them, with their names, and whether one has the weights of a layer here."""
    found = []
    for layer in network.layers:
        *parts, whole = _as_keras(layer, 3, "float32")
        found += [(form, arguments["name"], False) for form, arguments in parts]
        found.append((whole[0], whole[1]["name"], True))
    return found


def _as_keras(layer: Layer, keras: int, dtype: str) -> list[tuple[KerasForm, Config]]:
    """A layer as Keras has it, where it may be several."""
    form = form_of(layer)
    config = {"name": layer.name, "trainable": True, "dtype": dtype}
    old_names = {new: old for old, new in form.renamed_in_2.items()} if keras == 2 else {}
    for argument, value in layer.get_config().items():
        if keras < form.since.get(argument, 0) or (keras == 2 and value == form.implied.get(argument, ...)):
            continue
        kind = argument.split("_")[-1]
        if kind in _MODULES:
            found = described(argument, value, keras)
            config[argument] = None if found is None else _entry(*found, keras, _MODULES[kind])
        elif kind == "activation":
            config[argument] = _activation(layer, argument, value, keras, dtype)
        else:
            config[old_names.get(argument, argument)] = value
    return layer.to_keras(config)


def _activation(layer: Layer, argument: str, value: Activation, keras: int, dtype: str) -> Any:
    """Keras' name, or a layer for it; gates.py scales the weights of gates whose function Keras has not."""
    if value == SOFTMAX:
        return value
    if value in HARD_SIGMOID_OF_KERAS.values() and (
        argument == form_of(layer).gate_argument or value == HARD_SIGMOID_OF_KERAS[keras]
    ):
        return "hard_sigmoid"
    if value in _UNKNOWN_TO_KERAS:
        raise ValueError(
            f"layer {layer.name!r}: Keras {keras} has no activation {value!r} by name; save for the other Keras "
            "(.keras is for 3, .h5 for 2), or .safetensors"
        )
    taken_apart = parsed(value)
    by_name = value == taken_apart.name and keras >= _BY_NAME_SINCE.get(value, 0)
    if by_name:
        return _OLD_NAMES.get(value, value) if keras == 2 else value
    form, config = _as_keras(layer_of(value), keras, dtype)[-1]
    return _entry(form.class_name, config, keras, form.module)


def _entry(kind: str, config: Any, keras: int, module: str) -> Config:
    if keras == 2:
        return {"class_name": kind, "config": config}
    return {"module": module, "class_name": kind, "config": config, "registered_name": None}
