"""Activations as CUDA sources know them: by constants that are written in front of a source."""

from kernels.activations import ACTIVATIONS, Activation
from kernels.cuda.launch.source import Constant, words_of
from kernels.tables import constants, implemented, require

ACTIVATION_DEFINES: dict[str, Constant] = {
    **constants("ACTIVATION", ACTIVATIONS),
    **{f"SLOPE_{name.upper()}": entry.slope for name, entry in ACTIVATIONS.items() if entry.slope},
}
"""The constants of activations.cuh."""

IMPLEMENTED = implemented("ACTIVATION", ACTIVATIONS, words_of("common/activations.cuh"))
"""The activations that activations.cuh has a branch for."""


def code_of(activation: Activation) -> int:
    """What activations.cuh knows an activation by. Raises ValueError: it has no branch for it."""
    require("activation", activation, IMPLEMENTED, "cuda")
    return ACTIVATIONS[activation].code
