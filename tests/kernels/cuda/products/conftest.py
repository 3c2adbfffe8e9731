"""Planners that choose among some tiles alone."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from kernels.cuda.conv_lstm import persistent_tiles
from kernels.cuda.products.warpgroup import warpgroup_search
from kernels.cuda.products.windowed import windowed_search

CANDIDATES = {
    persistent_tiles: ("gate_group_tiles", "channel_group_tiles"),
    warpgroup_search: ("gate_group_tiles", "channel_group_tiles"),
    windowed_search: ("variants",),
}
SEARCHES: tuple[Any, ...] = (
    persistent_tiles.forward_tile,
    persistent_tiles.backward_tile,
    warpgroup_search.cheapest_group_tile,
    windowed_search.cheapest_tile,
)

Only = Callable[[type, Callable[[Any], bool]], None]


@pytest.fixture
def only() -> Iterator[Only]:
    """only(kind, keep): of the tiles of that class planners see those alone; what they remember is forgotten."""
    patch = pytest.MonkeyPatch()

    def forget() -> None:
        patch.undo()
        for search in SEARCHES:
            search.cache_clear()

    def restrict(kind: type, keep: Callable[[Any], bool]) -> None:
        forget()
        for module, names in CANDIDATES.items():
            for name in names:
                plain = getattr(module, name)
                patch.setattr(
                    module,
                    name,
                    lambda *sizes, plain=plain, **place: (
                        tile for tile in plain(*sizes, **place) if not isinstance(tile, kind) or keep(tile)
                    ),
                )

    yield restrict
    forget()
