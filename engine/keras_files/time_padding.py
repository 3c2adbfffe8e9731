"""Causal convolution in Keras' terms: Conv3D has no padding='causal', but ZeroPadding3D before 'valid' is the same."""

from typing import Any

Config = dict[str, Any]


def causal_padding(kernel_size: tuple[int, ...]) -> list[list[int]]:
    """The argument of the ZeroPadding3D that makes a 'valid' Conv3D of this kernel causal in time."""
    kt, kh, kw = kernel_size
    return [[kt - 1, 0], [kh // 2, kh // 2], [kw // 2, kw // 2]]


def same_padding(kernel_size: tuple[int, int, int]) -> list[list[int]]:
    """Likewise for 'same', by TensorFlow's rule: the smaller half before."""
    return [[(size - 1) // 2, size // 2] for size in kernel_size]


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
    if entry["class_name"] == "Conv3D" and config.get("padding") == "valid":
        kernel = tuple(config["kernel_size"])
        for name, needed in (("causal", causal_padding(kernel)), ("same", same_padding(kernel))):
            if zeros == needed:
                return {"class_name": "Conv3D", "config": {**config, "padding": name}}
    raise ValueError(
        f"layer {padding['config'].get('name')!r}: ZeroPadding3D is offered only where it makes the Conv3D that "
        f"follows, with padding='valid', causal in time or 'same', got {zeros}"
    )


def _pairs(padding: Any) -> list[list[int]]:
    """Keras' three ways to write it, as pairs of numbers."""
    sizes = padding if isinstance(padding, list) else [padding] * 3
    return [list(size) if isinstance(size, list) else [size, size] for size in sizes]
