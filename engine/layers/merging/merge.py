"""What the layers that combine several inputs element by element share: broadcasting, and one input after another."""

from abc import abstractmethod
from collections.abc import Sequence

from engine.layers.bound_layer import WIDE, BoundNode, Narrow
from engine.layers.layer import Layer
from engine.layers.merging.broadcasting import broadcast_shape
from engine.layers.merging.folded import Folded
from engine.layers.weight import Shape, known, time_major
from kernels import Backend
from kernels.arrays import Array
from kernels.combinations import CombinationSpec
from kernels.operations import ConvLSTM


class Merge(Layer):
    """Base of the layers that combine their inputs element by element; a subclass defines `steps`.

    Inputs have one shape, or shapes that broadcast: sizes of 1 are repeated, and a shape with fewer sizes counts as
    one with ones in front, behind the batch's.
    """

    frame_by_frame = True

    @abstractmethod
    def steps(self, inputs: int) -> list[CombinationSpec]:
        """Say how the second input joins the first, the third what comes of them, and so on, of so many inputs."""

    def output_shapes(self, shapes: Sequence[Shape]) -> list[Shape]:
        if not shapes:
            raise ValueError(f"{self.name}: expected at least one input, got none")
        return [broadcast_shape(self.name, shapes)]

    def bind_node(
        self,
        backend: Backend,
        shapes: Sequence[tuple[int, ...]],
        batch: int,
        training: bool,
        logits: bool = False,
        narrow: Narrow = WIDE,
        source: ConvLSTM[Array] | None = None,
    ) -> BoundNode:
        y_shape = time_major(known(self.output_shapes(shapes)[0]), batch)
        x_shapes = [time_major(shape, batch) for shape in shapes]
        return Folded(backend, x_shapes, y_shape, self.steps(len(shapes)), training)
