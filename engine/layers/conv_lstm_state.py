"""The states h and c that a stateful layer carries from batch to batch."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from kernels import Backend

Array = Any
HostArray = np.ndarray[Any, Any]


class CarriedState:
    """h and c (N,H,W,F), on a back end from the first batch on; before that, host arrays or nothing (zero)."""

    def __init__(self, layer: str) -> None:
        self._layer = layer
        self._backend: Backend | None = None
        self._given: list[HostArray] | None = None
        self.arrays: list[Array] = []

    def on(self, backend: Backend, shape: tuple[int, ...]) -> list[Array]:
        """The arrays h and c on this back end, always the same ones; ValueError if they are of another shape."""
        if self._backend is not backend:
            values = self.to_host()
            if values is not None:
                self._check(values, shape)
            self._backend = backend
            self.arrays = [backend.zeros(shape) for _ in range(2)]
            self._given = None
            if values is not None:
                self._copy(values)
        if self.arrays[0].shape != shape:
            raise ValueError(
                f"stateful: {self._layer} carries states of shape {self.arrays[0].shape}, (movies, rows, columns, "
                f"filters), and this batch asks for {shape}; keep to one batch size and one size of frames"
            )
        return self.arrays

    def to_host(self) -> list[HostArray] | None:
        """Host copies; None before there are any."""
        if self._backend is None:
            return self._given
        return [self._backend.to_host(array) for array in self.arrays]

    def reset(self, states: Sequence[HostArray] | None) -> None:
        """Zero, or as given."""
        if states is not None:
            states = [np.asarray(state) for state in states]
            if len(states) != 2 or states[0].shape != states[1].shape or states[0].ndim != 4:
                raise ValueError(
                    f"states: expected h and c (movies, rows, columns, filters), got shapes {[s.shape for s in states]}"
                )
        if self._backend is None:
            self._given = None if states is None else list(states)
            return
        if states is None:
            states = [np.zeros(array.shape, self._backend.dtype) for array in self.arrays]
        self._check(states, self.arrays[0].shape)
        self._copy(states)

    def _check(self, states: Sequence[HostArray], shape: tuple[int, ...]) -> None:
        if states[0].shape != shape:
            raise ValueError(f"states: expected shape {shape} for {self._layer}, got {states[0].shape}")

    def _copy(self, states: Sequence[HostArray]) -> None:
        assert self._backend is not None
        for array, state in zip(self.arrays, states, strict=True):
            self._backend.copy_into(array, np.ascontiguousarray(state, dtype=self._backend.dtype))
