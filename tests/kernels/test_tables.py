"""What is in a table and not on a back end is refused by name, when the operation or the network is made."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from engine import Conv3D, ConvLSTM2D, Sequential
from kernels import Backend, ConvLSTMSpec
from kernels.activations import ACTIVATIONS, ActivationEntry
from kernels.losses import TERMS, LossSpec, Term
from kernels.tables import constants, implemented
from kernels.updates import UPDATES, UpdateRule, UpdateSpec
from tests.kernels.under_test import open_under_test

BACKENDS = ("reference-float32", "cpu-float32", "cuda-float32")

ARCTAN = ActivationEntry(99, "y = arctan(z)", "cos(y)**2", -np.pi / 2, np.pi / 2, "Atan")
ENTRIES: dict[str, tuple[dict[str, Any], Any, Callable[[Backend], Any]]] = {
    "arctan": (ACTIVATIONS, ARCTAN, lambda backend: backend.activation("arctan")),
    "charbonnier": (
        TERMS,
        Term(99, "term = sqrt((p - y)**2 + 1)", "slope = (p - y) / term"),
        lambda backend: backend.loss(LossSpec("charbonnier")),
    ),
    "lion": (UPDATES, UpdateRule("w = w - rate * sign(g)"), lambda backend: backend.update(UpdateSpec("lion"))),
}
"""An entry for each table that no back end has, and who asks for it."""


@pytest.fixture(autouse=True)
def declared(monkeypatch: pytest.MonkeyPatch) -> None:
    """All of ENTRIES stand in their tables."""
    for name, (table, entry, _) in ENTRIES.items():
        monkeypatch.setitem(table, name, entry)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("name", ENTRIES)
def test_an_entry_that_a_back_end_lacks_is_refused_by_name(name: str, backend: str) -> None:
    with pytest.raises(ValueError, match=f"the {backend.split('-', maxsplit=1)[0]} back end has no '{name}', only "):
        ENTRIES[name][2](open_under_test(backend))


LAYERS: dict[str, Callable[[], Any]] = {
    "conv3d": lambda: Conv3D(1, 3, activation="arctan", padding="same"),
    "cell": lambda: ConvLSTM2D(1, 3, activation="arctan", padding="same", return_sequences=True),
    "gates": lambda: ConvLSTM2D(1, 3, recurrent_activation="arctan", padding="same", return_sequences=True),
}


@pytest.mark.parametrize("device", ["reference", "cpu"])
@pytest.mark.parametrize("layer", LAYERS)
def test_a_network_with_it_does_no_step(layer: str, device: str) -> None:
    x = np.random.default_rng(0).random((2, 3, 5, 4, 1))
    network = Sequential([LAYERS[layer]()], device=device)
    network.compile(loss="mse", optimizer="sgd")
    network.build(x.shape[1:])
    before = network.get_weights()
    for call in (lambda: network.predict(x), lambda: network.train_on_batch(x, x)):
        with pytest.raises(ValueError, match=f"the {device} back end has no 'arctan'"):
            call()
    assert network.iterations == 0
    for was, now in zip(before, network.get_weights(), strict=True):
        np.testing.assert_array_equal(now, was)


@pytest.mark.parametrize("gates", ["arctan", "tanh"])
def test_the_fast_recurrence_knows_its_gates(gates: str) -> None:
    with pytest.raises(ValueError, match=f"recurrent_activation: expected one of .*got '{gates}'"):
        ConvLSTMSpec(1, 1, 4, 4, 1, 1, 3, 3, recurrent_activation=gates)


@pytest.mark.parametrize("backend", ["cpu-float32", "cuda-float32"])
def test_a_code_without_a_branch_computes_nothing_that_looks_right(
    backend: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Should a back end ever say that it has an entry, and have no branch for its code."""
    monkeypatch.setitem(ACTIVATIONS, "tanh", replace(ACTIVATIONS["tanh"], code=ARCTAN.code))
    on = open_under_test(backend)
    y = on.from_host(np.full((3, 5), 0.5))
    activation = on.activation("tanh")
    for call in (lambda z: activation.forward(y, z), lambda z: activation.backward(y, y, z)):
        result = on.zeros((3, 5))
        call(result)
        assert np.isnan(on.to_host(result)).all()


def test_what_a_source_implements_is_read_off_its_constants() -> None:
    words = ["if", "ACTIVATION_TANH", "ACTIVATION_HARD_SIGMOID_KERAS3"]
    assert implemented("ACTIVATION", ACTIVATIONS, words) == ("tanh", "hard_sigmoid_keras3")
    assert constants("ACTIVATION", ACTIVATIONS)["ACTIVATION_ARCTAN"] == 99
