"""Which axes of a random mask have numbers of their own: Keras' noise_shape."""

from collections.abc import Sequence
from typing import Any

from engine.layers.weight import RANKS
from engine.support.validation import integer

NoiseShape = tuple[int | None, ...]
"""Of a mask, the movies' axis in front: the input's size or None where numbers are drawn, 1 where one serves all."""


def checked_noise_shape(shape: Any) -> NoiseShape | None:
    """A noise_shape as a tuple; None stays None."""
    if shape is None:
        return None
    if not isinstance(shape, list | tuple) or len(shape) - 1 not in RANKS:
        raise ValueError(
            "noise_shape: expected None or 2 to 5 sizes, such as (movies, frames, height, width, channels), "
            f"got {shape!r}"
        )
    return tuple(None if size is None else integer("noise_shape", size, 1) for size in shape)


def check_noise_shape(noise: NoiseShape | None, shape: Sequence[int | None]) -> None:
    """Refuse a noise_shape that does not fit an input of this shape, the movies' axis in front."""
    if noise is None:
        return
    fits = all(drawn in (None, 1) or size in (None, drawn) for drawn, size in zip(noise, shape, strict=False))
    if len(noise) != len(shape) or not fits:
        raise ValueError(
            f"noise_shape: expected {len(shape)} sizes, each None, 1 or that of the input {tuple(shape)}, got {noise}"
        )


def mask_shape(noise: NoiseShape | None, x_shape: tuple[int, ...]) -> tuple[int, ...]:
    """The shape of what is drawn for an input (T,B,H,W,C): 1 where the noise_shape has a 1, else the input's size."""
    if noise is None:
        return x_shape
    of_all = (noise[0], *(None,) * (5 - len(noise)), *noise[1:])
    frames_first = (of_all[1], of_all[0], *of_all[2:])
    return tuple(size if drawn is None else drawn for size, drawn in zip(x_shape, frames_first, strict=True))


def one_for_each_channel(axes: int, data_format: str) -> NoiseShape:
    """The noise_shape that draws a number for each channel of each movie; axes: of an input, without the movies'."""
    inner = (1,) * (axes - 1)
    return (None, None, *inner) if data_format == "channels_first" else (None, *inner, None)
