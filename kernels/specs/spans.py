"""Which neighbouring positions of an axis each output sees: windows of a pooling, taps of an interpolation."""

from collections.abc import Sequence

from kernels.specs.convolution import Padding, convolution_length, zeros_before

Span = tuple[int, int]
"""The first position, and how many."""


def window_spans(n: int, k: int, stride: int, padding: Padding) -> tuple[Span, ...]:
    """What a window of k positions sees of an axis of n at each of its places; padding is not seen.

    Places follow the rule of Conv3DSpec. The tuple is empty where a 'valid' window does not fit.
    """
    before = zeros_before(n, k, stride, 1, padding)
    starts = (place * stride - before for place in range(convolution_length(n, k, stride, 1, padding)))
    return tuple((max(start, 0), min(start + k, n) - max(start, 0)) for start in starts)


def covering(spans: Sequence[Span], n: int) -> tuple[Span, ...]:
    """For each of n positions, the outputs whose spans it lies in. First and last positions of spans must ascend."""
    seen_by: list[list[int]] = [[] for _ in range(n)]
    for output, (first, count) in enumerate(spans):
        for position in range(first, first + count):
            seen_by[position].append(output)
    return tuple((outputs[0], len(outputs)) if outputs else (0, 0) for outputs in seen_by)
