"""Activations as CUDA sources know them: by constants that are written in front of a source."""

from typing import Any

from kernels.activations import (
    ACTIVATIONS,
    GELU_TANH_CUBE,
    GELU_TANH_SCALE,
    SELU_ALPHA,
    SELU_SCALE,
    Activation,
    parsed,
)
from kernels.cuda.launch.source import Constant, words_of
from kernels.tables import constants, implemented, require

ACTIVATION_DEFINES: dict[str, Constant] = {
    **constants("ACTIVATION", ACTIVATIONS),
    "ACTIVATIONS_OF_INPUT": sum(1 << entry.code for entry in ACTIVATIONS.values() if entry.of_input),
    "SELU_SCALE": SELU_SCALE,
    "SELU_ALPHA": SELU_ALPHA,
    "GELU_TANH_SCALE": GELU_TANH_SCALE,
    "GELU_TANH_CUBE": GELU_TANH_CUBE,
    **{f"SLOPE_{name.upper()}": entry.slope for name, entry in ACTIVATIONS.items() if entry.slope},
}
"""The constants of activations.cuh."""

IMPLEMENTED = implemented("ACTIVATION", ACTIVATIONS, words_of("common/activations.cuh"))
"""The activations that activations.cuh has a branch for."""


def arguments_of(activation: Activation, argument: str = "activation") -> dict[str, Any]:
    """What kernels take for an activation: its code as `argument`, its parameters as argument_p0, _p1 and _p2.

    Raises ValueError: activations.cuh has no branch for it.
    """
    taken_apart = parsed(activation)
    require("activation", taken_apart.name, IMPLEMENTED, "cuda")
    parameters = {f"{argument}_p{place}": number for place, number in enumerate(taken_apart.numbers)}
    return {argument: taken_apart.entry.code, **parameters}
