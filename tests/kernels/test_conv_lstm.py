"""ConvLSTM on every back end."""

from typing import Any

import numpy as np
import pytest

from kernels import ConvLSTMSpec
from kernels.operations import ConvLSTM
from tests.kernels.directional import check_direction
from tests.kernels.under_test import Checker, random_array

Array = np.ndarray[Any, Any]

SPECS = [
    ConvLSTMSpec(T=1, B=1, H=4, W=5, C=1, F=2, kh=1, kw=1),
    ConvLSTMSpec(T=3, B=2, H=7, W=6, C=1, F=5, kh=3, kw=5),
    ConvLSTMSpec(T=2, B=1, H=5, W=7, C=3, F=4, kh=3, kw=3, recurrent_activation="sigmoid"),
    ConvLSTMSpec(T=2, B=2, H=6, W=9, C=3, F=8, kh=5, kw=3, recurrent_activation="hard_sigmoid_keras3"),
    ConvLSTMSpec(T=2, B=1, H=3, W=2, C=8, F=16, kh=5, kw=5),
    # Logistic: with so many hard gates, one stands within tf32 rounding of a corner, where its derivative jumps.
    ConvLSTMSpec(T=2, B=1, H=9, W=10, C=40, F=40, kh=3, kw=3, recurrent_activation="sigmoid"),
]
NAMES = ("x", "kernel", "recurrent_kernel", "bias", "h0", "c0")
GRADIENTS = ("dx", "dkernel", "drecurrent_kernel", "dbias", "dh0", "dc0")


def spec_id(spec: ConvLSTMSpec) -> str:
    return f"T{spec.T}B{spec.B}H{spec.H}W{spec.W}C{spec.C}F{spec.F}k{spec.kh}x{spec.kw}-{spec.recurrent_activation}"


def inputs(spec: ConvLSTMSpec, with_state: bool, seed: int = 0) -> dict[str, Array | None]:
    """Random arguments, scaled so that gates are neither all saturated nor all linear."""
    state = (spec.B, spec.H, spec.W, spec.F)
    fan = 1.0 / np.sqrt(spec.kh * spec.kw)
    return {
        "x": random_array(seed, (spec.T, spec.B, spec.H, spec.W, spec.C)),
        "kernel": random_array(seed + 1, (spec.kh, spec.kw, spec.C, 4 * spec.F), fan / np.sqrt(spec.C)),
        "recurrent_kernel": random_array(seed + 2, (spec.kh, spec.kw, spec.F, 4 * spec.F), fan / np.sqrt(spec.F)),
        "bias": random_array(seed + 3, (4 * spec.F,), 0.5),
        "h0": random_array(seed + 4, state, 0.5) if with_state else None,
        "c0": random_array(seed + 5, state) if with_state else None,
    }


def forward(op: ConvLSTM[Any], arguments: dict[str, Any]) -> tuple[Any, Any]:
    return op.forward(*(arguments[name] for name in NAMES))


def backward(
    op: ConvLSTM[Any], dh: Any, dc_last: Any, arguments: dict[str, Any], outputs: list[Any]
) -> tuple[Any, ...]:
    """All six gradients, in the order of GRADIENTS; `outputs` are the arrays for the weights' ones."""
    x, kernel, recurrent_kernel = (arguments[name] for name in NAMES[:3])
    states = {"h0": arguments["h0"], "c0": arguments["c0"], "dc_last": dc_last}
    dx, dh0, dc0 = op.backward(dh, x, kernel, recurrent_kernel, *outputs, **states)
    return (dx, *outputs, dh0, dc0)


def run(
    checker: Checker, spec: ConvLSTMSpec, host: dict[str, Array | None], op: ConvLSTM[Any] | None = None
) -> dict[str, Array]:
    """Forward and backward on a back end, where a state is given with a gradient of the last c; host arrays out."""
    backend = checker.backend
    arguments = {name: checker.device(array) for name, array in host.items()}
    op = op or backend.conv_lstm(spec)
    h, c = forward(op, arguments)
    results = {"h": backend.to_host(h), "c": backend.to_host(c)}
    dh = checker.device(random_array(9, results["h"].shape))
    dc_last = None if host["c0"] is None else checker.device(random_array(8, results["c"].shape))
    gates = 4 * spec.F
    shapes = [(spec.kh, spec.kw, spec.C, gates), (spec.kh, spec.kw, spec.F, gates), (gates,)]
    outputs = [checker.garbage(shape) for shape in shapes]
    gradients = backward(op, dh, dc_last, arguments, outputs)
    results |= {name: backend.to_host(g) for name, g in zip(GRADIENTS, gradients, strict=True)}
    return results


def oracle(spec: ConvLSTMSpec, host: dict[str, Array | None]) -> dict[str, Array]:
    return run(Checker("reference-float64"), spec, host)


@pytest.mark.parametrize("spec", SPECS, ids=spec_id)
@pytest.mark.parametrize("with_state", [False, True], ids=["zero_state", "given_state"])
def test_forward_and_backward_equal_the_oracle(on: Checker, spec: ConvLSTMSpec, with_state: bool) -> None:
    host = inputs(spec, with_state)
    expected = oracle(spec, host)
    actual = run(on, spec, host)
    if spec.T == 1 and not with_state:
        assert not actual.pop("drecurrent_kernel").any(), "no step had a past to learn from"
        del expected["drecurrent_kernel"]
    for name, array in expected.items():
        on.close(on.device(actual[name]), array, name)


def test_an_operation_can_be_used_again_and_repeats_bit_for_bit(on: Checker) -> None:
    spec = SPECS[1]
    op = on.backend.conv_lstm(spec)
    first = run(on, spec, inputs(spec, False), op)
    run(on, spec, inputs(spec, True, seed=50), op)
    again = run(on, spec, inputs(spec, False), op)
    for name, array in first.items():
        np.testing.assert_array_equal(again[name], array, err_msg=name)


def test_inference_gives_the_states_of_training(on: Checker) -> None:
    spec = SPECS[2]
    inference = ConvLSTMSpec(**{**spec.__dict__, "training": False})
    host = inputs(spec, True)
    arguments = {name: on.device(array) for name, array in host.items()}
    h, c = forward(on.backend.conv_lstm(inference), arguments)
    expected = oracle(spec, host)
    on.close(h, expected["h"], "h")
    on.close(c, expected["c"], "c")


@pytest.mark.parametrize(("need_dx", "need_dstate"), [(False, True), (True, False), (False, False)])
def test_without_gradients_nobody_needs_the_others_stay(on: Checker, need_dx: bool, need_dstate: bool) -> None:
    spec = SPECS[1]
    host = inputs(spec, False)
    arguments = {name: on.device(array) for name, array in host.items()}
    op = on.backend.conv_lstm(spec)
    h, _ = forward(op, arguments)
    dh = on.device(random_array(9, on.backend.to_host(h).shape))
    outputs = [on.garbage(np.shape(host[name])) for name in NAMES[1:4]]
    x, kernel, recurrent_kernel = (arguments[name] for name in NAMES[:3])
    dx, *dstate = op.backward(dh, x, kernel, recurrent_kernel, *outputs, need_dx=need_dx, need_dstate=need_dstate)
    expected = oracle(spec, host)
    for name, array in zip(GRADIENTS, [dx, *outputs, *dstate], strict=True):
        if (name == "dx" and not need_dx) or (name in ("dh0", "dc0") and not need_dstate):
            assert array is None
        else:
            on.close(array, expected[name], name)


@pytest.mark.parametrize("spec", [SPECS[1], SPECS[3]], ids=spec_id)
def test_steps_one_by_one_equal_the_sequence(on: Checker, spec: ConvLSTMSpec) -> None:
    host = inputs(spec, True)
    expected = oracle(spec, host)
    arguments = {name: on.device(array) for name, array in host.items()}
    one = ConvLSTMSpec(**{**spec.__dict__, "T": 1, "training": False})
    op = on.backend.conv_lstm(one)
    h, c = arguments["h0"], arguments["c0"]
    for t in range(spec.T):
        h, c = op.step(arguments["x"][t], h, c, *(arguments[name] for name in NAMES[1:4]))
        on.close(h, expected["h"][t], f"h at {t}")
    on.close(c, expected["c"], "last c")


def test_a_stream_begins_at_zero_and_begins_again_with_other_weights(on: Checker) -> None:
    spec = SPECS[2]
    op = on.backend.conv_lstm(ConvLSTMSpec(**{**spec.__dict__, "T": 1, "training": False}))
    for seed in (0, 50):
        host = inputs(spec, False, seed=seed)
        expected = oracle(spec, host)
        arguments = {name: on.device(array) for name, array in host.items()}
        h = c = None
        for t in range(spec.T):
            weights = [arguments[name] for name in NAMES[1:4]]
            h, c = op.step(arguments["x"][t], h, c, *weights, same_weights=t > 0)
            on.close(h, expected["h"][t], f"h at {t}")
        on.close(c, expected["c"], "last c")


@pytest.mark.parametrize("spec", SPECS, ids=spec_id)
def test_backward_is_the_numeric_derivative(on_float64: Checker, spec: ConvLSTMSpec) -> None:
    host = inputs(spec, True)
    results = run(on_float64, spec, host)
    weighting = random_array(9, results["h"].shape), random_array(8, results["c"].shape)
    op = on_float64.backend.conv_lstm(spec)

    for name, gradient in zip(NAMES, GRADIENTS, strict=True):

        def loss(value: Array, name: str = name) -> float:
            arguments = {other: on_float64.device(array) for other, array in (host | {name: value}).items()}
            outputs = [on_float64.backend.to_host(output) for output in forward(op, arguments)]
            return sum(float(np.vdot(slope, output)) for slope, output in zip(weighting, outputs, strict=True))

        check_direction(loss, host[name], results[gradient], gradient)


def test_nan_in_the_input_reaches_the_output(on: Checker) -> None:
    spec = SPECS[1]
    host = inputs(spec, False)
    host["x"][0, 0, 3, 3, 0] = np.nan
    arguments = {name: on.device(array) for name, array in host.items()}
    h, _ = forward(on.backend.conv_lstm(spec), arguments)
    assert np.isnan(on.backend.to_host(h)).any()
