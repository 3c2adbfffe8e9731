"""What the launchers of kernels over windows share: tables of spans, and how many threads an element gets."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from kernels.arrays import Array
from kernels.cuda.common.rounding import ceil_div
from kernels.cuda.launch.launch import Runtime
from kernels.specs.spans import Span

THREADS = 256
"""Of a block, as windows.cuh has them."""

_SHARED_WINDOW = 64
"""Positions of a window from which on threads share it."""

_ROWS = 8


@dataclass(frozen=True)
class Sharing:
    """How many threads share a window; the grid, and shared memory, that follow.

    Attributes:
        rows: threads of an element.
    """

    rows: int

    def grid(self, elements: int) -> tuple[int]:
        """Blocks for so many elements."""
        return (ceil_div(elements, THREADS // self.rows),)

    def shared_bytes(self, numbers: int) -> int:
        """Memory in which threads put together `numbers` of 4 bytes each."""
        return 4 * numbers * THREADS if self.rows > 1 else 0


def sharing(window: int) -> Sharing:
    """One thread for a window of a few positions, several for a large one, such as a whole frame."""
    return Sharing(_ROWS if window >= _SHARED_WINDOW else 1)


def span_tables(runtime: Runtime, spans: Sequence[Sequence[Span]]) -> list[Array]:
    """The spans of time, height and width, each (n,2), on the device."""
    return [runtime.from_host(np.array(of_axis, np.int32), "int32") for of_axis in spans]
