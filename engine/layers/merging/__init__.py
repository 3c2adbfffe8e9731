"""Layers of several inputs: combined element by element, or side by side."""

from engine.layers.merging.concatenate import Concatenate
from engine.layers.merging.elementwise import Add, Average, Maximum, Minimum, Multiply, Subtract

__all__ = ["Add", "Average", "Concatenate", "Maximum", "Minimum", "Multiply", "Subtract"]
