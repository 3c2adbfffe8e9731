"""Dense: a matrix product over the last axis."""

from collections.abc import Sequence
from typing import Any

from engine.layers.keras_form import KerasForm
from engine.layers.layer import WIDE, BoundLayer, Narrow
from engine.layers.product import BoundConvolution, GivenRules, ProductLayer
from engine.layers.weight import Shape, Weight, WeightSpec, time_major
from engine.support.validation import positive_int
from kernels import Backend, Conv3DSpec
from kernels.arrays import Array
from kernels.operations import ConvLSTM


class Dense(ProductLayer):
    """y = activation(x @ kernel + bias), over the last axis: (N,...,C) -> (N,...,units).

    Args:
        units: size of the output's last axis.
        activation: a name such as 'relu', or as engine.activations has it; None (default) is 'linear'.
        use_bias: default True.
        activity_regularizer: must be None.
        kernel_initializer, bias_initializer, kernel_regularizer, bias_regularizer, kernel_constraint, bias_constraint,
            input_shape, batch_input_shape, trainable, name: as for ConvLSTM2D.
    """

    frame_by_frame = True
    reads_narrow = True
    keras_form = KerasForm(
        "Dense",
        groups=("dense",),
        renamed={
            "output_dim": "units",
            "init": "kernel_initializer",
            "bias": "use_bias",
            "W_regularizer": "kernel_regularizer",
            "b_regularizer": "bias_regularizer",
            "W_constraint": "kernel_constraint",
            "b_constraint": "bias_constraint",
        },
    )
    kernel: Weight

    def __init__(
        self,
        units: int,
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
            "kernel": GivenRules(2, kernel_initializer, kernel_regularizer, kernel_constraint),
            "bias": GivenRules(1, bias_initializer, bias_regularizer, bias_constraint),
        }
        super().__init__(
            activation, use_bias, activity_regularizer, rules,
            name=name, input_shape=input_shape, batch_input_shape=batch_input_shape, trainable=trainable,
        )  # fmt: skip
        self.units = positive_int("units", units)

    def output_shape(self, shape: Shape) -> Shape:
        return *shape[:-1], self.units

    def declare_weights(self, shape: Shape) -> list[WeightSpec]:
        kernel = (self.channels(shape), self.units)
        return [self.rules["kernel"].declare("kernel", kernel), *self.declare_bias(self.units)]

    def shape_for_weights(self, shapes: Sequence[tuple[int, ...]]) -> Shape:
        return (shapes[0][0],)

    def bind(
        self,
        backend: Backend,
        shape: tuple[int, ...],
        batch: int,
        training: bool,
        logits: bool = False,
        narrow: Narrow = WIDE,
        source: ConvLSTM[Array] | None = None,
    ) -> BoundLayer:
        frames, batch, height, width, channels = time_major(shape, batch)
        spec = Conv3DSpec(
            T=frames, B=batch, H=height, W=width, C=channels, K=self.units, kt=1, kh=1, kw=1, training=training,
            narrow_x=narrow.x,
        )  # fmt: skip
        return BoundConvolution(self, self.kernel, backend, spec, logits)

    def get_config(self) -> dict[str, Any]:
        return {"units": self.units, **self.product_config()}
