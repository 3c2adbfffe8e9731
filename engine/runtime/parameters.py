"""All weights of a network in flat buffers of its back end, so that the optimizer is one operation.

Trainable weights, their gradients and each optimizer slot share one layout: every array starts at a multiple of
ALIGNMENT elements, the gaps stay zero. Moving statistics and frozen weights have a buffer of their own.

Networks may share layers. Each has buffers of its own, which never move, so that plans and recorded steps stay right.
The values of a weight are in those of the network that used it last; the next one to use it fetches them from there.
"""

import math

from engine.layers.weight import NOT_THERE, Weight
from engine.optimizers.base import Layout
from kernels import Backend
from kernels.arrays import Array, HostArray

ALIGNMENT = 64
"""Elements; 256 bytes in float32, enough for every vector load of every back end."""


class Parameters:
    """The weights of a network on a back end; gives each Weight its view.

    Args:
        named: the weights, in Keras' order, under names that differ.
        place: device and dtype, for people, that all networks which share a weight must share; None: no network's.

    Attributes:
        values, gradients: flat buffers (P,) of the trainable weights.
        layout: which weight stands where in them.
    """

    def __init__(self, backend: Backend, named: list[tuple[str, Weight]], place: str | None = None) -> None:
        self._backend, self._place = backend, place
        weights = [weight for _, weight in named]
        self._weights, self._names = weights, {id(weight): name for name, weight in named}
        self._trainable = [weight for weight in weights if weight.trainable]
        moved = [weight for weight in weights if not weight.trainable]
        frozen = [weight for weight in moved if weight.has_gradient]
        self._offsets, size = _layout(self._trainable)
        self.layout = Layout(tuple(self._names[id(weight)] for weight in self._trainable), (*self._offsets, size))
        moved_offsets, moved_size = _layout(moved)
        frozen_offsets, frozen_size = _layout(frozen)
        self.values = backend.zeros((size,))
        self.gradients = backend.zeros((size,))
        statistics = backend.zeros((moved_size,))
        unread = backend.zeros((frozen_size if frozen else 0,))  # backward writes gradients of frozen weights too
        self._gradients: dict[int, Array] = {
            **{id(weight): self.view(self.gradients, weight) for weight in self._trainable},
            **{id(w): _view(unread, offset, w.shape) for w, offset in zip(frozen, frozen_offsets, strict=True)},
        }
        self._views = [
            *((weight, self.view(self.values, weight)) for weight in self._trainable),
            *((w, _view(statistics, offset, w.shape)) for w, offset in zip(moved, moved_offsets, strict=True)),
        ]
        self.claim()

    def claim(self) -> None:
        """Fetch the weights that another network, or nobody, has had: their values go on, in these buffers."""
        for weight, view in self._views:
            if weight.value is not view:
                values = weight.value if weight.backend is self._backend else weight.to_host()
                self._backend.copy_into(view, values)
                weight.value, weight.gradient = view, self._gradients.get(id(weight), NOT_THERE)
                weight.backend, weight.place = self._backend, self._place

    def view(self, flat: Array, weight: Weight) -> Array:
        """The part of a flat buffer (P,) that belongs to a trainable weight, in the weight's shape."""
        offset = self._offsets[next(n for n, other in enumerate(self._trainable) if other is weight)]
        return _view(flat, offset, weight.shape)

    def by_name(self, flat: Array) -> dict[str, HostArray]:
        """Host copies of a flat buffer's parts, by weight name, in Keras' order."""
        return {self._names[id(w)]: self._backend.to_host(self.view(flat, w)) for w in self._trainable}

    def state_arrays(self, slots: dict[str, Array]) -> dict[str, HostArray]:
        """All weights and the optimizer's slots (flat buffers by name), as host arrays under stable names."""
        state = {f"weights/{self._names[id(weight)]}": weight.to_host() for weight in self._weights}
        for slot, flat in slots.items():
            state.update({f"optimizer/{slot}/{name}": array for name, array in self.by_name(flat).items()})
        return state

    def load_state_arrays(self, state: dict[str, HostArray], slots: dict[str, Array]) -> None:
        """Restore what state_arrays returned; nothing is changed unless every name and shape fits."""
        targets = {f"weights/{self._names[id(weight)]}": weight.value for weight in self._weights}
        for slot, flat in slots.items():
            targets.update({f"optimizer/{slot}/{self._names[id(w)]}": self.view(flat, w) for w in self._trainable})
        missing, foreign = sorted(targets.keys() - state.keys()), sorted(state.keys() - targets.keys())
        if missing or foreign:
            raise ValueError(
                f"state: expected the arrays of this network and optimizer; missing {missing[:3] or 'none'}, "
                f"unknown {foreign[:3] or 'none'}"
            )
        for name, target in targets.items():
            if state[name].shape != target.shape:
                raise ValueError(f"state: {name} expects shape {target.shape}, got {state[name].shape}")
        for name, target in targets.items():
            self._backend.copy_into(target, state[name].astype(self._backend.dtype))


def _layout(weights: list[Weight]) -> tuple[list[int], int]:
    offsets, end = [], 0
    for weight in weights:
        offsets.append(end)
        end += -(-math.prod(weight.shape) // ALIGNMENT) * ALIGNMENT
    return offsets, max(end, ALIGNMENT)


def _view(flat: Array, offset: int, shape: tuple[int, ...]) -> Array:
    return flat[offset : offset + math.prod(shape)].reshape(shape)
