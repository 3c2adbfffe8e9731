"""What training minimises, by Keras' names."""

from dataclasses import dataclass
from typing import Any

from engine.validation import one_of
from kernels import Backend

Array = Any


@dataclass(frozen=True)
class Loss:
    """A loss over the whole output.

    Attributes:
        name: Keras' name.
        from_logits: the loss takes what stands before the last activation, which must then be `activation`.
        activation: the last activation that from_logits folds in.
    """

    name: str
    from_logits: bool = False
    activation: str | None = None

    def forward_backward(
        self, backend: Backend, output: Array, target: Array, loss: Array, doutput: Array | None
    ) -> None:
        """loss (1,) float64 and, unless None, its gradient; output, target, doutput (T,B,H,W,K)."""
        if self.from_logits:
            backend.bce_forward_backward(output, target, loss, doutput)
        else:
            backend.mse_forward_backward(output, target, loss, doutput)


BINARY_CROSSENTROPY = Loss("binary_crossentropy", from_logits=True, activation="sigmoid")
MEAN_SQUARED_ERROR = Loss("mse")

_BY_NAME = {
    "binary_crossentropy": BINARY_CROSSENTROPY,
    "mse": MEAN_SQUARED_ERROR,
    "mean_squared_error": MEAN_SQUARED_ERROR,
}


def get_loss(loss: Any) -> Loss:
    """A Loss by name."""
    loss = loss.name if isinstance(loss, Loss) else loss
    return _BY_NAME[one_of("loss", loss, _BY_NAME)]


def check_last_activation(loss: Loss, activation: str) -> None:
    """Refuse a loss that the network's last activation does not fit.

    Binary cross-entropy is computed from logits, which is exact where a sigmoid saturates; it needs that sigmoid.
    """
    if loss.from_logits and activation != loss.activation:
        raise ValueError(
            f"loss: {loss.name} expects the last layer to have activation={loss.activation!r}, got {activation!r}; "
            f"use activation={loss.activation!r} there, or loss='mse'"
        )
