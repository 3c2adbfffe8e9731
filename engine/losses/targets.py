"""Targets at the door: shaped as the loss wants them, and classes that there are."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from engine.losses.base import Loss
from engine.support.validation import finite_movies
from kernels.arrays import HostArray


@dataclass(frozen=True)
class TargetShape:
    """What the targets of an output must be.

    Attributes:
        label: what the caller calls them.
        output: the output's shape, with the number of movies in front.
        source: what the output is for, for messages.
        loss: what they are for; None where nothing is asked of the output.
    """

    label: str
    output: tuple[int, ...]
    source: str
    loss: Loss | None

    @property
    def expected(self) -> tuple[int, ...]:
        """Their shape."""
        return self.output if self.loss is None else (self.output[0], *self.loss.target_shape(self.output[1:]))

    def checked(self, y: Any, dtype: Any) -> HostArray:
        """Validate targets, to be cast to dtype. The numbers of classes may lack the last axis, which is put there."""
        given = np.shape(y)
        of_classes = self.loss is not None and self.loss.classes
        if of_classes and given == self.expected[:-1]:
            y = np.asarray(y)[..., np.newaxis]
        elif given != self.expected:
            self._refuse_known(given, of_classes)
        array = finite_movies(self.label, y, len(self.expected), dtype)
        if array.shape != self.expected:
            raise ValueError(f"{self.label}: expected shape {self.expected} for {self.source}, got {array.shape}")
        if of_classes:
            self._check_classes(array)
        return array

    def _refuse_known(self, given: tuple[int, ...], of_classes: bool) -> None:
        """Say what to do about what people often pass."""
        expected, kind = self.expected, f"{self.label}: expected shape {self.expected} for {self.source}, got {given}"
        if of_classes and given == self.output:
            raise ValueError(
                f"{kind}; the loss wants numbers of classes: pass {self._argument}.argmax(axis=-1), or compile with "
                "loss='categorical_crossentropy'"
            )
        if expected[-1] > 1 and given in (expected[:-1], (*expected[:-1], 1)):
            raise ValueError(f"{kind}; numbers of classes are for loss='sparse_categorical_crossentropy'")
        if expected[-1] == 1 and given == expected[:-1]:
            raise ValueError(f"{kind}, without the axis of channels; pass {self._argument}[..., np.newaxis]")

    @property
    def _argument(self) -> str:
        return self.label.split(" ", maxsplit=1)[0]

    def _check_classes(self, array: HostArray) -> None:
        classes = self.output[-1]
        if array.min() < 0 or array.max() >= classes or not np.array_equal(array, np.floor(array)):
            raise ValueError(
                f"{self.label}: expected integers from 0 to {classes - 1}, the numbers of the output's classes, got "
                f"{array.min():g} to {array.max():g}"
            )
