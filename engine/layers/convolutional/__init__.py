"""Layers whose weights are kernels that slide over their input."""

from engine.layers.convolutional.conv1d import Conv1D
from engine.layers.convolutional.conv2d import Conv2D
from engine.layers.convolutional.conv3d import Conv3D

__all__ = ["Conv1D", "Conv2D", "Conv3D"]
