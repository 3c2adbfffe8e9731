"""Max pooling: the largest number of each window of frames, rows and columns.

(1)  winner[p] = the first q of the window of p with the largest x[q]
(2)  y[p]      = x[winner[p]]                  backward:  dx[winner[p]] += dy[p]   (2)
"""

from collections.abc import Iterator

import numpy as np

from kernels.arrays import HostArray
from kernels.operations import MaxPooling
from kernels.specs import MaxPoolingSpec


class ReferenceMaxPooling(MaxPooling[HostArray]):
    """Keeps the number of each winner within its window."""

    def __init__(self, spec: MaxPoolingSpec) -> None:
        self.spec = spec

    def forward(self, x: HostArray) -> HostArray:
        y = np.empty(self.spec.y_shape, x.dtype)
        self.winner = np.empty(self.spec.y_shape, np.int64)
        for place, region in self._windows():
            window = x[region].swapaxes(0, 1).reshape(self.spec.B, -1, self.spec.C)
            self.winner[place] = window.argmax(axis=1)  # (1)
            y[place] = window.max(axis=1)  # (2)
        return y

    def backward(self, dy: HostArray) -> HostArray:
        dx = np.zeros(self.spec.x_shape, dy.dtype)
        for place, region in self._windows():
            seen = dx[region].swapaxes(0, 1)
            window = np.zeros((self.spec.B, seen[0, ..., 0].size, self.spec.C), dy.dtype)
            np.put_along_axis(window, self.winner[place][:, np.newaxis], dy[place][:, np.newaxis], axis=1)
            dx[region] += window.reshape(seen.shape).swapaxes(0, 1)  # (2)
        return dx

    def _windows(self) -> Iterator[tuple[tuple[int | slice, ...], tuple[slice, ...]]]:
        """Each output's place, and the frames, movies, rows and columns that it sees."""
        spans = self.spec.spans
        for t, v, u in np.ndindex(*map(len, spans)):
            frames, rows, columns = (
                slice(first, first + count) for first, count in (spans[0][t], spans[1][v], spans[2][u])
            )
            yield (t, slice(None), v, u), (frames, slice(None), rows, columns)
