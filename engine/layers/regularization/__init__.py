"""Layers that disturb training, so that networks do not learn by heart."""

from engine.layers.regularization.dropout import Dropout

__all__ = ["Dropout"]
