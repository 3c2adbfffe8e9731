"""Launches lstm_cell.cu, layout.cu and weight_rules.cu: small operations on arrays of any shape."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from kernels.activations import Activation
from kernels.arrays import Array
from kernels.cuda.common.activations import arguments_of
from kernels.cuda.common.rounding import ceil_div
from kernels.cuda.launch.launch import Kernel, Program, Runtime, Size
from kernels.cuda.launch.source import Constant
from kernels.cuda.products.binding import ELEMENT_THREADS
from kernels.operations import LSTMCell, MaskedCopies, Permute, inverse
from kernels.specs import NORM_EPSILON

_REDUCE_BYTES = 8 * ELEMENT_THREADS


class Kernels:
    """The kernels of one program, each bound to array sizes when they are first met."""

    def __init__(self, runtime: Runtime, filename: str, defines: Mapping[str, Constant]) -> None:
        self._program = Program(runtime, filename, defines)
        self._bound: dict[tuple[Any, ...], Kernel] = {}

    def __call__(self, name: str, sizes: Mapping[str, Size], optional: tuple[str, ...] = ()) -> Kernel:
        key = (name, *sizes.values())
        if key not in self._bound:
            self._bound[key] = self._program.kernel(name, sizes, optional)
        return self._bound[key]


def _grid(n: int) -> tuple[int]:
    return (ceil_div(n, ELEMENT_THREADS),)


class CudaLSTMCell(LSTMCell[Array]):
    """One launch each way.

    Args:
        kernels: those of lstm_cell.cu.
    """

    def __init__(self, kernels: Kernels, activation: Activation, recurrent_activation: Activation) -> None:
        self._kernels = kernels
        self._codes = arguments_of(activation) | arguments_of(recurrent_activation, "recurrent_activation")

    def forward(self, z_input: Array, z_recurrent: Array, c_prev: Array, gates: Array, c: Array, h: Array) -> None:
        n = c.size
        wide, narrow = dict.fromkeys(("z_input", "z_recurrent", "gates"), 4 * n), dict.fromkeys(("c_prev", "c", "h"), n)
        self._kernels("lstm_cell_forward", wide | narrow)(
            _grid(n), (ELEMENT_THREADS,), z_input=z_input, z_recurrent=z_recurrent, c_prev=c_prev, gates=gates, c=c,
            h=h, filters=c.shape[-1], n=n, **self._codes,
        )  # fmt: skip

    def backward(self, dh: Array, dh_next: Array, dc: Array, gates: Array, c: Array, c_prev: Array, dz: Array) -> None:
        n = c.size
        wide, narrow = dict.fromkeys(("gates", "dz"), 4 * n), dict.fromkeys(("dh", "dh_next", "dc", "c", "c_prev"), n)
        self._kernels("lstm_cell_backward", wide | narrow)(
            _grid(n), (ELEMENT_THREADS,), dh=dh, dh_next=dh_next, dc=dc, gates=gates, c=c, c_prev=c_prev, dz=dz,
            filters=c.shape[-1], n=n, **self._codes,
        )  # fmt: skip


class CudaMaskedCopies(MaskedCopies[Array]):
    """One launch each way.

    Args:
        kernels: those of layout.cu.
    """

    def __init__(self, kernels: Kernels, masks: Array) -> None:
        self._kernels, self._masks = kernels, masks

    def forward(self, x: Array, y: Array) -> None:
        self._launch("masked_copies", x, x=x, y=y)

    def backward(self, dy: Array, dx: Array) -> None:
        self._launch("masked_copies_backward", dx, dy=dy, dx=dx)

    def _launch(self, name: str, narrow: Array, **arrays: Any) -> None:
        masks, n = self._masks, narrow.size
        copies, frame = masks.shape[0], math.prod(masks.shape[1:])
        sizes = {key: n if array is narrow else copies * n for key, array in arrays.items()} | {"masks": masks.size}
        self._kernels(name, sizes)(
            _grid(n), (ELEMENT_THREADS,), copies=copies, channels=narrow.shape[-1], frame=frame, n=n, masks=masks,
            **arrays,
        )  # fmt: skip


class CudaPermute(Permute[Array]):
    """One launch each way.

    Args:
        kernels: those of layout.cu.
    """

    def __init__(self, kernels: Kernels, axes: tuple[int, ...]) -> None:
        self._kernels, self._axes, self._back = kernels, axes, inverse(axes)

    def forward(self, x: Array, y: Array) -> None:
        self._launch(x, self._axes, y)

    def backward(self, dy: Array, dx: Array) -> None:
        self._launch(dy, self._back, dx)

    def _launch(self, x: Array, axes: tuple[int, ...], y: Array) -> None:
        if tuple(x.shape[axis] for axis in axes) != y.shape:
            raise ValueError(f"y: expected x of shape {x.shape} with its axes in order {axes}, got {y.shape}")
        launch_strided(self._kernels, x, y, y.shape, [math.prod(x.shape[axis + 1 :]) for axis in axes])


def launch_strided(
    kernels: Kernels, x: Array, y: Array, shape: tuple[int, ...], steps: Sequence[int], adds: bool = False
) -> None:
    """y (of this shape) = x, whose element moves by steps[k] where y's index k moves by one; kernels of layout.cu.

    adds: whether y is added to.
    """
    n, missing = math.prod(shape), 5 - len(shape)
    sizes, all_steps = (1,) * missing + shape, (0,) * missing + tuple(steps)
    scalars: dict[str, Any] = {f"size{k}": sizes[k] for k in range(1, 5)} | {f"step{k}": all_steps[k] for k in range(5)}
    kernels("strided", {"x": x.size, "y": n})(_grid(n), (ELEMENT_THREADS,), x=x, y=y, adds=int(adds), n=n, **scalars)


class WeightRules:
    """Penalties on weights and constraints of them."""

    def __init__(self, runtime: Runtime) -> None:
        self._kernels = Kernels(runtime, "pointwise/weight_rules.cu", {"EPSILON": NORM_EPSILON})

    def add_penalty(self, weights: Array, l1: float, l2: float, loss: Array, gradient: Array | None) -> None:
        """See Backend.add_penalty."""
        n = weights.size
        kernel = self._kernels("add_penalty", {"weights": n, "loss": 1, "gradient": n}, ("gradient",))
        kernel(
            (1,), (ELEMENT_THREADS,), shared_bytes=_REDUCE_BYTES, weights=weights, loss=loss, gradient=gradient, l1=l1,
            l2=l2, n=n,
        )  # fmt: skip

    def constrain_norm(self, weights: Array, axes: tuple[int, ...], low: float, high: float, rate: float) -> None:
        """See Backend.constrain_norm."""
        shape = weights.shape
        scalars: dict[str, Any] = {}
        counts = {}
        for name, chosen in (("kept", [k for k in range(len(shape)) if k not in axes]), ("over", sorted(axes))):
            padded = [None] * (5 - len(chosen)) + chosen
            for place, axis in enumerate(padded):
                if place:
                    scalars[f"{name}{place}"] = 1 if axis is None else shape[axis]
                scalars[f"{name}_step{place}"] = 0 if axis is None else math.prod(shape[axis + 1 :])
            counts[name] = math.prod(shape[axis] for axis in chosen)
        kernel = self._kernels("constrain_norm", {"weights": weights.size})
        kernel(
            _grid(counts["kept"]), (ELEMENT_THREADS,), weights=weights, norms=counts["kept"], elements=counts["over"],
            low=low, high=high, rate=rate, **scalars,
        )  # fmt: skip
