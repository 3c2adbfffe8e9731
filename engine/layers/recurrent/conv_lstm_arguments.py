"""A recurrent layer as what computes it sees it: arguments, weights, carried states, and dropout's masks."""

from abc import abstractmethod

import numpy as np

from engine.layers.carried_state import CarriedState
from engine.layers.layer import Layer
from engine.layers.recurrent.sequence_axes import SequenceAxes
from engine.layers.weight import Shape, Weight
from kernels.activations import GATES, Activation
from kernels.arrays import Array, HostArray
from kernels.specs import Padding


class ConvLSTMArguments(Layer):
    """Base of ConvLSTM2D and its like, which document and set all that is named here.

    Every one is a ConvLSTM of frames (H,W): a ConvLSTM1D's have one row, an LSTM's one pixel.

    Attributes:
        turned: whether outputs are given in the reverse of the order in which they were made, as Bidirectional wants.
    """

    filters: int
    kernel_size: tuple[int, ...]
    strides: tuple[int, ...]
    padding: Padding
    data_format: str
    dilation_rate: tuple[int, ...]
    activation: Activation
    recurrent_activation: Activation
    return_sequences: bool
    return_state: bool
    go_backwards: bool
    turned: bool = False
    stateful: bool
    dropout: float
    recurrent_dropout: float
    seed: int | None
    kernel: Weight
    recurrent_kernel: Weight
    bias: Weight | None
    carried: CarriedState

    @property
    @abstractmethod
    def sequence_axes(self) -> SequenceAxes:
        """How the layer's arrays become movies, and back."""

    @abstractmethod
    def state_shape(self, shape: Shape) -> Shape:
        """The shape of h and c for inputs of this shape; ValueError for inputs that the layer cannot take."""

    @property
    def has_dropout(self) -> bool:
        return self.drops_inputs or self.drops_states

    @property
    def drops_inputs(self) -> bool:
        """Whether training masks the inputs; a share of 1 does nothing, in Keras too."""
        return 0.0 < self.dropout < 1.0

    @property
    def drops_states(self) -> bool:
        """Whether training masks h."""
        return 0.0 < self.recurrent_dropout < 1.0

    @staticmethod
    def of_rows_and_columns(numbers: tuple[int, ...]) -> tuple[int, int]:
        """Numbers of the layer's axes as those of rows and columns; 1 for an axis that it has not."""
        rows, columns = (*(1,) * (2 - len(numbers)), *numbers)
        return rows, columns

    @staticmethod
    def taps(array: Array) -> Array:
        """A kernel, or its gradient, as (kh,kw,C,4F)."""
        return array.reshape(*(1,) * (4 - array.ndim), *array.shape)

    def is_fused(self, training: bool) -> bool:
        """Whether the back ends' ConvLSTM operation computes this layer."""
        one_tap = max(self.kernel_size, default=1) == 1
        centred = all(size % 2 == 1 for size in self.kernel_size) and (one_tap or self.padding == "same")
        steps = (1, *self.strides, *(() if one_tap else self.dilation_rate))
        gates = self.recurrent_activation in GATES
        drops = training and self.has_dropout
        return centred and max(steps) == 1 and self.activation == "tanh" and gates and not drops

    def draw_masks(
        self, random: np.random.Generator, x_shape: tuple[int, ...] | None, h_shape: tuple[int, ...] | None
    ) -> tuple[HostArray | None, HostArray | None]:
        """Dropout's masks of one batch, 0 or 1 / (1 - share): (4,B,H,W,C) for x and (4,B,H',W',F) for h, gates i,f,g,o.

        None where the shape is None.
        """
        masks = []
        for shape, share in ((x_shape, self.dropout), (h_shape, self.recurrent_dropout)):
            masks.append(None if shape is None else (random.random(shape, np.float32) >= share) / (1.0 - share))
        return masks[0], masks[1]
