"""Activation: a function at each element, by name."""

from typing import Any

from engine.layers.activation.activation_layer import ActivationLayer
from engine.layers.activation_text import checked_activation
from engine.layers.keras_form import KerasForm


class Activation(ActivationLayer):
    """y = activation(x).

    Args:
        activation: a name such as 'relu', a function of engine.activations, or a layer that is an activation alone;
            'softmax' is over the last axis.
        input_shape, batch_input_shape, trainable, name: as for every layer (see Layer).
    """

    keras_form = KerasForm("Activation", groups=("activation",))

    def __init__(
        self,
        activation: Any,
        input_shape: tuple[int | None, ...] | None = None,
        batch_input_shape: tuple[int | None, ...] | None = None,
        trainable: bool = True,
        name: str | None = None,
    ) -> None:
        super().__init__(name, input_shape, batch_input_shape, trainable)
        self.activation = checked_activation("activation", activation)

    @property
    def as_activation(self) -> str:
        return self.activation

    def get_config(self) -> dict[str, Any]:
        return {"activation": self.activation, **super().get_config()}
