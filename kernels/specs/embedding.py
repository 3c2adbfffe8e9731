"""What a table of rows is bound to."""

from dataclasses import dataclass


@dataclass(frozen=True)
class LookupSpec:
    """Rows of a table by their numbers: numbers (positions) and table (rows, features) -> y (positions, features)."""

    positions: int
    rows: int
    features: int
    training: bool = True
