"""Convolutions over one, two or three axes: one description of all, which one operation computes."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from engine.layers.arguments import output_length
from engine.layers.convolutional.window import WindowLayer
from engine.layers.layer import BoundLayer, Narrow
from engine.layers.product import BoundConvolution, GivenRules
from engine.layers.spatial import AXES, Movie
from engine.layers.weight import Shape, Weight, WeightSpec
from engine.support.validation import positive_int
from kernels import Backend, Conv3DSpec
from kernels.specs import Padding


class Convolution(WindowLayer):
    """Base of Conv1D, Conv2D and Conv3D, with Keras' arguments in Keras' order.

    Each documents its arguments, which are the same but for their number of axes.
    """

    kernel: Weight

    def __init__(
        self,
        filters: int,
        kernel_size: int | Sequence[int],
        strides: int | Sequence[int] = 1,
        padding: str = "valid",
        data_format: str | None = None,
        dilation_rate: int | Sequence[int] = 1,
        groups: int = 1,
        activation: str | None = None,
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: None = None,
        kernel_constraint: Any = None,
        bias_constraint: Any = None,
        input_shape: tuple[int | None, ...] | None = None,
        batch_input_shape: tuple[int | None, ...] | None = None,
        trainable: bool = True,
        name: str | None = None,
    ) -> None:
        rules = {
            "kernel": GivenRules(self.rank + 2, kernel_initializer, kernel_regularizer, kernel_constraint),
            "bias": GivenRules(1, bias_initializer, bias_regularizer, bias_constraint),
        }
        super().__init__(
            kernel_size, strides, padding, data_format, dilation_rate, activation, use_bias, activity_regularizer,
            rules, name=name, input_shape=input_shape, batch_input_shape=batch_input_shape, trainable=trainable,
        )  # fmt: skip
        self.filters, self.groups = positive_int("filters", filters), positive_int("groups", groups)
        if self.filters % self.groups:
            raise ValueError(f"groups: expected a divisor of filters={filters}, got {groups}")

    @property
    def can_stream(self) -> bool:
        depth, stride = self.triple(self.kernel_size)[0], self.triple(self.strides)[0]
        keeps_time = stride == 1 and (self.padding != "valid" or depth == 1)
        return keeps_time and self.data_format == "channels_last"

    @property
    def reads_narrow(self) -> bool:
        return self.data_format == "channels_last" and self.spec((1, 1, 1, self.groups), 1, training=True).is_dense

    def channels(self, shape: Shape) -> int:
        channels = super().channels(shape)
        if channels % self.groups:
            raise ValueError(f"groups: expected a divisor of the input's {channels} channels, got {self.groups}")
        return channels

    def channels_after(self, channels: int | None) -> int:
        return self.filters

    def channels_before(self, shapes: Sequence[tuple[int, ...]]) -> int:
        return shapes[0][-2] * self.groups

    def declare_weights(self, shape: Shape) -> list[WeightSpec]:
        kernel = (*self.kernel_size, self.channels(shape) // self.groups, self.filters)
        return [self.rules["kernel"].declare("kernel", kernel), *self.declare_bias(self.filters)]

    def length(self, axis: int, n: int | None) -> int | None:
        taps, stride, gap = self.kernel_size[axis], self.strides[axis], self.dilation_rate[axis]
        rule: Padding = "same" if self.padding == "causal" else self.padding
        return output_length(AXES[axis - self.rank], n, taps, stride, gap, rule)

    def spec(self, movie: Movie, batch: int, training: bool) -> Conv3DSpec:
        """The layer as the operation table knows it, for channels-last movies (T,H,W,C)."""
        (frames, height, width, channels), (kt, kh, kw) = movie, self.triple(self.kernel_size)
        return Conv3DSpec(
            T=frames, B=batch, H=height, W=width, C=channels, K=self.filters, kt=kt, kh=kh, kw=kw,
            padding=self.padding, training=training, strides=self.triple(self.strides),
            dilation=self.triple(self.dilation_rate), groups=self.groups, causal_axis=3 - self.rank,
        )  # fmt: skip

    def bind_movie(
        self, backend: Backend, movie: Movie, batch: int, training: bool, logits: bool, narrow: Narrow
    ) -> BoundLayer:
        spec = replace(self.spec(movie, batch, training), narrow_x=narrow.x)
        return BoundConvolution(self, self.kernel, backend, spec, logits)

    def get_config(self) -> dict[str, Any]:
        config = {"filters": self.filters, **self.window_config(), "groups": self.groups}
        return config | self.product_config()
