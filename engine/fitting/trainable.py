"""What can be trained and evaluated: the little that fitting asks of a network."""

from typing import Protocol

from engine.callbacks import History
from engine.runtime.placement import Placement


class Trainable(Protocol):
    """A compiled network as fitting sees it; callbacks see the whole network.

    Attributes:
        placement: its layers, their device, and what compile was given.
        history: the record of the last fit, which fit sets.
        stop_training: a callback sets it, and a fit ends after the batch or epoch at hand.
    """

    placement: Placement
    history: History | None
    stop_training: bool
