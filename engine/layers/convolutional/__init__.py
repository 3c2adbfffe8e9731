"""Layers whose weights are kernels that slide over their input."""

from engine.layers.convolutional.conv1d import Conv1D
from engine.layers.convolutional.conv2d import Conv2D
from engine.layers.convolutional.conv3d import Conv3D
from engine.layers.convolutional.conv_transposes import Conv1DTranspose, Conv2DTranspose, Conv3DTranspose
from engine.layers.convolutional.depthwise import DepthwiseConv1D, DepthwiseConv2D
from engine.layers.convolutional.separable import SeparableConv1D, SeparableConv2D

__all__ = [
    "Conv1D",
    "Conv1DTranspose",
    "Conv2D",
    "Conv2DTranspose",
    "Conv3D",
    "Conv3DTranspose",
    "DepthwiseConv1D",
    "DepthwiseConv2D",
    "SeparableConv1D",
    "SeparableConv2D",
]
