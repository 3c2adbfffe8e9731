"""What is done to weights and their gradients besides an update."""

from dataclasses import dataclass
from typing import Literal

NORM_EPSILON = 1e-7
"""Keras' epsilon, which keeps a norm constraint from dividing by zero."""


@dataclass(frozen=True)
class ClipSpec:
    """How gradients in a flat buffer (P,) are kept small.

    Attributes:
        by: "value": each into [-limit, limit]; "norm": those of each weight array by their norm; "global_norm": all by
            the norm of all.
        limit: of the value or the norm.
        bounds: where each weight array's part begins, and P.
    """

    by: Literal["value", "norm", "global_norm"]
    limit: float
    bounds: tuple[int, ...]
