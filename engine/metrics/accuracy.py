"""Accuracies: the share of elements or of rows that are predicted right."""

from engine.metrics.base import Measure, Metric
from engine.support.validation import in_range
from kernels import Backend


class BinaryAccuracy(Metric):
    """Binary accuracy, the share of elements where (prediction > threshold) equals the target.

    Args:
        name: default "binary_accuracy".
        threshold: default 0.5.
    """

    arguments = ("threshold",)

    def __init__(self, name: str = "binary_accuracy", threshold: float = 0.5) -> None:
        super().__init__(name, "binary_accuracy", in_range("threshold", threshold, 0.0, 1.0))

    @property
    def threshold(self) -> float:
        """From where on a prediction is 1."""
        return self.parameter


class CategoricalAccuracy(Metric):
    """The share of rows whose largest prediction is of the class whose target is the largest.

    Args:
        name: default "categorical_accuracy".
    """

    arguments = ()

    def __init__(self, name: str = "categorical_accuracy") -> None:
        super().__init__(name, "categorical_accuracy")


class SparseCategoricalAccuracy(Metric):
    """The share of rows whose largest prediction is of the target's class, for targets that are numbers of classes.

    Args:
        name: default "sparse_categorical_accuracy".
    """

    arguments = ()

    def __init__(self, name: str = "sparse_categorical_accuracy") -> None:
        super().__init__(name, "sparse_categorical_accuracy")


class AutoAccuracy(Metric):
    """The accuracy that fits the output, as Keras takes the names "accuracy" and "acc".

    It is the binary one for an output of one channel, the sparse categorical one where the loss wants numbers of
    classes, and else the categorical one.

    Args:
        name: default "accuracy".
    """

    arguments = ()

    def __init__(self, name: str = "accuracy") -> None:
        super().__init__(name, "binary_accuracy", 0.5)

    def fits(self, classes: bool) -> bool:
        return True

    def chosen(self, channels: int, classes: bool) -> Metric:
        """The accuracy that is measured of an output with so many channels."""
        if channels == 1 and not classes:
            return BinaryAccuracy(self.name)
        return SparseCategoricalAccuracy(self.name) if classes else CategoricalAccuracy(self.name)

    def bind(self, backend: Backend, shape: tuple[int, ...], classes: bool, logits: bool) -> Measure:
        return self.chosen(shape[-1], classes).bind(backend, shape, classes, logits)

    @property
    def larger_is_better(self) -> bool:
        return True
