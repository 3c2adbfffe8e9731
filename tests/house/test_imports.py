"""Imports point down, and no files import each other in a circle."""

import subprocess
import sys
from collections.abc import Callable

import pytest

from tests.house.imports import Edge, circles, include_edges, module_edges, modules
from tests.paths import ROOT

pytestmark = pytest.mark.quick

FLOORS: list[list[str]] = [
    ["bench"],
    ["engine.train", "engine.predict", "engine.keras3", "export.__main__"],
    ["engine"],
    ["export"],
    ["engine.models"],
    ["engine.fitting"],
    ["engine.callbacks", "engine.movies"],
    ["engine.runtime", "engine.files"],
    ["engine.graph", "engine.activations"],
    ["engine.layers", "engine.optimizers", "engine.metrics"],
    [
        "engine.losses",
        "engine.schedules",
        "engine.initializers",
        "engine.regularizers",
        "engine.constraints",
    ],
    ["engine.registry"],
    ["engine.keras_objects"],
    ["engine.support", "engine.version"],
    ["kernels.cuda.simulator"],
    ["kernels.select"],
    ["kernels.reference", "kernels.cpu", "kernels.cuda"],
    ["kernels.cuda.conv_lstm", "kernels.cpu.layers"],
    [
        "kernels.cuda.conv3d",
        "kernels.cuda.batch_norm",
        "kernels.cuda.layer_norm",
        "kernels.cuda.pointwise",
        "kernels.cuda.pooling",
    ],
    ["kernels.cuda.products", "kernels.cpu.products", "kernels.cpu.pointwise"],
    ["kernels.cuda.common"],
    ["kernels.cuda.launch", "kernels.cpu.compile"],
    ["kernels"],
]
"""The rooms from the roof down. A file may import its own room and all rooms on floors below, none beside it.

A file belongs to the room with the longest name that begins its own.
"""

EXPORT_MAY_IMPORT = (
    "export",
    "engine.layers",
    "engine.graph",
    "engine.files",
    "engine.support",
    "engine.version",
    "kernels",
)

UPWARD: set[Edge] = {("engine.models.network", "export")}
"""The one call upward: Network.export, made late, so that a network can be trained where no exporter is installed."""

FLOOR = {room: number for number, rooms in enumerate(FLOORS) for room in rooms}


def room_of(module: str) -> str:
    """The room with the longest name that begins the module's."""
    return max((room for room in FLOOR if f"{module}.".startswith(f"{room}.")), key=len)


def allowed(source: str, target: str) -> bool:
    """Whether the arrow stays in its room or points down."""
    here, there = room_of(source), room_of(target)
    if here == "export" and not any(f"{target}.".startswith(f"{room}.") for room in EXPORT_MAY_IMPORT):
        return False
    return here == there or FLOOR[here] < FLOOR[there]


@pytest.mark.parametrize("edges", [module_edges, include_edges])
def test_arrows_point_down(edges: Callable[[], set[Edge]]) -> None:
    wrong = {edge for edge in edges() if not allowed(*edge)}
    assert sorted(wrong - UPWARD) == [], "these point up or sideways"


def test_the_exception_is_still_needed() -> None:
    wrong = {edge for edge in module_edges() | include_edges() if not allowed(*edge)}
    assert sorted(UPWARD - wrong) == [], "gone: take it off the list"


def test_no_circles() -> None:
    assert circles(module_edges() | include_edges()) == []


def test_every_floor_has_its_rooms() -> None:
    assert [room for room in FLOOR if room not in modules()] == []


def test_import_engine_imports_no_back_end() -> None:
    program = "import sys, engine; print([name for name in sys.modules if name.startswith('kernels.')])"
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    rooms = ("kernels.cpu", "kernels.cuda", "kernels.reference")
    assert not any(room in done.stdout for room in rooms), done.stdout
