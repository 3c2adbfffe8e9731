"""How gradients move weights."""

from typing import Any

from engine.validation import in_range, one_of
from kernels import Backend

Array = Any


class Adadelta:
    """Adadelta (Zeiler 2012), exactly as Keras 2.3 computes it.

    Args:
        learning_rate: default 1.0, the default of multi-backend Keras (tf.keras and Keras 3 have 0.001 under the same
            name, which trains a thousand times more slowly).
        rho: decay of both accumulators, default 0.95.
        epsilon: default 1e-7.
    """

    slots = ("accumulated_gradient", "accumulated_delta")

    def __init__(self, learning_rate: float = 1.0, rho: float = 0.95, epsilon: float = 1e-7) -> None:
        self.learning_rate = in_range("learning_rate", learning_rate, 0.0, 1e9)
        self.rho = in_range("rho", rho, 0.0, 1.0)
        self.epsilon = in_range("epsilon", epsilon, 0.0, 1.0)
        self.state: dict[str, Array] = {}

    def bind(self, backend: Backend, size: int) -> None:
        """Begin with zero accumulators for `size` weights."""
        self.state = {slot: backend.zeros((size,)) for slot in self.slots}

    def update(self, backend: Backend, weights: Array, gradients: Array) -> None:
        """One step on flat buffers (P,)."""
        backend.adadelta_update(
            weights,
            gradients,
            self.state["accumulated_gradient"],
            self.state["accumulated_delta"],
            self.learning_rate,
            self.rho,
            self.epsilon,
        )

    def get_config(self) -> dict[str, Any]:
        """What __init__ takes, and the class's name."""
        return {
            "class_name": "Adadelta",
            "learning_rate": self.learning_rate,
            "rho": self.rho,
            "epsilon": self.epsilon,
        }


def get_optimizer(optimizer: Any) -> Adadelta:
    """An optimizer given by object, by Keras' name or by what get_config returned."""
    if isinstance(optimizer, Adadelta):
        return optimizer
    if isinstance(optimizer, dict):
        arguments = dict(optimizer)
        one_of("optimizer", arguments.pop("class_name", None), ["Adadelta"])
        return Adadelta(**arguments)
    one_of("optimizer", optimizer.lower() if isinstance(optimizer, str) else optimizer, ["adadelta"])
    return Adadelta()
