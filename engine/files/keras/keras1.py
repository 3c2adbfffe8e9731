"""Keras 1: other names for the same arguments, twelve arrays for a ConvLSTM, and theano's flipped kernels.

No Keras 1 was run for this: the layout is that which Keras 2's own loader reads.
"""

from typing import Any

import numpy as np

from engine.files.keras.forms import form_of, layers_by_keras_name
from engine.layers import Layer
from engine.layers.keras_form import KerasForm
from kernels.arrays import HostArray

Config = dict[str, Any]

_OF_A_GATE = 3
"""Arrays of a gate: W, U and b."""
_NO_LAYER = KerasForm("", groups=())
_KERNEL_SIZES = (("nb_row", "nb_col"), ("kernel_dim1", "kernel_dim2", "kernel_dim3"))
_DATA_FORMATS = {"tf": "channels_last", "th": "channels_first"}
_DROPPED = {"consume_less", "input_dim", "input_length", "gamma_init", "beta_init"}


def merge_entry(entry: Any) -> Any:
    """A Merge of Keras 1 as the layer of today that its mode names; any other layer's description as it is.

    Raises ValueError: a mode that is not offered, such as a function, or models in the place of inputs.
    """
    if not isinstance(entry, dict) or entry.get("class_name") != "Merge" or not isinstance(entry.get("config"), dict):
        return entry
    config = entry["config"]
    every = [form_of(layer) for layer in layers_by_keras_name().values()]
    forms = {each.merge_mode: each for each in every if each.merge_mode}
    form = forms.get(str(config.get("mode")))
    if form is None or "layers" in config:
        raise ValueError(
            f"layer {config.get('name')!r}: a Merge of tensors is offered, in one of the modes {', '.join(forms)}, got "
            f"mode={config.get('mode')!r}" + (" of models" if "layers" in config else "")
        )
    kept = {key: value for key, value in config.items() if key in ("name", "trainable", *form.renamed)}
    return {**entry, "class_name": form.class_name, "config": kept}


def modern_entry(entry: Config) -> Config:
    """A layer's description in the words of Keras 2."""
    layer = layers_by_keras_name().get(entry["class_name"])
    form = _NO_LAYER if layer is None else form_of(layer)
    config = {form.renamed.get(key, key): value for key, value in entry["config"].items() if key not in _DROPPED}
    for sizes in _KERNEL_SIZES:
        if all(size in config for size in sizes):
            config["kernel_size"] = [config.pop(size) for size in sizes]
    if "dim_ordering" in config:
        config["data_format"] = _DATA_FORMATS.get(config.pop("dim_ordering"))
    if config.get("strides", 0) is None:
        del config["strides"]
    if "forget_bias_init" in config:
        config["unit_forget_bias"] = config.pop("forget_bias_init") == "one"
    for argument, offered in form.only.items():
        if config.pop(argument, offered) != offered:
            raise ValueError(
                f"layer {config.get('name')!r}: {form.class_name}'s {argument} is offered as {offered} only"
            )
    return {"class_name": entry["class_name"] if layer is None else form.class_name, "config": config}


def modern_arrays(arrays: list[HostArray], layer: Layer, keras: int, backend: str | None) -> list[HostArray]:
    """One layer's arrays as Keras 2 on TensorFlow has them.

    Args:
        arrays: of the layer, or an accumulator for each of its trained arrays; a layer with gates has one for each gate
            in Keras 1, and they become one.
        keras: major version of the Keras that wrote them; only 1 has kernels with other axes.
        backend: that wrote them; "theano" convolves with kernels that are flipped in every axis but the channels'.
    """
    gates = form_of(layer).first_of_gates
    if gates and len(arrays) == len(gates) * _OF_A_GATE:
        arrays = [np.concatenate([arrays[first + n] for first in gates], axis=-1) for n in range(_OF_A_GATE)]
    axes = form_of(layer).kernel_of_keras_1.get(getattr(layer, "data_format", ""))
    if keras == 1 and axes and arrays:
        arrays = [_reordered(arrays[0], axes), *arrays[1:]]
    if backend == "theano":
        arrays = [_flipped(array) if array.ndim > 2 else array for array in arrays]
    return arrays


def _reordered(kernel: HostArray, axes: tuple[int, ...]) -> HostArray:
    """The axes of a kernel in today's order; those that are left out are dropped."""
    if max(axes) >= kernel.ndim:
        raise ValueError(f"expected a kernel of more than {max(axes)} axes, got shape {kernel.shape}")
    dropped = [axis for axis in range(kernel.ndim) if axis not in axes]
    return np.ascontiguousarray(kernel.transpose(*axes, *dropped)).reshape([kernel.shape[axis] for axis in axes])


def _flipped(kernel: HostArray) -> HostArray:
    return np.ascontiguousarray(np.flip(kernel, axis=tuple(range(kernel.ndim - 2))))
