"""Transposed convolutions over one, two or three axes: what a convolution's backward pass does to a gradient.

(1)  y = dx of the convolution that makes x's size out of y's, with x as its dy          + bias

backward:  dx      = that convolution of dy
           dkernel = that convolution's, with dy as its x and x as its dy
           dbias   = sum of dy
"""

from collections.abc import Sequence
from typing import Any

from engine.layers.convolutional.window import WindowLayer
from engine.layers.layer import BoundLayer, Narrow
from engine.layers.product import BoundProduct, GivenRules
from engine.layers.spatial import AXES, Movie
from engine.layers.weight import Shape, Weight, WeightSpec
from engine.support.validation import integer, positive_int
from kernels import Backend, Conv3DSpec
from kernels.arrays import Array
from kernels.specs import convolution_length


class TransposedConvolution(WindowLayer):
    """Base of Conv1DTranspose, Conv2DTranspose and Conv3DTranspose, which document their arguments."""

    kernel: Weight

    def __init__(
        self,
        filters: int,
        kernel_size: int | Sequence[int],
        strides: int | Sequence[int] = 1,
        padding: str = "valid",
        output_padding: int | Sequence[int] | None = None,
        data_format: str | None = None,
        dilation_rate: int | Sequence[int] = 1,
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
        self.filters = positive_int("filters", filters)
        self.output_padding = self._checked_output_padding(output_padding)

    @property
    def can_stream(self) -> bool:
        each_alone = self.triple(self.kernel_size)[0] == self.triple(self.strides)[0] == 1
        return each_alone and self.data_format == "channels_last"

    def channels_after(self, channels: int | None) -> int:
        return self.filters

    def channels_before(self, shapes: Sequence[tuple[int, ...]]) -> int:
        return shapes[0][-1]

    def declare_weights(self, shape: Shape) -> list[WeightSpec]:
        kernel = (*self.kernel_size, self.filters, self.channels(shape))
        return [self.rules["kernel"].declare("kernel", kernel), *self.declare_bias(self.filters)]

    def length(self, axis: int, n: int | None) -> int | None:
        """TensorFlow's rule: 'same' makes stride times as many, 'valid' as many as all taps of all inputs reach.

        Both reach further, or less far, with output_padding: the last input's first tap, and so many positions.
        """
        if n is None:
            return None
        stride, gap = self.strides[axis], self.dilation_rate[axis]
        extent = (self.kernel_size[axis] - 1) * gap + 1
        if self.output_padding is None:
            return n * stride if self.padding == "same" else (n - 1) * stride + max(extent, stride)
        reach = extent % 2 if self.padding == "same" else extent
        length = (n - 1) * stride + reach + self.output_padding[axis]
        if convolution_length(length, self.kernel_size[axis], stride, gap, self.padding) != n:
            raise ValueError(
                f"output_padding: {self.output_padding} makes {length} {AXES[axis - self.rank]} of {n}, of which a "
                f"convolution of this kernel and strides makes another number; leave it out, or add 1"
            )
        return length

    def spec(self, movie: Movie, made: Movie, batch: int) -> Conv3DSpec:
        """The convolution from `made` (T',H',W',filters) back to `movie` (T,H,W,C), whose gradient the layer is."""
        (frames, height, width, filters), (kt, kh, kw) = made, self.triple(self.kernel_size)
        return Conv3DSpec(
            T=frames, B=batch, H=height, W=width, C=filters, K=movie[-1], kt=kt, kh=kh, kw=kw, padding=self.padding,
            strides=self.triple(self.strides), dilation=self.triple(self.dilation_rate),
        )  # fmt: skip

    def bind_movie(
        self, backend: Backend, movie: Movie, batch: int, training: bool, logits: bool, narrow: Narrow
    ) -> BoundLayer:
        *sizes, _ = movie
        leading, window = sizes[: 3 - self.rank], sizes[3 - self.rank :]
        made = (*leading, *(self.length(axis, n) or 0 for axis, n in enumerate(window)))
        frames, height, width = made
        spec = self.spec(movie, (frames, height, width, self.filters), batch)
        return _BoundTransposedConvolution(self, backend, spec, training, logits)

    def get_config(self) -> dict[str, Any]:
        padding = None if self.output_padding is None else list(self.output_padding)
        config = {"filters": self.filters, **self.window_config(), "output_padding": padding}
        return config | self.product_config()

    def _checked_output_padding(self, value: Any) -> tuple[int, ...] | None:
        if value is None:
            return None
        sizes = [value] * self.rank if isinstance(value, int) else list(value)
        if len(sizes) != self.rank:
            raise ValueError(f"output_padding: expected an integer or {self.rank} integers, got {value!r}")
        padding = tuple(integer("output_padding", size, 0) for size in sizes)
        if any(size >= stride for size, stride in zip(padding, self.strides, strict=True)):
            raise ValueError(f"output_padding: expected less than strides={self.strides}, got {value!r}")
        return padding


class _BoundTransposedConvolution(BoundProduct):
    def __init__(
        self, layer: TransposedConvolution, backend: Backend, spec: Conv3DSpec, training: bool, logits: bool
    ) -> None:
        super().__init__(layer, backend, logits, spec.x_shape, training)
        self._layer, self._kernel_shape = layer, spec.kernel_shape
        self._convolution = backend.conv3d(spec)
        self._unread = backend.zeros((spec.K,))
        self._no_bias = backend.zeros((spec.K,))
        if layer.bias is not None:
            self._repeated = backend.broadcast((1, 1, 1, 1, spec.C), spec.x_shape)

    def multiply(self, x: Array) -> Array:
        self._x = x
        kernel = self._layer.kernel.value.reshape(self._kernel_shape)
        y = self._convolution.backward(x, x, kernel, None, None)  # (1); the second x is not read
        assert y is not None
        if self._layer.bias is not None:
            self._repeated.add(self._layer.bias.value.reshape((1, 1, 1, 1, -1)), y)
        return y

    def differentiate(self, dz: Array, need_dx: bool) -> Array | None:
        kernel = self._layer.kernel
        value, gradient = (array.reshape(self._kernel_shape) for array in (kernel.value, kernel.gradient))
        self._convolution.backward(self._x, dz, value, gradient, self._unread, need_dx=False)
        if self._layer.bias is not None:
            self._repeated.backward(dz, self._layer.bias.gradient.reshape((1, 1, 1, 1, -1)))
        return self._convolution.forward(dz, value, self._no_bias) if need_dx else None
