"""What layers share that convolve each channel by itself: the depthwise kernel."""

from collections.abc import Mapping, Sequence
from typing import Any

from engine.layers.arguments import output_length
from engine.layers.convolutional.window import WindowLayer
from engine.layers.product import GivenRules
from engine.layers.spatial import AXES, Movie
from engine.layers.weight import Shape, Weight, WeightSpec
from engine.support.validation import positive_int
from kernels import Conv3DSpec


class PerChannelLayer(WindowLayer):
    """Base of layers that begin with depth_multiplier convolutions of each channel, 'valid' or 'same'.

    Args:
        depth_multiplier: how many.
        others: as for WindowLayer; `rules` has those of "depthwise".
    """

    frame_by_frame = True
    depthwise_kernel: Weight

    def __init__(
        self,
        kernel_size: int | Sequence[int],
        strides: int | Sequence[int],
        padding: str,
        data_format: str | None,
        dilation_rate: int | Sequence[int],
        depth_multiplier: int,
        activation: Any,
        use_bias: bool,
        activity_regularizer: None,
        rules: Mapping[str, GivenRules],
        **common: Any,
    ) -> None:
        super().__init__(
            kernel_size, strides, padding, data_format, dilation_rate, activation, use_bias, activity_regularizer,
            rules, **common,
        )  # fmt: skip
        self.depth_multiplier = positive_int("depth_multiplier", depth_multiplier)

    @property
    def can_stream(self) -> bool:
        return self.data_format == "channels_last"

    def channels_before(self, shapes: Sequence[tuple[int, ...]]) -> int:
        return shapes[0][-2]

    def length(self, axis: int, n: int | None) -> int | None:
        taps, stride, gap = self.kernel_size[axis], self.strides[axis], self.dilation_rate[axis]
        return output_length(AXES[axis - self.rank], n, taps, stride, gap, self.padding)

    def declare_depthwise(self, shape: Shape) -> WeightSpec:
        """The weight depthwise_kernel."""
        kernel = (*self.kernel_size, self.channels(shape), self.depth_multiplier)
        return self.rules["depthwise"].declare("depthwise_kernel", kernel)

    def depthwise_spec(self, movie: Movie, batch: int, training: bool) -> Conv3DSpec:
        """The convolution of each channel as the operation table knows it: a group for each channel in.

        depthwise_kernel (..., C, depth_multiplier) is its kernel (..., 1, C * depth_multiplier) as it stands in memory.
        """
        (frames, height, width, channels), (kt, kh, kw) = movie, self.triple(self.kernel_size)
        return Conv3DSpec(
            T=frames, B=batch, H=height, W=width, C=channels, K=channels * self.depth_multiplier, kt=kt, kh=kh, kw=kw,
            padding=self.padding, training=training, strides=self.triple(self.strides),
            dilation=self.triple(self.dilation_rate), groups=channels,
        )  # fmt: skip
