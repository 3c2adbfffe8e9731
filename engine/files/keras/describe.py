"""Write a network's description in Keras' words: the JSON of a .keras (Keras 3) or of a .h5 (Keras 2)."""

from typing import Any

from engine.files.keras.compile_arguments import compile_config, is_late
from engine.files.keras.forms import form_of
from engine.files.keras.functional_writing import functional_ends, functional_entries
from engine.files.keras.gates import HARD_SIGMOID_OF_KERAS
from engine.files.keras.rules import described
from engine.graph.description import Description
from engine.graph.functional import FunctionalGraph
from engine.graph.graph import Graph
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
    network.graph.check_owners()
    shape = [network.graph.batch_size, *(network.input_shape or ())]
    fixed = next((form for layer in network.layers if (form := form_of(layer)).one_frame_size), None)
    if keras == 3 and fixed is not None and len(shape) == 5 and None in shape[2:]:
        raise ValueError(
            f"input_shape: Keras 3 builds a {fixed.class_name} for one height and width only, and this network's are "
            "None; give the first layer input_shape=(None, height, width, channels), or save a .h5 for Keras 2"
        )
    model = _model(network.graph, network.name, keras, network.dtype)
    if keras == 2:
        return {"class_name": model["class_name"], "config": model["config"]}
    if model["class_name"] == "Sequential":
        model["config"] |= {"trainable": True, "dtype": network.dtype, "build_input_shape": shape}
        model["build_config"] = {"input_shape": shape}
    return {**model, "compile_config": compile_config(network)}


def _model(graph: Graph, name: str, keras: int, dtype: str) -> Config:
    """A network's entry: a Sequential's, or a functional model's."""
    if isinstance(graph, FunctionalGraph):
        entries: list[Config] = []
        body = {"name": name, "trainable": True, "layers": entries, **functional_ends(graph)}
        for layer in graph.layers:
            entries += functional_entries(graph, layer, _layer_entries(layer, keras, dtype), keras)
        entry = _entry("Functional", body, keras, "keras.src.models.functional")
        return entry if keras == 2 else {**entry, "registered_name": "Functional"}
    key = "batch_shape" if keras == 3 else "batch_input_shape"
    shape = [graph.batch_size, *(graph.input_shape or ())]
    first = {key: shape, "dtype": dtype, "sparse": False, "name": "input_layer"}
    layers = [entry for layer in graph.layers for entry in _layer_entries(layer, keras, dtype)]
    begin = [_entry("InputLayer", first, keras, "keras.layers")] if graph.input_shape else []
    config = {"name": name, "layers": [*begin, *layers]}
    return _entry("Sequential", config, keras, "keras")


def _layer_entries(layer: Any, keras: int, dtype: str) -> list[Config]:
    """A layer's or a model's entries, of which there may be several where Keras makes several layers of it."""
    if not isinstance(layer, Layer):
        return [_model(layer.graph, layer.name, keras, dtype)]
    if not layer.is_input:
        return [_entry(form.class_name, config, keras, form.module) for form, config in _as_keras(layer, keras, dtype)]
    config = layer.get_config()
    key = "batch_shape" if keras == 3 else "batch_input_shape"
    arguments = {key: config["batch_shape"], "dtype": config["dtype"], "sparse": False, "name": layer.name}
    return [_entry("InputLayer", arguments, keras, "keras.layers")]


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
        "metrics": config.get("metrics", []),
        "sample_weight_mode": None,
        "loss_weights": config.get("loss_weights"),
    }


def _as_keras(layer: Layer, keras: int, dtype: str) -> list[tuple[KerasForm, Config]]:
    """A layer as Keras has it, where it may be several."""
    form = form_of(layer)
    config = {"name": layer.name, "trainable": True, "dtype": dtype}
    old_names = {new: old for old, new in form.renamed_in_2.items()} if keras == 2 else {}
    for argument, value in layer.get_config().items():
        if keras < form.since.get(argument, 0) or (keras == 2 and value == form.implied.get(argument, ...)):
            continue
        kind = argument.split("_")[-1]
        if argument in form.inner_arguments and value is not None:
            [config[argument]] = _layer_entries(getattr(layer, argument), keras, dtype)
        elif kind in _MODULES:
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
