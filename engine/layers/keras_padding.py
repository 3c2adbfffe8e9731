"""Causal convolution in Keras' terms: Conv3D has no padding='causal', but ZeroPadding3D before 'valid' is the same."""

from typing import Any

from engine.layers.keras_form import Config, KerasForm

ZERO_PADDING = KerasForm("ZeroPadding3D", groups=("zero_padding3d",))


def causal_padding(config: Config) -> list[list[int]]:
    """The argument of the ZeroPadding3D that makes a 'valid' Conv3D of this kernel and dilation causal in time.

    In height and width it is what 'same' means with strides of 1.
    """
    frames, *frame = _reach(config)
    return [[frames, 0], *([total // 2, total - total // 2] for total in frame)]


def same_padding(config: Config) -> list[list[int]]:
    """The argument that makes it 'same', by TensorFlow's rule: the smaller half before."""
    return [[total // 2, total - total // 2] for total in _reach(config)]


def absorb_padding(padding: Config, config: Config) -> Config | None:
    """The arguments of one Conv3D for a ZeroPadding3D and the Conv3D behind it; None: they are no such pair."""
    zeros = _pairs(padding.get("padding"))
    strides = config.get("strides") or 1
    frame = [strides] * 2 if isinstance(strides, int) else strides[1:]
    formats = {each.get("data_format") or "channels_last" for each in (config, padding)}
    if config.get("padding") == "valid" and len(formats) == 1 and max(frame) == 1:
        if zeros == causal_padding(config):
            return {**config, "padding": "causal"}
        if zeros == same_padding(config) and strides in (1, [1, 1, 1]):
            return {**config, "padding": "same"}
    return None


def _reach(config: Config) -> list[int]:
    """How much smaller than its input the output of a 'valid' convolution is, on each axis."""
    rates = config.get("dilation_rate") or 1
    dilation = [rates] * 3 if isinstance(rates, int) else rates
    return [rate * (size - 1) for rate, size in zip(dilation, config["kernel_size"], strict=True)]


def _pairs(padding: Any) -> list[list[int]]:
    """Keras' three ways to write it, as pairs of numbers."""
    sizes = padding if isinstance(padding, list) else [padding] * 3
    return [list(size) if isinstance(size, list) else [size, size] for size in sizes]
