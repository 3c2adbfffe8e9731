"""`python -m engine.train`: from a configuration to a run folder."""

from engine.train.program import main

__all__ = ["main"]
