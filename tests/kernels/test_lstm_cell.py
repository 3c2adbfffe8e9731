"""LSTMCell on every back end."""

from functools import partial
from typing import Any

import numpy as np
import pytest

from kernels.activations import Activation, parsed
from tests.kernels import formulas
from tests.kernels.directional import check_direction
from tests.kernels.under_test import Checker, random_array

Array = np.ndarray[Any, Any]

PAIRS: list[tuple[Activation, Activation]] = [
    ("tanh", "hard_sigmoid"), ("relu", "sigmoid"), ("linear", "tanh"), ("sigmoid", "relu"),
    ("hard_sigmoid", "hard_sigmoid_keras3"), ("hard_sigmoid_keras3", "linear"),
    ("leaky_relu(negative_slope=0.3)", "elu(alpha=0.5)"), ("elu", "clipped_relu(max_value=1.0)"), ("selu", "softplus"),
    ("softsign", "exponential"), ("silu", "gelu"), ("gelu_tanh", "sigmoid"), ("clipped_relu", "leaky_relu"),
    ("exponential", "silu"),
]  # fmt: skip
FRAME = (2, 3, 5)


def inputs(filters: int) -> dict[str, Array]:
    narrow, wide = (*FRAME, filters), (*FRAME, 4 * filters)
    shapes = {"z_input": wide, "z_recurrent": wide, "c_prev": narrow}
    return {name: random_array(seed, shape) for seed, (name, shape) in enumerate(shapes.items())}


def forward(checker: Checker, pair: tuple[Activation, Activation], arrays: dict[str, Array]) -> list[Any]:
    """gates, c, h on the back end."""
    filters = arrays["c_prev"].shape[-1]
    outputs = [checker.garbage((*FRAME, size)) for size in (4 * filters, filters, filters)]
    checker.backend.lstm_cell(*pair).forward(*(checker.device(array) for array in arrays.values()), *outputs)
    return outputs


def backward(checker: Checker, pair: tuple[Activation, Activation], arrays: dict[str, Array]) -> list[Any]:
    """dz and dc_prev for the loss <1, h> + <2, h> + <3, c>, where n is random_array(n)."""
    gates, c, _ = forward(checker, pair, arrays)
    dh, dh_next, dc = (checker.device(random_array(seed, arrays["c_prev"].shape)) for seed in (10, 11, 12))
    dz = checker.garbage(arrays["z_input"].shape)
    checker.backend.lstm_cell(*pair).backward(dh, dh_next, dc, gates, c, checker.device(arrays["c_prev"]), dz)
    return [dz, dc]


@pytest.mark.parametrize("filters", [3, 8])
@pytest.mark.parametrize("pair", PAIRS, ids="-".join)
def test_forward_is_the_definition(on: Checker, pair: tuple[Activation, Activation], filters: int) -> None:
    arrays = inputs(filters)
    activation, gate = (partial(formulas.activation, name) for name in pair)
    z_i, z_f, z_g, z_o = np.split(arrays["z_input"] + arrays["z_recurrent"], 4, axis=-1)
    c = gate(z_f) * arrays["c_prev"] + gate(z_i) * activation(z_g)
    kept_activation, kept_gate = (
        (lambda z: z) if parsed(name).entry.of_input else function
        for name, function in zip(pair, (activation, gate), strict=True)
    )
    gates = [kept_gate(z_i), kept_gate(z_f), kept_activation(z_g), kept_gate(z_o)]
    expected = [np.concatenate(gates, -1), c, gate(z_o) * activation(c)]
    for actual, array, name in zip(forward(on, pair, arrays), expected, ("gates", "c", "h"), strict=True):
        on.close(actual, array, name)


@pytest.mark.parametrize("pair", PAIRS, ids="-".join)
def test_backward_equals_the_oracle(on: Checker, pair: tuple[Activation, Activation]) -> None:
    oracle = Checker("reference-float64")
    for actual, expected in zip(backward(on, pair, inputs(5)), backward(oracle, pair, inputs(5)), strict=True):
        on.close(actual, expected, "dz, dc_prev")


@pytest.mark.parametrize("pair", PAIRS, ids="-".join)
def test_backward_is_the_numeric_derivative(on_float64: Checker, pair: tuple[Activation, Activation]) -> None:
    arrays = inputs(3)
    dh, dh_next, dc = (random_array(seed, arrays["c_prev"].shape) for seed in (10, 11, 12))
    dz, dc_prev = (on_float64.backend.to_host(array) for array in backward(on_float64, pair, arrays))
    for name, gradient in (("z_input", dz), ("z_recurrent", dz), ("c_prev", dc_prev)):

        def loss(value: Array, name: str = name) -> float:
            _, c, h = (on_float64.backend.to_host(array) for array in forward(on_float64, pair, arrays | {name: value}))
            return float(np.vdot(dh + dh_next, h) + np.vdot(dc, c))

        check_direction(loss, arrays[name], gradient, name)
