"""ELU: exponential below zero (Clevert et al. 2016)."""

from typing import Any

from engine.layers.activation.activation_layer import ActivationLayer
from engine.layers.keras_form import KerasForm
from engine.support.validation import in_range
from kernels.activations import with_parameters


class ELU(ActivationLayer):
    """y = x where x > 0, else alpha * (exp(x) - 1).

    Args:
        alpha: at least 0 (default 1).
        input_shape, batch_input_shape, trainable, name: as for every layer (see Layer).
    """

    keras_form = KerasForm("ELU", groups=("elu",))

    def __init__(
        self,
        alpha: float = 1.0,
        input_shape: tuple[int | None, ...] | None = None,
        batch_input_shape: tuple[int | None, ...] | None = None,
        trainable: bool = True,
        name: str | None = None,
    ) -> None:
        super().__init__(name, input_shape, batch_input_shape, trainable)
        self.alpha = in_range("alpha", alpha, 0.0, float("inf"))

    @property
    def as_activation(self) -> str:
        return with_parameters("elu", alpha=self.alpha)

    def get_config(self) -> dict[str, Any]:
        return {"alpha": self.alpha, **super().get_config()}
