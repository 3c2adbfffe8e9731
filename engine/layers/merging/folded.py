"""Several arrays made into one by combinations of two, from the first to the last.

Forward:   (1)  z_0 = x_0,  z_k = combination_k(z_(k-1), x_k),  y = z_n

Backward:       dz_n = dy,  dz_(k-1) and dx_k of dz_k by combination_k,  dx_0 = dz_0                                (1)
"""

from collections.abc import Sequence

from engine.layers.bound_layer import BoundNode
from engine.layers.merging.broadcasting import Widened
from kernels import Backend
from kernels.arrays import Array
from kernels.combinations import CombinationSpec


class Folded(BoundNode):
    """The inputs, each widened to y_shape, combined by `steps`, one less than there are inputs.

    A sum's gradients do not ask for its inputs, so all z may be one array; of the others each is kept for backward.
    """

    def __init__(
        self,
        backend: Backend,
        x_shapes: Sequence[tuple[int, ...]],
        y_shape: tuple[int, ...],
        steps: Sequence[CombinationSpec],
        training: bool,
    ) -> None:
        self._inputs = [Widened(backend, shape, y_shape, training) for shape in x_shapes]
        self._steps = [backend.combination(spec) for spec in steps]
        keeps_all = training and any(spec.kind != "sum" for spec in steps)
        z = [backend.empty(y_shape) for _ in (steps if keeps_all else steps[:1])]
        self._z = z if keeps_all else z * len(steps)
        self._gradients = [backend.empty(y_shape) for _ in steps] if training else []

    def forward(self, inputs: Sequence[Array]) -> Sequence[Array]:
        self._x = [widened.forward(x) for widened, x in zip(self._inputs, inputs, strict=True)]
        so_far = self._x[0]
        for step, x, z in zip(self._steps, self._x[1:], self._z, strict=True):
            step.forward(so_far, x, z)  # (1)
            so_far = z
        return (so_far,)

    def backward(self, gradients: Sequence[Array | None], needed: Sequence[bool]) -> Sequence[Array | None]:
        dz = gradients[0]
        assert dz is not None, "a node that nothing depends on is not differentiated"
        found: list[Array | None] = [None] * len(needed)
        for k in reversed(range(1, len(needed))):
            before = self._x[0] if k == 1 else self._z[k - 2]
            dx = self._gradients[k - 1] if needed[k] else None
            rest = dz if any(needed[:k]) else None
            if dx is not None or rest is not None:
                self._steps[k - 1].backward(dz, before, self._x[k], rest, dx)  # (1)
            found[k] = None if dx is None else self._inputs[k].backward(dx)
        found[0] = self._inputs[0].backward(dz) if needed[0] else None
        return found
