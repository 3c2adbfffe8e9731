"""Layers that give their input another shape: padding, cropping, repetition, and the same numbers in another order."""

from engine.layers.reshaping.cropping import Cropping1D, Cropping2D, Cropping3D
from engine.layers.reshaping.flatten import Flatten
from engine.layers.reshaping.permute import Permute
from engine.layers.reshaping.repeat_vector import RepeatVector
from engine.layers.reshaping.reshape import Reshape
from engine.layers.reshaping.space_to_depth import DepthToSpace, SpaceToDepth
from engine.layers.reshaping.up_sampling import UpSampling1D, UpSampling2D, UpSampling3D
from engine.layers.reshaping.zero_padding import ZeroPadding1D, ZeroPadding2D, ZeroPadding3D

__all__ = [
    "Cropping1D",
    "Cropping2D",
    "Cropping3D",
    "DepthToSpace",
    "Flatten",
    "Permute",
    "RepeatVector",
    "Reshape",
    "SpaceToDepth",
    "UpSampling1D",
    "UpSampling2D",
    "UpSampling3D",
    "ZeroPadding1D",
    "ZeroPadding2D",
    "ZeroPadding3D",
]
