"""A machine with no GPU, as reports name it."""

from typing import Any

MACHINE: dict[str, Any] = {
    "cpu": "a processor", "cores": 2, "python": "3", "date": "today", "versions": {}, "peer_versions": {},
    "missing": ["cupy"], "gpu": None,
}  # fmt: skip
