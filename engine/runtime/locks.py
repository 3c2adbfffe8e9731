"""Who may use a network's memory: one thread at a time. Plans, buffers and states are used by every call anew."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from engine.layers.layer import Layer
    from kernels import Backend


class Locks:
    """The locks of layers and of a back end, taken together: `with locks: ...`; whoever has them may take them again.

    Networks that share a layer exclude each other by that layer's lock, others do not. Locks are taken in one order, so
    that no two threads wait for each other.
    """

    def __init__(self, layers: Iterable["Layer"], backend: "Backend | None" = None) -> None:
        locks: list[Any] = sorted((layer.lock for layer in layers), key=id)
        self._locks = [*locks, *([] if backend is None else [backend.lock])]

    def __enter__(self) -> None:
        for lock in self._locks:
            lock.acquire()

    def __exit__(self, *_: object) -> None:
        for lock in reversed(self._locks):
            lock.release()
