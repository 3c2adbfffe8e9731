"""What layers share whose kernels slide over their input: the kernel's size, strides and dilation."""

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from engine.layers.arguments import DATA_FORMATS, checked_padding, strides_and_dilation
from engine.layers.product import GivenRules, ProductLayer
from engine.layers.spatial import SpatialLayer
from engine.layers.weight import Shape
from engine.support.validation import int_tuple, one_of
from kernels.activations import SOFTMAX
from kernels.specs import Padding


class WindowLayer(SpatialLayer, ProductLayer):
    """Base of layers whose window slides over the last `rank` axes but the channels', the same kernel everywhere.

    Args:
        kernel_size, strides, padding, data_format, dilation_rate: Keras', for `rank` axes.
        activation, use_bias, activity_regularizer, rules, common: as for ProductLayer.

    Attributes:
        paddings: what `padding` may be.
    """

    paddings: ClassVar[tuple[Padding, ...]] = ("valid", "same")

    def __init__(
        self,
        kernel_size: int | Sequence[int],
        strides: int | Sequence[int],
        padding: str,
        data_format: str | None,
        dilation_rate: int | Sequence[int],
        activation: Any,
        use_bias: bool,
        activity_regularizer: None,
        rules: Mapping[str, GivenRules],
        **common: Any,
    ) -> None:
        super().__init__(activation, use_bias, activity_regularizer, rules, **common)
        self.kernel_size = int_tuple("kernel_size", kernel_size, self.rank)
        self.strides, self.dilation_rate = strides_and_dilation(strides, dilation_rate, self.rank)
        self.padding: Padding = checked_padding(padding, list(self.paddings))
        self.data_format = one_of("data_format", data_format, DATA_FORMATS) or "channels_last"
        if self.data_format == "channels_first" and self.activation == SOFTMAX:
            raise ValueError(
                "activation: softmax with data_format='channels_first' would not be over channels, in Keras neither; "
                "add a Softmax(axis=1)"
            )

    @property
    def looks_ahead(self) -> bool:
        return self.padding != "causal" and self.triple(self.kernel_size)[0] > 1

    def channels(self, shape: Shape) -> int:
        self._check_rank(shape)
        channels = shape[self._channel_axis]
        if channels is None:
            raise ValueError(f"input_shape: the channels of {self.name}'s input must be known, got {shape}")
        return channels

    def shape_for_weights(self, shapes: Sequence[tuple[int, ...]]) -> Shape:
        return self._in_data_format((*(None,) * self.rank, self.channels_before(shapes)))

    @abstractmethod
    def channels_before(self, shapes: Sequence[tuple[int, ...]]) -> int:
        """Channels of the input that weights of these shapes take."""

    def window_config(self) -> dict[str, Any]:
        """kernel_size, strides, padding, data_format and dilation_rate, JSON-able."""
        return {
            "kernel_size": list(self.kernel_size),
            "strides": list(self.strides),
            "padding": self.padding,
            "data_format": self.data_format,
            "dilation_rate": list(self.dilation_rate),
        }
