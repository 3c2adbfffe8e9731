"""Every activation of the table on every back end, and the gathering of a batch."""

import numpy as np
import pytest

from kernels.activations import ACTIVATIONS, GATES, MOST_PARAMETERS, parsed, with_parameters
from tests.kernels import formulas
from tests.kernels.directional import check_direction
from tests.kernels.under_test import Array, Checker, random_array

SHAPES = [(1, 1, 1, 1, 1), (3, 2, 5, 7, 1), (2, 3, 4, 5, 3)]

WITH_PARAMETERS = [
    "leaky_relu(negative_slope=0.01)",
    "elu(alpha=0.5)",
    "clipped_relu(max_value=1.5, negative_slope=0.1, threshold=0.5)",
    "clipped_relu(max_value=inf, threshold=0.2)",
]
ALL = [*ACTIVATIONS, *WITH_PARAMETERS]


def inputs(shape: tuple[int, ...], scale: float = 1.0) -> Array:
    """Return numbers of both signs, none at the corner of a relu."""
    z = np.abs(random_array(0, shape, scale)) + 0.1
    return z if z.size == 1 else z * np.where(random_array(2, shape) > 0, 1.0, -1.0)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("name", ALL)
def test_activation_and_its_derivative(on: Checker, shape: tuple[int, ...], name: str) -> None:
    z, dy = inputs(shape), random_array(1, shape)
    operation = on.backend.activation(name)
    y = on.garbage(shape)
    operation.forward(on.device(z), y)
    on.close(y, formulas.activation(name, z), "y")
    in_place = on.device(z)
    operation.forward(in_place, in_place)
    on.close(in_place, formulas.activation(name, z), "y in place")
    dz = on.device(dy)
    operation.backward(on.device(z) if parsed(name).entry.of_input else y, dz, dz)
    on.close(dz, dy * formulas.derivative(name, z), "dz in place")


@pytest.mark.parametrize("name", ALL)
def test_the_derivative_is_the_numeric_one(on_float64: Checker, name: str) -> None:
    z = inputs((3, 5, 7), scale=2.0)  # beyond the ends of the hard sigmoids
    dy = random_array(1, z.shape)
    backend, operation = on_float64.backend, on_float64.backend.activation(name)

    def value(at: Array) -> float:
        y = on_float64.garbage(z.shape)
        operation.forward(on_float64.device(at), y)
        return float(np.vdot(dy, backend.to_host(y)))

    y, dz = on_float64.garbage(z.shape), on_float64.garbage(z.shape)
    operation.forward(on_float64.device(z), y)
    operation.backward(on_float64.device(z) if parsed(name).entry.of_input else y, on_float64.device(dy), dz)
    check_direction(value, z, backend.to_host(dz), name)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_the_range_is_the_table_s(name: str) -> None:
    entry, z = ACTIVATIONS[name], np.concatenate([[-1e3], np.linspace(-5.0, 5.0, 10001), [1e3]])
    with np.errstate(over="ignore"):
        y = formulas.activation(name, z)
    assert entry.low <= y.min() and y.max() <= entry.high
    for bound, found in ((entry.low, y.min()), (entry.high, y.max())):
        assert abs(found) >= 200.0 if np.isinf(bound) else found == pytest.approx(bound, abs=2e-3)


def far_out(scale: float) -> Array:
    """Both tails, where what is computed clumsily is 0, infinite or NaN."""
    return scale * np.array([-1.0, -0.5, -0.1, -0.01, -1e-5, 1e-5, 0.01, 0.1, 0.5, 1.0])


@pytest.mark.parametrize("name", ALL)
def test_the_tails_are_the_formula_s(on: Checker, name: str) -> None:
    z = far_out(80.0)
    operation, y, dz = on.backend.activation(name), on.garbage(z.shape), on.garbage(z.shape)
    operation.forward(on.device(z), y)
    operation.backward(on.device(z) if parsed(name).entry.of_input else y, on.device(np.ones_like(z)), dz)
    rough = max(1e-13, on.tolerance)
    np.testing.assert_allclose(on.backend.to_host(y), formulas.activation(name, z), rtol=rough, atol=rough)
    np.testing.assert_allclose(on.backend.to_host(dz), formulas.derivative(name, z), rtol=rough, atol=rough)


def test_nan_stays_nan(on: Checker) -> None:
    for name in ALL:
        y = on.device(np.full((3, 5), np.nan))
        on.backend.activation(name).forward(y, y)
        assert np.isnan(on.backend.to_host(y)).all(), name


@pytest.mark.parametrize("text", WITH_PARAMETERS)
def test_a_text_with_parameters_is_taken_apart_and_put_together(text: str) -> None:
    taken_apart = parsed(text)
    assert str(taken_apart) == text and parsed(str(taken_apart)) == taken_apart
    assert with_parameters(taken_apart.name, **taken_apart.parameters) == text
    assert str(parsed("leaky_relu(negative_slope=0.2)")) == "leaky_relu"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("relo", "expected one of .*, got 'relo'"),
        ("relu(max_value=6)", "expected relu with no parameters, got 'max_value'"),
        ("elu(alpha=-1)", "alpha: expected a number of at least 0, got -1.0"),
        ("elu(alpha=nan)", "alpha: expected a number of at least 0, got nan"),
        ("elu(alpha)", r"expected a name, or name\(parameter=number\), got 'elu\(alpha\)'"),
        ("elu(", r"expected a name, or name\(parameter=number\), got 'elu\('"),
    ],
)
def test_what_is_no_activation_is_refused(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        parsed(text)


def test_codes_are_unique_and_gates_are_between_0_and_1() -> None:
    codes = [entry.code for entry in ACTIVATIONS.values()]
    assert len(set(codes)) == len(codes) and max(codes) < 32  # bits of ACTIVATIONS_OF_INPUT
    assert all(len(entry.parameters) <= MOST_PARAMETERS for entry in ACTIVATIONS.values())
    assert all((ACTIVATIONS[name].low, ACTIVATIONS[name].high) == (0.0, 1.0) for name in GATES)


def test_gather_batch_takes_rows_and_puts_time_first(on: Checker) -> None:
    movies = random_array(0, (6, 3, 4, 5, 2))
    rows = np.array([4, 0, 4])
    batch = on.garbage((3, 3, 4, 5, 2))
    on.backend.gather_batch(on.device(movies), rows, batch)
    expected = on.backend.to_host(on.device(movies[rows].swapaxes(0, 1)))
    np.testing.assert_array_equal(on.backend.to_host(batch), expected)
