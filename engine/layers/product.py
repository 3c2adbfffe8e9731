"""What layers that multiply by a kernel share: rules for each weight, a bias, and an activation at the end."""

from abc import abstractmethod
from collections.abc import Mapping
from typing import Any, NamedTuple

from engine.constraints import Constraint, get_constraint
from engine.initializers import Initializer, get_initializer
from engine.keras_objects import serialize, serialize_short
from engine.layers.activated import InPlaceActivation
from engine.layers.activation_text import checked_activation
from engine.layers.layer import BoundLayer, Layer
from engine.layers.weight import Weight, WeightSpec, stand_in
from engine.regularizers import Regularizer, get_regularizer
from engine.support.validation import boolean, one_of
from kernels import Backend, Conv3DSpec
from kernels.activations import Activation
from kernels.arrays import Array


class GivenRules(NamedTuple):
    """A weight's rules as a layer's arguments have them: objects, names or configs.

    Attributes:
        rank: axes of the weight.
        initializer, regularizer, constraint: the arguments.
    """

    rank: int
    initializer: Any
    regularizer: Any
    constraint: Any


class WeightRules(NamedTuple):
    """What a layer's arguments ask of one of its weights."""

    initializer: Initializer
    regularizer: Regularizer | None
    constraint: Constraint | None

    def declare(self, name: str, shape: tuple[int, ...]) -> WeightSpec:
        """A weight of that name and shape under these rules."""
        return WeightSpec(name, shape, self.initializer, self.regularizer, self.constraint)


class ProductLayer(Layer):
    """Base of layers that compute activation(a product of x and kernels + bias).

    Args:
        activation: as for engine.activations.get; None is 'linear'.
        use_bias: whether a bias is added.
        activity_regularizer: must be None.
        rules: by weight, the arguments {weight}_initializer, {weight}_regularizer and {weight}_constraint, in Keras'
            order; each becomes an attribute of that name.
        common: name, input_shape, batch_input_shape, trainable, as for every layer.
    """

    def __init__(
        self,
        activation: Any,
        use_bias: bool,
        activity_regularizer: None,
        rules: Mapping[str, GivenRules],
        **common: Any,
    ) -> None:
        super().__init__(**common)
        self.activation: Activation = checked_activation("activation", activation)
        self.use_bias = boolean("use_bias", use_bias)
        one_of("activity_regularizer", activity_regularizer, [None], "put the penalty on weights")
        self.rules = {weight: _checked(weight, given) for weight, given in rules.items()}
        for weight, given in self.rules.items():
            for rule, value in given._asdict().items():
                setattr(self, f"{weight}_{rule}", value)
        self.bias: Weight | None = None

    @property
    def activation_name(self) -> str:
        return self.activation

    def declare_bias(self, size: int) -> list[WeightSpec]:
        """The bias of so many outputs, if there is one."""
        return [self.rules["bias"].declare("bias", (size,))] if self.use_bias else []

    def product_config(self) -> dict[str, Any]:
        """activation, use_bias and the weights' rules, JSON-able, and what every layer says."""
        config: dict[str, Any] = {"activation": self.activation, "use_bias": self.use_bias}
        config |= {f"{weight}_initializer": serialize_short(each.initializer) for weight, each in self.rules.items()}
        config |= {f"{weight}_regularizer": serialize(each.regularizer) for weight, each in self.rules.items()}
        config |= {f"{weight}_constraint": serialize(each.constraint) for weight, each in self.rules.items()}
        return config | super().get_config()


class BoundProduct(BoundLayer):
    """A ProductLayer with memory: the activation in place, after and before what subclasses compute.

    Args:
        logits: leave the activation out.
        y_shape: of the output.
        training: whether backward will be called.
    """

    def __init__(
        self, layer: ProductLayer, backend: Backend, logits: bool, y_shape: tuple[int, ...], training: bool
    ) -> None:
        self._activation = InPlaceActivation(backend, "linear" if logits else layer.activation, y_shape, training)

    @abstractmethod
    def multiply(self, x: Array) -> Array:
        """x -> the product and its bias, in memory that may be overwritten until the next call."""

    @abstractmethod
    def differentiate(self, dz: Array, need_dx: bool) -> Array | None:
        """Write the weights' gradients for dz, the gradient of what `multiply` returned; return dx if need_dx."""

    def forward(self, x: Array) -> Array:
        return self._activation.forward(self.multiply(x))

    def backward(self, dy: Array, need_dx: bool) -> Array | None:
        return self.differentiate(self._activation.backward(dy), need_dx)


class BoundConvolution(BoundProduct):
    """A product that the back end's Conv3D computes, its bias included.

    Args:
        kernel: of the layer, any shape of as many numbers as the spec's kernel, in its order.
    """

    def __init__(
        self, layer: ProductLayer, kernel: Weight, backend: Backend, spec: Conv3DSpec, logits: bool = False
    ) -> None:
        super().__init__(layer, backend, logits, spec.y_shape, spec.training)
        self._kernel, self._kernel_shape = kernel, spec.kernel_shape
        self._convolution = backend.conv3d(spec)
        self._bias = layer.bias or stand_in(backend, spec.K, 0.0)

    def multiply(self, x: Array) -> Array:
        self._x = x
        return self._convolution.forward(x, self._kernel.value.reshape(self._kernel_shape), self._bias.value)

    def differentiate(self, dz: Array, need_dx: bool) -> Array | None:
        kernel, gradient = (array.reshape(self._kernel_shape) for array in (self._kernel.value, self._kernel.gradient))
        return self._convolution.backward(dz, self._x, kernel, gradient, self._bias.gradient, need_dx)


def _checked(weight: str, given: GivenRules) -> WeightRules:
    return WeightRules(
        get_initializer(f"{weight}_initializer", given.initializer),
        get_regularizer(f"{weight}_regularizer", given.regularizer),
        get_constraint(f"{weight}_constraint", given.constraint, given.rank),
    )
