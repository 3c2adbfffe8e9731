"""ReLU: a rectifier, with a limit, a slope and a threshold."""

from typing import Any

from engine.layers.activation.activation_layer import ActivationLayer
from engine.layers.activation_text import rectifier
from engine.layers.keras_form import KerasForm
from engine.support.validation import in_range


class ReLU(ActivationLayer):
    """y = max_value where x >= max_value, x where threshold <= x < max_value, else negative_slope * (x - threshold).

    Args:
        max_value: None (default) for no limit; at least 0.
        negative_slope, threshold: at least 0, the default.
        input_shape, batch_input_shape, trainable, name: as for every layer (see Layer).
    """

    keras_form = KerasForm("ReLU", groups=("re_lu",))

    def __init__(
        self,
        max_value: float | None = None,
        negative_slope: float = 0.0,
        threshold: float = 0.0,
        input_shape: tuple[int | None, ...] | None = None,
        batch_input_shape: tuple[int | None, ...] | None = None,
        trainable: bool = True,
        name: str | None = None,
    ) -> None:
        super().__init__(name, input_shape, batch_input_shape, trainable)
        limit = float("inf") if max_value is None else in_range("max_value", max_value, 0.0, float("inf"))
        self.max_value = None if limit == float("inf") else limit
        self.negative_slope = in_range("negative_slope", negative_slope, 0.0, float("inf"))
        self.threshold = in_range("threshold", threshold, 0.0, float("inf"))

    @property
    def as_activation(self) -> str:
        return rectifier(self.max_value, self.negative_slope, self.threshold)

    def get_config(self) -> dict[str, Any]:
        config = {"max_value": self.max_value, "negative_slope": self.negative_slope, "threshold": self.threshold}
        return {**config, **super().get_config()}
