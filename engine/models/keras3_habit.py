"""A line for scripts that were written for Keras 3, where the same words mean something else."""

import warnings
from collections.abc import Iterable
from functools import cache

from engine.layers import Layer


def note_keras3_habit(layers: Iterable[Layer]) -> None:
    """Warn, once in a process, where layers behind an Input have the gates of Keras 2.3: Keras 3's default are others.

    layers: of a network that begins with an Input, as Keras 3 has it.
    """
    if any(_has_old_gates(layer) for layer in layers):
        say_once()


@cache
def say_once() -> None:
    """Warn of Keras 3's defaults; later calls do nothing."""
    warnings.warn(
        "a network that begins with Input, as scripts for Keras 3 have it: here gates are Keras 2.3's hard_sigmoid by "
        "default, and Adadelta's learning rate is 1.0; engine.keras3 in place of engine has the defaults of Keras 3",
        stacklevel=5,
    )


def _has_old_gates(layer: Layer) -> bool:
    argument = None if layer.keras_form is None else layer.keras_form.gate_argument
    return argument is not None and getattr(layer, argument) == "hard_sigmoid"
