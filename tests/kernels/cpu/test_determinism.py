"""Results do not depend on the number of threads, bit for bit, and come out the same twice."""

from typing import Any

import numpy as np
import pytest

from kernels.cpu import CpuBackend
from kernels.specs import (
    BatchNormSpec,
    Conv3DSpec,
    ConvLSTMSpec,
    LayerNormSpec,
    LookupSpec,
    MaxPoolingSpec,
    ResamplingSpec,
)
from kernels.specs.resampling import averages, interpolated, repeats

Array = np.ndarray[Any, Any]


def _network_results(threads: int, convolution: Any, B: int) -> list[Array]:
    """Outputs and gradients of every operation that runs on several threads."""
    backend = CpuBackend(np.float32, threads=threads, convolution=convolution)
    rng = np.random.default_rng(5)

    def random(*shape: int) -> Array:
        return rng.standard_normal(shape).astype(np.float32)

    T, H, W, C, F = 3, 9, 14, 2, 5
    x, dh = random(T, B, H, W, C), random(T, B, H, W, F)
    kernel, recurrent_kernel, bias = random(3, 3, C, 4 * F), random(3, 3, F, 4 * F), random(4 * F)
    op = backend.conv_lstm(ConvLSTMSpec(T, B, H, W, C, F, 3, 3))
    h, c = op.forward(x, kernel, recurrent_kernel, bias)
    results = [h.copy(), c.copy()]
    gradients = [np.empty_like(kernel), np.empty_like(recurrent_kernel), np.empty_like(bias)]
    dx, dh0, dc0 = op.backward(dh, x, kernel, recurrent_kernel, *gradients)
    assert dx is not None
    results += [dx.copy(), dh0.copy(), dc0.copy(), *gradients]

    normal = backend.batch_norm(BatchNormSpec(T, B, H, W, F))
    gamma, statistics = random(F), [np.zeros(F, np.float32), np.ones(F, np.float32)]
    results.append(normal.forward(h, gamma, random(F), *statistics, 0.9).copy())
    gradients = [np.empty_like(gamma), np.empty_like(gamma)]
    results += [normal.backward(dh, h, gamma, *gradients).copy(), *gradients, *statistics]

    for spec in (
        Conv3DSpec(T, B, H, W, F, 2, 3, 3, 3),
        Conv3DSpec(T, B, H, W, F, 2, 2, 3, 3, padding="valid"),
        Conv3DSpec(T, B, H, W, F, 2, 1, 3, 3, strides=(1, 2, 2)),
        Conv3DSpec(T, B, H, W, F, 2, 1, 1, 1),
        Conv3DSpec(T, B, H, W, F, 2 * F, 1, 3, 3, groups=F),
    ):
        convolution_3d = backend.conv3d(spec)
        kernel, bias = random(*spec.kernel_shape), random(spec.K)
        results.append(convolution_3d.forward(h, kernel, bias).copy())
        gradients = [np.empty_like(kernel), np.empty_like(bias)]
        dx = convolution_3d.backward(random(*spec.y_shape), h, kernel, *gradients)
        assert dx is not None
        results += [dx.copy(), *gradients]

    pooling = backend.max_pooling(MaxPoolingSpec(T, B, H, W, F, (2, 3, 2), (1, 2, 2), "same"))
    results.append(pooling.forward(h).copy())
    results.append(pooling.backward(random(*results[-1].shape)).copy())
    axes = averages(T, 2, 1, "same"), interpolated(H, 2, "bilinear"), repeats(W, 2)
    resampling = backend.resampling(ResamplingSpec(B, F, *axes))
    results.append(resampling.forward(h).copy())
    results.append(resampling.backward(random(*results[-1].shape)).copy())

    layer_normal = backend.layer_norm(LayerNormSpec(T, B, H, W, F))
    results.append(layer_normal.forward(h, gamma, gamma).copy())
    gradients = [np.empty_like(gamma), np.empty_like(gamma)]
    results += [layer_normal.backward(dh, h, gamma, *gradients).copy(), *gradients]

    table, numbers = random(7, F), rng.integers(0, 7, 50).astype(np.float32)
    lookup = backend.lookup(LookupSpec(len(numbers), *table.shape))
    results.append(lookup.forward(numbers, table).copy())
    lookup.backward(random(50, F), numbers, table)
    return [*results, table]


@pytest.mark.parametrize("convolution", ["auto", "direct"])
@pytest.mark.parametrize("B", [3, 9])
def test_no_bit_depends_on_the_number_of_threads(convolution: Any, B: int) -> None:
    """Two threads share three images by rows; nine images, more than there are partial sums, they take whole."""
    one = _network_results(1, convolution, B)
    again = _network_results(1, convolution, B)
    two = _network_results(2, convolution, B)
    for first, second, parallel in zip(one, again, two, strict=True):
        assert np.isfinite(first).all()
        assert first.any()
        np.testing.assert_array_equal(first, second)
        np.testing.assert_array_equal(first, parallel)
