"""Trainings that the tests of callbacks share."""

from typing import Any

from engine import Sequential
from engine.callbacks import Callback
from tests.engine.networks import movies, seed_like, targets

X = movies(5)


Y = targets(X)


def fitted(*called: Any, epochs: int = 3, network: Sequential | None = None, **arguments: Any) -> Sequential:
    network = network or seed_like("reference")
    network.fit(X, Y, batch_size=2, epochs=epochs, verbose=0, callbacks=list(called), **arguments)
    return network


class Feed(Callback):
    """Puts chosen numbers into the epochs' logs, before other callbacks see them."""

    def __init__(self, **numbers: list[float]) -> None:
        self.numbers = numbers

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        logs.update({name: values[epoch] for name, values in self.numbers.items()})
