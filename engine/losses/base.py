"""What a loss is: the mean of a term, with its gradient."""

from dataclasses import asdict, dataclass
from typing import Any, ClassVar

from engine.registry import is_registered, name_of
from kernels import Backend
from kernels.losses import LossKind, LossOperation, LossSpec, term_of
from kernels.row_losses import RowTerm


@dataclass(frozen=True)
class Loss:
    """A loss, the mean of a term over all elements of the output, or over its rows, the last axis.

    A subclass is a dataclass whose fields are its arguments; the term's parameter is the one of its name.

    Attributes:
        name: Keras' short name.
        kind: of the term that it is the mean of, a name in kernels.losses.TERMS or kernels.row_losses.ROW_TERMS.
        on_host: whether it is computed on the host, so that a step with it cannot be recorded.
    """

    name: ClassVar[str]
    kind: ClassVar[LossKind]
    on_host: ClassVar[bool] = False

    @property
    def classes(self) -> bool:
        """Whether targets are the numbers of classes, one in place of each row of the output."""
        term = term_of(self.kind)
        return isinstance(term, RowTerm) and term.classes

    def target_shape(self, output_shape: tuple[int, ...]) -> tuple[int, ...]:
        """The shape of targets for an output of this shape, both without the axis of the batch."""
        return (*output_shape[:-1], 1) if self.classes else output_shape

    def folds_in(self, activation: str) -> bool:
        """Tell whether the loss absorbs the last layer's activation and is computed from its input, the logits."""
        return False

    def spec(self, from_logits: bool, scale: float = 1.0) -> LossSpec:
        """Return what a back end is to compute.

        Args:
            from_logits: whether the last activation was folded in.
            scale: what the gradient is multiplied by, the loss's weight among others.
        """
        parameter = term_of(self.kind).parameter
        return LossSpec(self.kind, from_logits, 0.0 if parameter is None else float(getattr(self, parameter)), scale)

    def bind(self, backend: Backend, shape: tuple[int, ...], from_logits: bool, scale: float) -> LossOperation:
        """The operation on a back end; ValueError naming what it lacks.

        Args:
            shape: of the output, without the axis of the batch.
            from_logits, scale: as for spec.
        """
        return backend.loss(self.spec(from_logits, scale))

    def get_config(self) -> str | dict[str, Any]:
        """Return the name if all arguments are defaults, else class and arguments; JSON-able.

        A class of one's own never goes by a name that it inherits from another loss.
        """
        if "name" in type(self).__dict__ and is_registered(type(self)) and self == type(self)():
            return self.name
        return {"class_name": name_of(type(self)), "config": asdict(self)}
