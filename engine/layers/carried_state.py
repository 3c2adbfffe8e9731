"""The states that a stateful layer carries from batch to batch, such as h and c."""

from collections.abc import Sequence
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np

from kernels import Backend
from kernels.arrays import Array, HostArray


class CarriedState:
    """Arrays (N,H,W,F) of one shape, on a back end from the first batch on; before that, host arrays or nothing (zero).

    A layer of several networks has arrays on the back end of each, which never move; one of them has the states.
    """

    def __init__(self, layer: str, names: tuple[str, ...]) -> None:
        self._layer, self._names = layer, names
        self._backend: Backend | None = None
        self._given: list[HostArray] | None = None
        self._arrays: WeakKeyDictionary[Backend, list[Array]] = WeakKeyDictionary()

    def __getstate__(self) -> dict[str, Any]:
        """A copy is on no back end, and carries the same states."""
        return {"layer": self._layer, "names": self._names, "states": self.to_host()}

    def __setstate__(self, state: dict[str, Any]) -> None:
        CarriedState.__init__(self, state["layer"], state["names"])
        self._given = state["states"]

    def on(self, backend: Backend, shape: tuple[int, ...]) -> list[Array]:
        """The arrays on this back end, always the same ones; ValueError if they are of another shape."""
        if backend not in self._arrays:
            values = self.to_host()
            if values is not None:
                self._check(values, shape)
            self._arrays[backend] = [backend.zeros(shape) for _ in self._names]
        self.claim(backend)
        arrays = self._arrays[backend]
        if arrays[0].shape != shape:
            raise ValueError(
                f"stateful: {self._layer} carries states of shape {arrays[0].shape}, (movies, rows, columns, "
                f"filters), and this batch asks for {shape}; keep to one batch size and one size of frames"
            )
        return arrays

    def claim(self, backend: Backend) -> None:
        """Bring the states to the arrays that on() gave for this back end, if it did."""
        if self._backend is not backend and backend in self._arrays:
            values = self.to_host()
            self._backend, self._given = backend, None
            if values is not None:
                self._copy(values)

    def to_host(self) -> list[HostArray] | None:
        """Host copies; None before there are any."""
        if self._backend is None:
            return self._given
        return [self._backend.to_host(array) for array in self._arrays[self._backend]]

    def reset(self, states: Sequence[HostArray] | None) -> None:
        """Zero, or as given."""
        if states is not None:
            states = [np.asarray(state) for state in states]
            if len(states) != len(self._names) or len({state.shape for state in states}) > 1 or states[0].ndim != 4:
                raise ValueError(
                    f"states: expected {' and '.join(self._names)} (movies, rows, columns, filters), got shapes "
                    f"{[state.shape for state in states]}"
                )
        if self._backend is None:
            self._given = None if states is None else list(states)
            return
        arrays = self._arrays[self._backend]
        if states is None:
            states = [np.zeros(array.shape, self._backend.dtype) for array in arrays]
        self._check(states, arrays[0].shape)
        self._copy(states)

    def _check(self, states: Sequence[HostArray], shape: tuple[int, ...]) -> None:
        if states[0].shape != shape:
            raise ValueError(f"states: expected shape {shape} for {self._layer}, got {states[0].shape}")

    def _copy(self, states: Sequence[HostArray]) -> None:
        assert self._backend is not None
        for array, state in zip(self._arrays[self._backend], states, strict=True):
            self._backend.copy_into(array, np.ascontiguousarray(state, dtype=self._backend.dtype))


class CarriedTogether:
    """The states of several layers as those of one, in turn; what a network asks of CarriedState."""

    def __init__(self, parts: Sequence[CarriedState]) -> None:
        self._parts = parts

    def claim(self, backend: Backend) -> None:
        """As CarriedState's."""
        for part in self._parts:
            part.claim(backend)

    def to_host(self) -> list[HostArray] | None:
        """As CarriedState's; None before all have states."""
        found = [part.to_host() for part in self._parts]
        known = [states for states in found if states is not None]
        return [state for states in known for state in states] if len(known) == len(found) else None

    def reset(self, states: Sequence[HostArray] | None) -> None:
        """As CarriedState's; each has as many as another."""
        each = 0 if states is None else len(states) // len(self._parts)
        for number, part in enumerate(self._parts):
            part.reset(None if states is None else states[number * each : (number + 1) * each])
