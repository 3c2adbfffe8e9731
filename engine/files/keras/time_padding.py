"""Causal convolution in Keras' terms: Conv3D has no padding='causal', but ZeroPadding3D before 'valid' is the same."""

from typing import Any

Config = dict[str, Any]


def causal_padding(config: Config) -> list[list[int]]:
    """The argument of the ZeroPadding3D that makes a 'valid' Conv3D of this kernel and dilation causal in time.

    In height and width it is what 'same' means with strides of 1.
    """
    frames, *frame = _reach(config)
    return [[frames, 0], *([total // 2, total - total // 2] for total in frame)]


def same_padding(config: Config) -> list[list[int]]:
    """Return the zeros before and after each axis for padding 'same', by TensorFlow's rule: the smaller half before."""
    return [[total // 2, total - total // 2] for total in _reach(config)]


def _reach(config: Config) -> list[int]:
    """How much smaller than its input the output of a 'valid' convolution is, on each axis."""
    rates = config.get("dilation_rate") or 1
    dilation = [rates] * 3 if isinstance(rates, int) else rates
    return [rate * (size - 1) for rate, size in zip(dilation, config["kernel_size"], strict=True)]


def fold_time_padding(entries: list[Config]) -> list[Config]:
    """Make one Conv3D of each ZeroPadding3D and the 'valid' Conv3D that follows it, where the two are that.

    Raises ValueError: a ZeroPadding3D that is not.
    """
    folded: list[Config] = []
    padding: Config | None = None
    for entry in entries:
        if padding is not None:
            folded.append(_folded(padding, entry))
            padding = None
        elif entry["class_name"] == "ZeroPadding3D":
            padding = entry
        else:
            folded.append(entry)
    if padding is not None:
        raise ValueError(f"layer {padding['config'].get('name')!r}: ZeroPadding3D is offered before a Conv3D only")
    return folded


def _folded(padding: Config, entry: Config) -> Config:
    config, zeros = entry["config"], _pairs(padding["config"].get("padding"))
    strides = config.get("strides") or 1
    frame = [strides] * 2 if isinstance(strides, int) else strides[1:]
    formats = {each.get("data_format") or "channels_last" for each in (config, padding["config"])}
    if entry["class_name"] == "Conv3D" and config.get("padding") == "valid" and len(formats) == 1 and max(frame) == 1:
        if zeros == causal_padding(config):
            return {"class_name": "Conv3D", "config": {**config, "padding": "causal"}}
        if zeros == same_padding(config) and strides in (1, [1, 1, 1]):
            return {"class_name": "Conv3D", "config": {**config, "padding": "same"}}
    raise ValueError(
        f"layer {padding['config'].get('name')!r}: ZeroPadding3D is offered only where it makes the Conv3D that "
        f"follows, with padding='valid', causal in time or 'same', got {zeros}"
    )


def _pairs(padding: Any) -> list[list[int]]:
    """Keras' three ways to write it, as pairs of numbers."""
    sizes = padding if isinstance(padding, list) else [padding] * 3
    return [list(size) if isinstance(size, list) else [size, size] for size in sizes]
