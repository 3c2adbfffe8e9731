"""What readers of the tables (activations, losses, updates) share: codes as constants, and refusals by name.

Formulas in the tables are Python statements on NumPy arrays, so that tests compute what people read.
"""

from collections.abc import Collection, Iterable, Mapping
from typing import Protocol


class Entry(Protocol):
    """An entry of a table that compiled kernels know by a number."""

    @property
    def code(self) -> int:
        """The number, which no other entry of the table has."""


def constants(prefix: str, table: Mapping[str, Entry]) -> dict[str, int]:
    """The codes of a table under the names that compiled kernels use, such as ACTIVATION_SIGMOID."""
    return {_constant(prefix, name): entry.code for name, entry in table.items()}


def implemented(prefix: str, table: Mapping[str, Entry], words: Iterable[str]) -> tuple[str, ...]:
    """The entries that a kernel computes: those whose constant is among the words of its source."""
    found = frozenset(words)
    return tuple(name for name in table if _constant(prefix, name) in found)


def require(what: str, name: object, known: Collection[str], backend: str) -> None:
    """Refuse an entry that a back end has no kernel for. Raises ValueError naming it."""
    if name not in known:
        raise ValueError(f"{what}: the {backend} back end has no {name!r}, only {', '.join(known)}")


def _constant(prefix: str, name: str) -> str:
    return f"{prefix}_{name.upper()}"
