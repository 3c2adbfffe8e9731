"""The small network that these tests save, and where its state is read."""

from typing import Any

import numpy as np

from engine import Adadelta, BatchNormalization, Conv3D, ConvLSTM2D, Sequential

Array = np.ndarray[Any, Any]


def small_network(gates: str = "sigmoid", head: str = "same", dtype: str = "float32", **shape: Any) -> Sequential:
    """Odd in every size: 3 filters, kernels 3x1 and 1x5, two channels in; trained for two steps."""
    network = Sequential(device="reference", dtype=dtype, seed=3, name="small")
    arguments: dict[str, Any] = {"padding": "same", "return_sequences": True}
    first = shape.get("input_shape", (None, 5, 4, 2))
    network.add(ConvLSTM2D(3, (3, 1), recurrent_activation=gates, input_shape=first, **arguments))
    network.add(BatchNormalization(momentum=0.8, epsilon=1e-2))
    network.add(ConvLSTM2D(2, (1, 5), recurrent_activation="sigmoid", name="second", **arguments))
    network.add(Conv3D(2, (2, 3, 1), padding=head, activation="sigmoid"))
    network.compile(loss="binary_crossentropy", optimizer=Adadelta(learning_rate=0.5, rho=0.9, epsilon=1e-6))
    for _ in range(2):
        network.train_on_batch(movies(), movies(seed=2))
    return network


def movies(seed: int = 1) -> Array:
    """(2,3,5,4,2) in [0, 1]."""
    return np.random.default_rng(seed).random((2, 3, 5, 4, 2))


def same_state(a: Sequential, b: Sequential, tolerance: float = 0.0) -> None:
    """All weights and accumulators of two networks, by order."""
    first, second = a.state_arrays(), b.state_arrays()
    assert len(first) == len(second)
    for (name, array), other in zip(first.items(), second.values(), strict=True):
        np.testing.assert_allclose(array, other, rtol=tolerance, atol=0, err_msg=name)
