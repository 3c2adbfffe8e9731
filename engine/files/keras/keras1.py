"""Keras 1: other names for the same arguments, twelve arrays for a ConvLSTM, and theano's flipped kernels.

No Keras 1 was run for this: the layout is that which Keras 2's own loader reads.
"""

from typing import Any

import numpy as np

from engine.files.keras.weights import Array

Config = dict[str, Any]

_RENAMED = {
    "nb_filter": "filters",
    "border_mode": "padding",
    "subsample": "strides",
    "inner_activation": "recurrent_activation",
    "init": "kernel_initializer",
    "inner_init": "recurrent_initializer",
    "bias": "use_bias",
    "W_regularizer": "kernel_regularizer",
    "U_regularizer": "recurrent_regularizer",
    "b_regularizer": "bias_regularizer",
    "W_constraint": "kernel_constraint",
    "b_constraint": "bias_constraint",
    "dropout_W": "dropout",
    "dropout_U": "recurrent_dropout",
}
_KERNEL_SIZES = (("nb_row", "nb_col"), ("kernel_dim1", "kernel_dim2", "kernel_dim3"))
_DATA_FORMATS = {"tf": "channels_last", "th": "channels_first"}
_DROPPED = {"consume_less", "input_dim", "input_length", "gamma_init", "beta_init"}


def modern_entry(entry: Config) -> Config:
    """A layer's description in the words of Keras 2."""
    config = {_RENAMED.get(key, key): value for key, value in entry["config"].items() if key not in _DROPPED}
    for sizes in _KERNEL_SIZES:
        if all(size in config for size in sizes):
            config["kernel_size"] = [config.pop(size) for size in sizes]
    if "dim_ordering" in config:
        config["data_format"] = _DATA_FORMATS.get(config.pop("dim_ordering"))
    if config.get("strides") in ([1, 1], [1, 1, 1], None):
        config.pop("strides", None)
    if "forget_bias_init" in config:
        config["unit_forget_bias"] = config.pop("forget_bias_init") == "one"
    if entry["class_name"] == "BatchNormalization" and config.pop("mode", 0) != 0:
        raise ValueError(f"layer {config.get('name')!r}: BatchNormalization's mode is offered as 0 only")
    kind = "Conv3D" if entry["class_name"] == "Convolution3D" else entry["class_name"]
    return {"class_name": kind, "config": config}


def modern_arrays(arrays: list[Array], backend: str | None) -> list[Array]:
    """One layer's arrays as Keras 2 on TensorFlow has them.

    Args:
        arrays: of a layer, or an accumulator for each of its trained arrays. Twelve are a ConvLSTM2D of Keras 1: W, U
            and b of the gates i, c, f, o in turn; here the four become one, in the order i, f, c, o.
        backend: that wrote them; "theano" convolves with kernels that are flipped in every axis but the channels'.
    """
    if len(arrays) == 12:
        arrays = [np.concatenate([arrays[gate + n] for gate in (0, 6, 3, 9)], axis=-1) for n in range(3)]
    if backend == "theano":
        arrays = [_flipped(array) if array.ndim > 2 else array for array in arrays]
    return arrays


def _flipped(kernel: Array) -> Array:
    return np.ascontiguousarray(np.flip(kernel, axis=tuple(range(kernel.ndim - 2))))
