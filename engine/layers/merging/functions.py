"""Keras' functions beside the layers that merge: each makes the layer and calls it."""

from collections.abc import Sequence
from typing import Any

from engine.layers.merging.concatenate import Concatenate
from engine.layers.merging.elementwise import Add, Average, Maximum, Minimum, Multiply, Subtract


def add(inputs: Sequence[Any], **kwargs: Any) -> Any:
    """The output of Add(**kwargs) for these inputs."""
    return Add(**kwargs)(inputs)


def subtract(inputs: Sequence[Any], **kwargs: Any) -> Any:
    """The output of Subtract(**kwargs) for these two inputs."""
    return Subtract(**kwargs)(inputs)


def multiply(inputs: Sequence[Any], **kwargs: Any) -> Any:
    """The output of Multiply(**kwargs) for these inputs."""
    return Multiply(**kwargs)(inputs)


def average(inputs: Sequence[Any], **kwargs: Any) -> Any:
    """The output of Average(**kwargs) for these inputs."""
    return Average(**kwargs)(inputs)


def maximum(inputs: Sequence[Any], **kwargs: Any) -> Any:
    """The output of Maximum(**kwargs) for these inputs."""
    return Maximum(**kwargs)(inputs)


def minimum(inputs: Sequence[Any], **kwargs: Any) -> Any:
    """The output of Minimum(**kwargs) for these inputs."""
    return Minimum(**kwargs)(inputs)


def concatenate(inputs: Sequence[Any], axis: int = -1, **kwargs: Any) -> Any:
    """The output of Concatenate(axis, **kwargs) for these inputs."""
    return Concatenate(axis, **kwargs)(inputs)
