"""Counts at thresholds on every back end, one element at a time in Python."""

import numpy as np
import pytest

from kernels.specs import CountsSpec
from tests.kernels.under_test import Array, Checker, random_array

MANY = tuple(np.linspace(-0.1, 1.1, 300))
SPECS = [
    CountsSpec((0.5,)),
    CountsSpec((0.25, 0.5, 0.75), from_logits=True),
    CountsSpec((0.5,), inclusive=True, truth=0.5),
    CountsSpec(MANY),
]


def expected(spec: CountsSpec, output: Array, target: Array) -> Array:
    counts = np.zeros((2, len(spec.thresholds) + 1))
    for p, y in zip(output.ravel(), target.ravel(), strict=True):
        value = 1 / (1 + np.exp(-p)) if spec.from_logits else p
        passed = sum(value >= limit if spec.inclusive else value > limit for limit in spec.thresholds)
        counts[int(y != 0 if spec.truth is None else y >= spec.truth), passed] += 1
    return counts.ravel()


@pytest.mark.parametrize("shape", [(1, 1, 1, 1, 1), (3, 2, 5, 7, 3), (2, 1, 30, 31, 1)], ids=str)
@pytest.mark.parametrize("spec", SPECS, ids=["one", "logits", "inclusive", "many"])
def test_every_element_is_counted_where_it_belongs(on: Checker, spec: CountsSpec, shape: tuple[int, ...]) -> None:
    output = random_array(0, shape) if spec.from_logits else np.round(random_array(0, shape) * 0.3 + 0.5, 3)
    output.flat[0] = 0.5  # on a threshold
    target = np.round(np.abs(random_array(1, shape)) * 2) / 4
    counts = on.garbage((2 * (len(spec.thresholds) + 1),)).astype(np.float64)
    on.backend.threshold_counts(spec).count(on.device(output), on.device(target), counts)
    given = output.astype(on.backend.dtype).astype(np.float64)
    close = [np.abs(given - limit).min() for limit in spec.thresholds]
    assert spec is SPECS[3] or spec.from_logits or min(close) == 0.0
    np.testing.assert_array_equal(on.backend.to_host(counts), expected(spec, output, target))


def test_thresholds_that_do_not_ascend_are_refused() -> None:
    for thresholds in ((), (0.5, 0.25)):
        with pytest.raises(ValueError, match="thresholds: expected at least one, ascending"):
            CountsSpec(thresholds)
