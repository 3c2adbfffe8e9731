"""Layers that know no axes but the last."""

from engine.layers.core.dense import Dense

__all__ = ["Dense"]
