"""One case of tests/fixtures/keras_arguments: what Keras computed, and how a network here is held against it."""

import json
from typing import Any

import numpy as np

import engine
from bench.peers.keras_comparison.here import hand_in_masks, network_here, split
from kernels import Backend
from tests.paths import FIXTURES

Array = np.ndarray[Any, Any]

FOLDER = FIXTURES / "keras_arguments"
RESET = 5
TOLERANCE = {"float64": 1e-9, "float32": 2e-5}
"""Relative to the largest number of an array. float32 leaves room for ten steps of its own rounding."""


class Fixture:
    """One case: what Keras computed, and the network here."""

    def __init__(self, name: str, device: str, dtype: str) -> None:
        with np.load(FOLDER / f"{name}.npz", allow_pickle=False) as file:
            self.arrays = dict(file)
        self.config: dict[str, Any] = json.loads(str(self.arrays["config"]))
        self.device, self.dtype = device, dtype

    def __getitem__(self, name: str) -> Array:
        return self.arrays[name]

    def network(self) -> engine.Sequential:
        """Freshly made, with the initial weights and Keras' masks."""
        arguments = self.config["layers"], self["x"].shape, self.config["loss"], self.config["optimizer"]
        network = network_here(*arguments, self.device, self.dtype)
        network.set_weights(split(self["initial"], network))
        hand_in_masks(network, self.arrays.get("x_masks"), self.arrays.get("h_masks"))
        return network

    def close(self, actual: Any, expected: Any, what: str) -> None:
        """Equal to the tolerance of the floating-point type."""
        actual, expected = np.asarray(actual, np.float64), np.asarray(expected)
        assert actual.shape == expected.shape, what
        bound = TOLERANCE[self.dtype] * max(1.0, float(np.abs(expected).max(initial=0.0)))
        np.testing.assert_allclose(actual, expected, rtol=0, atol=bound, err_msg=what)


def compare(fixture: Fixture) -> None:
    """Everything that the fixture holds of a network."""
    x, y = fixture["x"], fixture["y"]
    network = fixture.network()
    fixture.close(network.predict(x), fixture["forward"], "forward")
    if "forward_again" in fixture.arrays:
        fixture.close(network.predict(x), fixture["forward_again"], "forward from the states of the call before")
        assert np.abs(fixture["forward_again"] - fixture["forward"]).max() > 1e-3
        network.reset_states()
    loss, gradients = network.loss_and_gradients(x, y)
    fixture.close(loss, fixture["loss"], "loss")
    for weight, expected in zip(network.trainable_weights, split(fixture["gradients"], network, True), strict=True):
        fixture.close(gradients[weight.name], expected, f"gradient of {weight.name}")
        unused = weight.name.endswith("recurrent_kernel") and x.shape[1] == 1
        assert unused or np.abs(expected).max() > 1e-6, f"the gradient of {weight.name} proves nothing"
    network = fixture.network()
    fixture.close(gradient_of_movies(network, x, y), fixture["dx"], "dx")
    losses = []
    for step in range(len(fixture["losses"])):
        if step == RESET:
            network.reset_states()
        losses.append(network.train_on_batch(x, y))
    fixture.close(losses, fixture["losses"], "losses")
    finals = split(fixture["final"], network)
    for weight, actual, expected in zip(network.weights, network.get_weights(), finals, strict=True):
        fixture.close(actual, expected, f"{weight.name} after the steps")


def gradient_of_movies(network: engine.Sequential, x: Array, y: Array) -> Array:
    """dx of the mean squared error in training mode, layer by layer; uses the first masks, and leaves no state."""
    backend: Backend = network.backend
    shape, bound = tuple(x.shape[1:]), []
    for layer in network.layers:
        bound.append(layer.bind_node(backend, [shape], len(x), training=True))
        bound[-1].keep_state(False)
        bound[-1].draw(np.random.default_rng(0))
        shape = tuple(layer.output_shape(shape))
    flowing = backend.from_host(np.ascontiguousarray(x.swapaxes(0, 1)))
    for layer in bound:
        (flowing,) = layer.forward([flowing])
    output = backend.to_host(flowing)
    target = (y.swapaxes(0, 1) if y.ndim == 5 else y[np.newaxis]).reshape(output.shape)
    flowing = backend.from_host(2.0 * (output - target) / output.size)
    for layer in reversed(bound):
        (flowing,) = layer.backward([flowing], [True])
    return backend.to_host(flowing).swapaxes(0, 1)
