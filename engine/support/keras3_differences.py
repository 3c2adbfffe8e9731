"""What Keras 3 means by words that here mean what they did in Keras 2.3 (docs/fidelity.md)."""

from typing import Any

DEFAULTS: dict[str, dict[str, Any]] = {
    "ConvLSTM1D": {"recurrent_activation": "sigmoid"},
    "ConvLSTM2D": {"recurrent_activation": "sigmoid"},
    "Adadelta": {"learning_rate": 0.001},
    "compile": {"optimizer": "rmsprop"},
}
"""By class, or method, the arguments that have another default."""

ACTIVATIONS = {"hard_sigmoid": "hard_sigmoid_keras3"}
"""Names of activations that are another function."""
