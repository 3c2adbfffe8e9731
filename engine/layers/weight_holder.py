"""What a layer is without its mathematics: a name, weights with shapes and rules, and whether they are trained."""

import math
import threading
from collections.abc import Callable, Sequence
from typing import Any, ClassVar
from weakref import WeakMethod

import numpy as np

from engine.keras_objects import snake_case
from engine.layers.given_dtype import taking_dtype
from engine.layers.weight import Shape, Weight, WeightSpec, checked_input_shape
from engine.support.validation import boolean, positive_int
from kernels.arrays import HostArray

_OF_THIS_ONE = ("_direct", "_builder", "_calls", "lock")
"""Attributes that a copy does not have."""


class WeightHolder:
    """The part of Layer that has a name and weights; arguments and attributes as there."""

    untrained: ClassVar[tuple[str, ...]] = ()

    _default_name: str = ""
    given_dtype: str | None = None

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        if "__init__" in cls.__dict__:
            cls.__init__ = taking_dtype(cls.__init__)  # type: ignore[method-assign]

    @taking_dtype
    def __init__(
        self,
        name: str | None = None,
        input_shape: tuple[int | None, ...] | None = None,
        batch_input_shape: tuple[int | None, ...] | None = None,
        trainable: bool = True,
    ) -> None:
        self.batch_size: int | None = None
        if batch_input_shape is not None:
            if input_shape is not None:
                raise ValueError("batch_input_shape: give it or input_shape, not both")
            if not isinstance(batch_input_shape, list | tuple) or len(batch_input_shape) < 2:
                raise ValueError(f"batch_input_shape: expected (movies, frames, ...), got {batch_input_shape!r}")
            if batch_input_shape[0] is not None:
                self.batch_size = positive_int("batch_input_shape[0]", batch_input_shape[0])
            input_shape = tuple(batch_input_shape[1:])
        self.weights: list[Weight] = []
        self.given_name = name
        self.name = (self._default_name or snake_case(type(self).__name__)) if name is None else name
        self.input_shape = checked_input_shape(input_shape)
        self.lock: Any = threading.RLock()
        self._built_for = 0
        self._builder: WeakMethod[Callable[[], None]] | None = None
        self._trainable = boolean("trainable", trainable)

    def __getstate__(self) -> dict[str, Any]:
        """A copy is of no network, with the same weights and states; no call of it has been made."""
        return {name: value for name, value in self.__dict__.items() if name not in _OF_THIS_ONE}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state, lock=threading.RLock(), _builder=None)

    @property
    def name(self) -> str:
        """A non-empty string without '/'. When it is set the weights' names follow, as files hold both."""
        return self._name

    @name.setter
    def name(self, value: str) -> None:
        if not isinstance(value, str) or not value or "/" in value:
            raise ValueError(f"name: expected a non-empty string without '/', got {value!r}")
        self._name = value
        for weight in self.weights:
            weight.name = f"{value}/{weight.name.rpartition('/')[2]}"

    @property
    def trainable(self) -> bool:
        """Whether updates move the weights."""
        return self._trainable

    @trainable.setter
    def trainable(self, value: bool) -> None:
        self._trainable = boolean("trainable", value)
        for weight in self.weights:
            weight.trainable = self._trainable and weight.has_gradient

    @property
    def trainable_weights(self) -> list[Weight]:
        """The weights that training moves by their gradient, in Keras' order."""
        self._build_on_demand()
        return [weight for weight in self.weights if weight.trainable]

    @property
    def weights_owner(self) -> Any:
        """The layer whose weights these are: this one, but for a layer that applies another one."""
        return self

    @property
    def has_weights(self) -> bool:
        """Whether the layer declares weights."""
        return type(self).declare_weights is not WeightHolder.declare_weights

    def check_batch(self, movies: int) -> None:
        """Refuse a batch of another size than batch_input_shape says."""
        if self.batch_size not in (None, movies):
            raise ValueError(
                f"batch_input_shape: {self.name} is for batches of {self.batch_size} movies, got one of {movies}"
            )

    def channels(self, shape: Shape) -> int:
        """The size of the input that decides the weights' shapes; ValueError where it is not known or does not fit."""
        channels = shape[-1]
        if channels is None and self.has_weights:
            raise ValueError(f"input_shape: the channels of {self.name}'s input must be known, got {shape}")
        return channels or 0

    def checked_channels(self, shape: Shape) -> int:
        """channels(shape), which must be those that the weights were made for, if there are weights."""
        channels = self.channels(shape)
        if self.weights and channels != self._built_for:
            raise ValueError(
                f"{self.name}: built for inputs of {self._built_for} channels, got {channels} (shape {shape}); a layer "
                "serves one number of channels"
            )
        return channels

    def declare_weights(self, shape: Shape) -> list[WeightSpec]:
        """The weights for inputs of this shape, in Keras' order, `untrained` ones last; none by default."""
        return []

    def weight_shapes(self, shape: Shape) -> list[tuple[int, ...]]:
        """The shapes of the weights for inputs of this shape; nothing is built."""
        return [spec.shape for spec in self.declare_weights(shape)]

    def shape_for_weights(self, shapes: Sequence[tuple[int, ...]]) -> Shape:
        """The shape of movies of any size that weights of these shapes take."""
        return None, None, None, shapes[0][-1]

    def build(self, shape: Shape, random: np.random.Generator) -> None:
        """Create the weights for inputs of this shape, unless they are there; sizes that decide theirs must be known.

        Raises ValueError: they are there for another number of channels.
        """
        channels = self.checked_channels(shape)
        if self.weights:
            return
        self._built_for = channels
        specs = self.declare_weights(shape)
        for spec, initial in zip(specs, self._initial_arrays(specs, random), strict=True):
            has_gradient = spec.name not in self.untrained
            weight = Weight(
                f"{self.name}/{spec.name}", spec.shape, has_gradient and self._trainable, initial, has_gradient,
                spec.regularizer, spec.constraint,
            )  # fmt: skip
            self.weights.append(weight)
            setattr(self, spec.name, weight)

    def _initial_arrays(self, specs: list[WeightSpec], random: np.random.Generator) -> list[HostArray]:
        return [spec.initializer(spec.shape, random) for spec in specs]

    def built_by(self, build: Callable[[], None]) -> None:
        """Note what builds the network that the layer is in, if its inputs are known: a method, not kept alive."""
        self._builder = WeakMethod(build)

    @property
    def network(self) -> Any:
        """The network that the layer was last put into, while it lives; None before."""
        build = None if self._builder is None else self._builder()
        return None if build is None else getattr(build, "__self__", None)

    def _build_on_demand(self) -> None:
        """Build the network that the layer is in, if the layer has no weights yet and ought to."""
        build = self._builder() if self._builder is not None and self.has_weights and not self.weights else None
        if build is not None:
            build()

    def count_params(self) -> int:
        """The number of weights, trained or not; 0 before the shape of the layer's input is known."""
        self._build_on_demand()
        return sum(math.prod(weight.shape) for weight in self.weights)

    def get_weights(self) -> list[HostArray]:
        """Host copies of the weights, in Keras' order; none before the shape of the layer's input is known."""
        self._build_on_demand()
        with self.lock:
            return [weight.to_host() for weight in self.weights]

    def set_weights(self, weights: Sequence[HostArray]) -> None:
        """Set all weights, in Keras' order; ValueError unless there are as many, of these shapes."""
        self._build_on_demand()
        if self.has_weights and not self.weights:
            raise ValueError(f"set_weights: {self.name} is not built; give its network an input_shape, or build(shape)")
        if not isinstance(weights, list | tuple) or len(weights) != len(self.weights):
            got = len(weights) if isinstance(weights, list | tuple) else type(weights).__name__
            raise ValueError(f"weights: expected a list of {len(self.weights)} arrays for {self.name}, got {got}")
        arrays = [np.asarray(array) for array in weights]
        for weight, array in zip(self.weights, arrays, strict=True):
            if array.shape != weight.shape:
                raise ValueError(f"weights: {weight.name} expects shape {weight.shape}, got {array.shape}")
        with self.lock:
            for weight, array in zip(self.weights, arrays, strict=True):
                weight.assign(array.astype(weight.initial.dtype, copy=False))
