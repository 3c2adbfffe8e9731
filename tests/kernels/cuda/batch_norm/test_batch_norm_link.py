"""A BatchNormalization linked with the ConvLSTM in front of it computes what both compute apart."""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from bench.cuda.launches import Recorder
from kernels.cuda import CudaBackend
from kernels.cuda.conv_lstm.persistent import Recurrence
from kernels.cuda.products.strategy import Products
from kernels.cuda.simulator.runtime import SimRuntime
from kernels.reference import ReferenceBackend
from kernels.specs import GRADIENT_ERROR, PRECISIONS, BatchNormSpec, ConvLSTMSpec
from tests.kernels.cuda.batch_norm.linked_pair import WEIGHTS, Array, Pair, inputs, run_pair
from tests.kernels.cuda.layer_runs import Results, errors, oracle
from tests.kernels.directional import check_direction

ACROSS = ConvLSTMSpec(T=3, B=3, H=7, W=9, C=3, F=6, kh=3, kw=5, recurrent_activation="sigmoid")
"""With six multiprocessors three blocks of pixels by two of filters, the second one of which has two to spare."""

SHAPES = {
    "one frame": ConvLSTMSpec(T=1, B=1, H=4, W=5, C=3, F=1, kh=1, kw=1, recurrent_activation="sigmoid"),
    "blocks across rows and images": ACROSS,
    "two blocks of columns": replace(ACROSS, T=2, B=2, H=9, W=8, C=1, F=44, kh=5, kw=1),
}
ONE_LAUNCH_OR_STEPS: list[Recurrence] = ["persistent", "steps"]
EVERY_WAY: list[tuple[Recurrence, Products]] = [("persistent", "auto"), ("steps", "gathered"), ("steps", "windows")]

AGREEMENT = {"float32": 2e-6, "tf32": 5e-4, "bfloat16": 5e-3}
"""How closely linked and not linked agree, relative in norm: a rounding more or less of dh, which a rounding of dz to
the precision's factors may follow. In bfloat16 dh itself is rounded in between only where they are not linked."""


def backend(precision: str, recurrence: Recurrence, seed: int = 0, products: Products = "auto") -> CudaBackend:
    runtime = SimRuntime(sm_count=6, seed=seed)
    return CudaBackend(precision=precision, runtime=runtime, recurrence=recurrence, products=products)


@cache
def expected(spec: ConvLSTMSpec) -> Results:
    return run_pair(oracle(), spec)


@pytest.mark.parametrize("way", EVERY_WAY, ids="-".join)
@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize("spec", SHAPES.values(), ids=SHAPES.keys())
def test_linked_is_as_unlinked(precision: str, spec: ConvLSTMSpec, way: tuple[Recurrence, Products]) -> None:
    recurrence, products = way
    table = backend(precision, recurrence, products=products)
    linked = run_pair(table, spec)
    assert all(np.abs(array).max() > 0 for array in linked.values())
    far = errors(linked, expected(spec))
    assert max(far.values()) < GRADIENT_ERROR[precision], far
    apart = errors(linked, run_pair(table, spec, linked=False))
    assert max(apart.values()) < AGREEMENT[precision], apart
    assert apart["h"] == 0.0


@pytest.mark.parametrize("recurrence", ONE_LAUNCH_OR_STEPS)
def test_gradients_are_the_numeric_derivative(recurrence: Recurrence) -> None:
    spec = replace(ACROSS, T=2, B=1, H=5, W=4, kw=1)
    host, actual = inputs(spec), run_pair(backend("float32", recurrence), spec)
    for name in ("x", "h0", "c0", *WEIGHTS):

        def loss(value: Array, name: str = name) -> float:
            y = Pair(ReferenceBackend(np.float64), spec, host | {name: value}).forward()["y"]
            return float(np.vdot(host["dy"], y))

        check_direction(loss, host[name].astype(np.float64), actual[f"d{name}"], f"d{name}", tolerance=1e-5)


@pytest.mark.parametrize("recurrence", ONE_LAUNCH_OR_STEPS)
@pytest.mark.parametrize("precision", PRECISIONS)
def test_the_same_bits_in_any_order_of_blocks(precision: str, recurrence: Recurrence) -> None:
    first = run_pair(backend(precision, recurrence, seed=1), ACROSS)
    again = run_pair(backend(precision, recurrence, seed=2), ACROSS)
    for name, array in first.items():
        np.testing.assert_array_equal(again[name], array, err_msg=name)


@pytest.mark.parametrize("recurrence", ONE_LAUNCH_OR_STEPS)
def test_a_large_mean_leaves_the_variance_its_digits(recurrence: Recurrence) -> None:
    """h has mean 0.9 and deviation 1e-3: its squares differ in the seventh digit, where float32 ends."""
    spec = replace(ACROSS, F=4, kw=3)
    host = inputs(spec)
    host["bias"] = np.repeat(np.float32([-9, 9, 0, 9]), spec.F)  # c keeps what it was, and is let out
    host["c0"] = np.float32(np.arctanh(0.9) + 0.005 * host["c0"])
    host |= {name: host[name] * np.float32(0.1) for name in ("kernel", "recurrent_kernel")}
    pair, apart = (Pair(backend("float32", recurrence), spec, host, linked) for linked in (True, False))
    results = pair.forward()
    apart.forward()
    h = results["h"].astype(np.float64)
    over, n = (0, 1, 2, 3), h[..., 0].size
    mean, variance = h.mean(over), h.var(over)
    assert (mean > 0.8).all() and (variance < 4e-6).all()
    np.testing.assert_allclose(results["mean"], mean, rtol=1e-7)
    np.testing.assert_allclose(results["variance"], variance, rtol=1e-6)
    inverse = 1.0 / np.sqrt(variance + 1e-6)
    xhat, dy, gamma = (h - mean) * inverse, host["dy"].astype(np.float64), host["gamma"]
    np.testing.assert_allclose(results["y"], gamma * xhat + host["beta"], atol=2e-4)
    dh = gamma * inverse * (dy - dy.sum(over) / n - xhat * (dy * xhat).sum(over) / n)
    linked, exact = pair.backward(pair.norm_backward()), apart.backward(apart.backend.from_host(dh))
    for name in ("x", "kernel", "recurrent_kernel", "bias", "h0", "c0"):
        size = np.linalg.norm(exact[f"d{name}"])
        assert size > 0
        # The mean is a float32, 6e-8 off at most, which is 6e-5 deviations.
        assert np.linalg.norm(linked[f"d{name}"] - exact[f"d{name}"]) < 1e-4 * size, name


@pytest.mark.parametrize("recurrence", ONE_LAUNCH_OR_STEPS)
def test_two_passes_over_h_are_not_made(recurrence: Recurrence) -> None:
    recorder, table = Recorder(), backend("float32", recurrence)
    with recorder.on(table.runtime):
        recorder.recording = True
        run_pair(table, ACROSS)
        linked = {launch.kernel for launch in recorder.launches}
        run_pair(table, ACROSS, linked=False)
    apart = {launch.kernel for launch in recorder.launches}
    assert apart - linked == {"batch_statistics", "normalize_backward"}


def test_forward_twice_and_then_backward() -> None:
    pair = Pair(backend("float32", "auto"), ACROSS, inputs(ACROSS))
    pair.forward()
    again = pair.forward() | pair.backward(pair.norm_backward())
    for name, array in run_pair(backend("float32", "auto"), ACROSS).items():
        np.testing.assert_array_equal(again[name], array, err_msg=name)


def test_types_that_differ_are_not_linked() -> None:
    """bfloat16 inside the ConvLSTM, float32 at its boundary: h is shown converted, and dy is not what dh is read as."""
    table = backend("bfloat16", "auto")
    lstm = table.conv_lstm(replace(ACROSS, narrow_y=True))
    table.batch_norm(BatchNormSpec(3, 3, 7, 9, 6, narrow_x=True), lstm)
    assert lstm.link.h is None


def test_other_arrays_than_the_pair_s_are_refused() -> None:
    table = backend("float32", "auto")
    pair = Pair(table, ACROSS, inputs(ACROSS))
    pair.forward()
    other, on = table.zeros(pair.h.shape), pair.device
    with pytest.raises(ValueError, match="x: expected the h that the source returned"):
        pair.norm.forward(other, on["gamma"], on["beta"], *pair.averages.values(), 0.9)
    pair.norm_backward()
    with pytest.raises(ValueError, match="dh: expected what backward of the linked BatchNorm returned"):
        pair.backward(other)


def test_sources_that_do_not_fit_are_refused() -> None:
    table = backend("float32", "auto")
    lstm, norm = table.conv_lstm(ACROSS), BatchNormSpec(T=3, B=3, H=7, W=9, C=6)
    with pytest.raises(ValueError, match="source: expected a ConvLSTM whose h fits BatchNormSpec"):
        table.batch_norm(replace(norm, C=5), lstm)
    table.batch_norm(norm, lstm)
    with pytest.raises(ValueError, match="source: expected a ConvLSTM whose h nothing else reads"):
        table.batch_norm(norm, lstm)
