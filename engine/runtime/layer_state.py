"""What layers remember besides their weights: dropout's place in its random numbers, states of stateful layers."""

from collections.abc import Mapping

import numpy as np

from engine.layers import Layer
from kernels import Backend
from kernels.arrays import HostArray

_DROPOUT = "dropout/seed_and_step"
_STATES = "states/"


class LayerState:
    """What the layers of one network keep besides weights.

    Dropout's masks depend on two numbers, a seed and how many updates drew masks before, and on nothing else: so a run
    that goes on from a checkpoint drops what the run that was never stopped would have dropped.

    Args:
        layers: with the names of the models around each.

    Attributes:
        seed, step: those two.
    """

    def __init__(self, layers: Mapping[Layer, str], seed: int) -> None:
        self._stateful = {layer: f"{path}{layer.name}" for layer, path in layers.items() if layer.stateful}
        self.has_dropout = any(layer.has_dropout for layer in layers)
        self.seed, self.step = seed, 0

    def claim(self, backend: Backend) -> None:
        """Fetch the states that a stateful layer carried in another network to the arrays that it has here."""
        for layer in self._stateful:
            layer.carried.claim(backend)

    def arrays(self) -> dict[str, HostArray]:
        """All of it as host arrays by name; nothing for a network that remembers nothing."""
        found = {_DROPOUT: np.array([self.seed, self.step], np.int64)} if self.has_dropout else {}
        for layer, path in self._stateful.items():
            states = layer.carried.to_host()
            for name, state in zip(layer.state_names, states or [], strict=states is not None):
                found[f"{_STATES}{path}/{name}"] = state
        return found

    def split(self, state: dict[str, HostArray]) -> tuple[dict[str, HostArray], dict[str, HostArray]]:
        """What arrays() gave, and the rest."""
        mine = {name: array for name, array in state.items() if name == _DROPOUT or name.startswith(_STATES)}
        known = {_DROPOUT} if self.has_dropout else set()
        known |= {f"{_STATES}{path}/{name}" for layer, path in self._stateful.items() for name in layer.state_names}
        missing = {_DROPOUT} & known - mine.keys()
        if missing or mine.keys() - known:
            raise ValueError(
                f"state: expected the arrays of these layers; missing {sorted(missing) or 'none'}, unknown "
                f"{sorted(mine.keys() - known) or 'none'}"
            )
        return mine, {name: array for name, array in state.items() if name not in mine}

    def load(self, mine: dict[str, HostArray]) -> None:
        """Restore what arrays() gave; a stateful layer that it does not name begins at zero."""
        if _DROPOUT in mine:
            self.seed, self.step = (int(number) for number in mine[_DROPOUT])
        for layer, path in self._stateful.items():
            states = [mine.get(f"{_STATES}{path}/{name}") for name in layer.state_names]
            layer.carried.reset([state for state in states if state is not None] or None)
