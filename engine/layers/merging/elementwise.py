"""Add, Subtract, Multiply, Average, Maximum and Minimum: several inputs combined element by element."""

from collections.abc import Sequence
from typing import ClassVar

from engine.layers.keras_form import KerasForm
from engine.layers.merging.merge import Merge
from engine.layers.weight import Shape
from kernels.combinations import Combination, CombinationSpec


class _OneCombination(Merge):
    """All inputs joined by one combination."""

    combination: ClassVar[Combination]

    def steps(self, inputs: int) -> list[CombinationSpec]:
        return [CombinationSpec(self.combination)] * (inputs - 1)


class Add(_OneCombination):
    """The sum of any number of inputs.

    Args:
        name, trainable: as for every layer (see Layer).
    """

    combination = "sum"
    keras_form = KerasForm("Add", groups=("add",), merge_mode="sum")


class Subtract(Merge):
    """The first of two inputs less the second.

    Args:
        name, trainable: as for every layer (see Layer).
    """

    keras_form = KerasForm("Subtract", groups=("subtract",))

    def output_shapes(self, shapes: Sequence[Shape]) -> list[Shape]:
        if len(shapes) != 2:
            raise ValueError(f"{self.name}: expected two inputs, got {len(shapes)}")
        return super().output_shapes(shapes)

    def steps(self, inputs: int) -> list[CombinationSpec]:
        return [CombinationSpec("sum", (1.0, -1.0))]


class Multiply(_OneCombination):
    """The product of any number of inputs.

    Args:
        name, trainable: as for every layer (see Layer).
    """

    combination = "product"
    keras_form = KerasForm("Multiply", groups=("multiply",), merge_mode="mul")


class Average(Merge):
    """The mean of any number of inputs.

    Args:
        name, trainable: as for every layer (see Layer).
    """

    keras_form = KerasForm("Average", groups=("average",), merge_mode="ave")

    def steps(self, inputs: int) -> list[CombinationSpec]:
        share = 1.0 / inputs
        first = [share, *[1.0] * (inputs - 2)]
        return [CombinationSpec("sum", (factor, share)) for factor in first[: inputs - 1]]


class Maximum(_OneCombination):
    """The largest of any number of inputs; of equal ones the first gets the gradient, as in TensorFlow.

    Args:
        name, trainable: as for every layer (see Layer).
    """

    combination = "maximum"
    keras_form = KerasForm("Maximum", groups=("maximum",), merge_mode="max")


class Minimum(_OneCombination):
    """The smallest of any number of inputs; of equal ones the first gets the gradient, as in TensorFlow.

    Args:
        name, trainable: as for every layer (see Layer).
    """

    combination = "minimum"
    keras_form = KerasForm("Minimum", groups=("minimum",))
