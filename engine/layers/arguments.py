"""Checks of arguments that the convolutional layers share."""

from typing import Any

from engine.layers.weight import Shape
from engine.support.validation import int_tuple, one_of
from kernels.specs import Padding, convolution_length

DATA_FORMATS = (None, "channels_last", "channels_first")

CONVOLUTION_OF_KERAS_1 = {
    "nb_filter": "filters",
    "border_mode": "padding",
    "subsample": "strides",
    "init": "kernel_initializer",
    "bias": "use_bias",
    "W_regularizer": "kernel_regularizer",
    "b_regularizer": "bias_regularizer",
    "W_constraint": "kernel_constraint",
    "b_constraint": "bias_constraint",
}
"""Keras 1's names of a convolution's arguments."""


def checked_padding(value: Any, known: list[Padding]) -> Padding:
    """A padding in any case, as in Keras."""
    padding: Padding = one_of("padding", value.lower() if isinstance(value, str) else value, known)
    return padding


def strides_and_dilation(strides: Any, dilation_rate: Any, rank: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Both as tuples; only one of them may be other than 1, as in Keras 3."""
    stride, dilation = int_tuple("strides", strides, rank), int_tuple("dilation_rate", dilation_rate, rank)
    if max(stride) > 1 and max(dilation) > 1:
        raise ValueError(
            f"strides: {strides!r} with dilation_rate {dilation_rate!r}: one of them must be 1, as in Keras 3"
        )
    return stride, dilation


def output_length(axis: str, n: int | None, k: int, stride: int, dilation: int, padding: Padding) -> int | None:
    """Outputs along an axis of n positions (None: any); ValueError where the kernel does not fit."""
    if n is None:
        return None
    length = convolution_length(n, k, stride, dilation, padding)
    if length < 1:
        raise ValueError(
            f"kernel_size: {k} taps of dilation {dilation} with padding='valid' do not fit into {n} {axis}; use "
            "padding='same' or larger frames"
        )
    return length


def check_movie_rank(name: str, shape: Shape) -> None:
    """Refuse a layer's input that is no movie."""
    if len(shape) != 4:
        raise ValueError(
            f"{name}: expected movies, five axes with the movies' own, and its input has shape {(None, *shape)}; give "
            "the layer before it return_sequences=True"
        )


def check_sequence_rank(name: str, shape: Shape, rank: int, what: str) -> None:
    """Refuse an input of a recurrent layer that has not `rank` sizes."""
    if len(shape) != rank:
        raise ValueError(
            f"{name}: expected sequences of {what}, and its input has shape {(None, *shape)}; give the layer before it "
            "return_sequences=True, or reshape"
        )
