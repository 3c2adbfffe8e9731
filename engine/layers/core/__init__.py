"""Layers that know no axes but the last."""

from engine.layers.core.dense import Dense
from engine.layers.core.embedding import Embedding

__all__ = ["Dense", "Embedding"]
