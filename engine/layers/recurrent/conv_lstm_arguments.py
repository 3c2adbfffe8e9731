"""A convolutional LSTM as what computes it sees it: arguments, weights, carried states, and dropout's masks."""

import numpy as np

from engine.layers.carried_state import CarriedState
from engine.layers.layer import Layer
from engine.layers.weight import Weight
from kernels.activations import GATES, Activation
from kernels.arrays import HostArray
from kernels.specs import Padding


class ConvLSTMArguments(Layer):
    """Base of ConvLSTM2D, which documents and sets all that is named here."""

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
    stateful: bool
    dropout: float
    recurrent_dropout: float
    seed: int | None
    kernel: Weight
    recurrent_kernel: Weight
    bias: Weight | None
    carried: CarriedState

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

    def is_fused(self, training: bool) -> bool:
        """Whether the back ends' ConvLSTM operation computes this layer."""
        one_tap = self.kernel_size == (1, 1)
        centred = all(size % 2 == 1 for size in self.kernel_size) and (one_tap or self.padding == "same")
        steps = (*self.strides, *(() if one_tap else self.dilation_rate))
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
