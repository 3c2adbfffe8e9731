"""An activation with memory for one array, where it takes another operation's output and may stand in its place."""

from kernels import Backend
from kernels.activations import SOFTMAX, Activation, ActivationOperation, parsed
from kernels.arrays import Array


def activation_operation(backend: Backend, activation: Activation) -> ActivationOperation[Array]:
    """The back end's operation for any activation of a layer, softmax included."""
    return backend.softmax() if activation == SOFTMAX else backend.activation(activation)


def is_of_input(activation: Activation) -> bool:
    """Whether the derivative is written in terms of the input, which must then be kept."""
    return activation != SOFTMAX and parsed(activation).entry.of_input


class InPlaceActivation:
    """Activates z where it stands; into memory of its own where backward needs z.

    Args:
        activation: as checked_activation gives it; linear does nothing.
        shape: of z.
        training: whether backward will be called.
    """

    def __init__(self, backend: Backend, activation: Activation, shape: tuple[int, ...], training: bool) -> None:
        self._operation = None if activation == "linear" else activation_operation(backend, activation)
        self._own = backend.empty(shape) if training and is_of_input(activation) else None

    def forward(self, z: Array) -> Array:
        """Return y, in z's place or in memory of its own; z is then what it was."""
        if self._operation is None:
            return z
        y = z if self._own is None else self._own
        self._operation.forward(z, y)
        self._kept = z
        return y

    def backward(self, dy: Array) -> Array:
        """dy -> dz, in its place."""
        if self._operation is not None:
            self._operation.backward(self._kept, dy, dy)
        return dy
