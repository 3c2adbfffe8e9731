"""LeakyReLU: a rectifier with a slope below zero too (Maas et al. 2013)."""

from typing import Any

from engine.layers.activation.activation_layer import ActivationLayer
from engine.layers.activation_text import rectifier
from engine.layers.keras_form import KerasForm
from engine.support.validation import in_range


class LeakyReLU(ActivationLayer):
    """y = x where x > 0, else negative_slope * x.

    Args:
        negative_slope: at least 0; Keras 2 calls it alpha.
        alpha: Keras 2's name, which wins where it is given.
        input_shape, batch_input_shape, trainable, name: as for every layer (see Layer).
    """

    keras_form = KerasForm("LeakyReLU", groups=("leaky_re_lu",), renamed_in_2={"alpha": "negative_slope"})

    def __init__(
        self,
        negative_slope: float = 0.3,
        alpha: float | None = None,
        input_shape: tuple[int | None, ...] | None = None,
        batch_input_shape: tuple[int | None, ...] | None = None,
        trainable: bool = True,
        name: str | None = None,
    ) -> None:
        super().__init__(name, input_shape, batch_input_shape, trainable)
        slope = negative_slope if alpha is None else alpha
        self.negative_slope = in_range("negative_slope", slope, 0.0, float("inf"))

    @property
    def as_activation(self) -> str:
        return rectifier(None, self.negative_slope, 0.0)

    def get_config(self) -> dict[str, Any]:
        return {"negative_slope": self.negative_slope, **super().get_config()}
