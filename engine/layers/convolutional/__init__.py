"""Layers whose weights are kernels that slide over their input."""

from engine.layers.convolutional.conv3d import Conv3D

__all__ = ["Conv3D"]
