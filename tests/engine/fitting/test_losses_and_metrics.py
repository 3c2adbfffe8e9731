"""Losses, their gradients and metrics are Keras 3's, alone and in training.

tests/fixtures/make_keras_losses_and_metrics.py made the fixture.
"""

import json
from typing import Any

import numpy as np
import pytest

from engine import Conv3D, Sequential, load_model, optimizers
from engine.losses import LOSSES
from engine.metrics import METRICS
from kernels.select import open_backend
from tests.paths import FIXTURES

with np.load(FIXTURES / "keras_losses_and_metrics.npz", allow_pickle=False) as file:
    KERAS = dict(file)
DESCRIBED = {kind: json.loads(str(KERAS[kind])) for kind in ("losses", "metrics", "networks")}
BATCHES = (3, 1, 2)
CLOSE = {"rtol": 1e-9, "atol": 1e-9}
DEVICES = ["reference", "cpu"]

pytestmark = pytest.mark.parametrize("device", DEVICES)


def arrays(name: str, classes: bool) -> tuple[np.ndarray, np.ndarray]:
    output, target = KERAS[f"{name}_output"], KERAS[f"{name}_target"]
    return output, target[..., np.newaxis] if classes else target


@pytest.mark.parametrize("name", DESCRIBED["losses"])
def test_a_loss_and_its_gradient(name: str, device: str) -> None:
    case, backend = DESCRIBED["losses"][name], open_backend(device, "float64")
    loss = LOSSES[case["class_name"]](**case["config"])
    output, target = arrays(name, loss.classes)
    value, gradient = np.zeros(1), np.full_like(output, np.nan)
    backend.loss(loss.spec(from_logits=False))(output, target, None, value, gradient)
    close = 4e-9 if name == "log_cosh" else 1e-9  # Keras rounds the log of 2 in it to float32
    np.testing.assert_allclose(value[0], KERAS[f"{name}_value"], rtol=close, atol=close)
    np.testing.assert_allclose(gradient, KERAS[f"{name}_gradient"], **CLOSE)


@pytest.mark.parametrize("name", DESCRIBED["metrics"])
def test_a_metric_over_batches_of_several_sizes(name: str, device: str) -> None:
    case, backend = DESCRIBED["metrics"][name], open_backend(device, "float64")
    metric = METRICS[case["class_name"]](**case["config"])
    output, target = arrays(name, not metric.fits(classes=False))
    measure = metric.bind(backend, output.shape[1:], classes=not metric.fits(classes=False), logits=False)
    rows = np.full((len(BATCHES), metric.width), np.nan)
    cuts = np.cumsum(BATCHES)[:-1]
    for row, predicted, true in zip(rows, np.split(output, cuts), np.split(target, cuts), strict=True):
        measure(np.ascontiguousarray(predicted), np.ascontiguousarray(true), row)
    assert 0.0 < abs(KERAS[f"{name}_result"]) < 1e3
    np.testing.assert_allclose(metric.result(rows, BATCHES), KERAS[f"{name}_result"], rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("name", DESCRIBED["networks"])
def test_a_network_of_classes_trains_as_keras_does(name: str, device: str) -> None:
    """Its softmax goes into the loss, and metrics still see shares; two epochs with a last batch that is smaller."""
    case, x, y = DESCRIBED["networks"][name], KERAS["x"], KERAS[f"{name}_y"]
    head = Conv3D(3, (1, 3, 3), padding="same", activation="softmax", input_shape=x.shape[1:])
    network = Sequential([head], device=device, dtype="float64")
    network.compile(optimizers.SGD(0.5), loss=case["loss"], metrics=case["metrics"])
    network.set_weights([KERAS[f"{name}_initial_{number}"] for number in range(2)])
    close: dict[str, Any] = {"rtol": 1e-6, "atol": 1e-9}  # Keras keeps metrics in float32
    np.testing.assert_allclose(network.evaluate(x, y, batch_size=4, verbose=0), KERAS[f"{name}_evaluate"], **close)
    history = network.fit(x, y, batch_size=4, epochs=2, shuffle=False, verbose=0).history
    assert list(history)[1:] == case["metrics"]
    np.testing.assert_allclose(list(history.values()), KERAS[f"{name}_history"], **close)
    for number, weight in enumerate(network.get_weights()):
        np.testing.assert_allclose(weight, KERAS[f"{name}_final_{number}"], **CLOSE)


def test_two_heads_come_from_a_file_with_their_losses_and_metrics(device: str) -> None:
    network = load_model(FIXTURES / "keras_two_heads.keras", device=device)
    y = {"a": KERAS["heads_a"], "b": KERAS["heads_b"]}
    found = network.evaluate(KERAS["heads_x"], y, verbose=0, return_dict=True)
    expected = dict(zip(KERAS["heads_names"].tolist(), KERAS["heads_evaluate"], strict=True))
    assert found == pytest.approx(expected, rel=1e-5)
