"""Launches lstm_cell.cu, layout.cu and weight_rules.cu: small operations on arrays of any shape."""

import math
from collections.abc import Mapping
from typing import Any

from kernels.activations import Activation
from kernels.cuda.common.activations import ACTIVATION_DEFINES, code_of
from kernels.cuda.common.rounding import ceil_div
from kernels.cuda.launch.launch import Kernel, Program, Runtime, Size
from kernels.cuda.launch.source import Constant
from kernels.cuda.products.binding import ELEMENT_THREADS
from kernels.specs import NORM_EPSILON

Array = Any

_REDUCE_BYTES = 8 * ELEMENT_THREADS


class _Kernels:
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


class LSTMCell:
    """The gates of one step."""

    def __init__(self, runtime: Runtime) -> None:
        self._kernels = _Kernels(runtime, "pointwise/lstm_cell.cu", ACTIVATION_DEFINES)

    def forward(self, activation: Activation, recurrent_activation: Activation, **arrays: Array) -> None:
        """See Backend.lstm_cell_forward."""
        self._launch("lstm_cell_forward", activation, recurrent_activation, arrays)

    def backward(self, activation: Activation, recurrent_activation: Activation, **arrays: Array) -> None:
        """See Backend.lstm_cell_backward."""
        self._launch("lstm_cell_backward", activation, recurrent_activation, arrays)

    def _launch(
        self, name: str, activation: Activation, recurrent_activation: Activation, arrays: dict[str, Array]
    ) -> None:
        c = arrays["c"]
        wide = ("z_input", "z_recurrent", "gates", "dz")
        kernel = self._kernels(name, {key: c.size * (4 if key in wide else 1) for key in arrays})
        kernel(
            _grid(c.size), (ELEMENT_THREADS,), activation=code_of(activation), filters=c.shape[-1], n=c.size,
            recurrent_activation=code_of(recurrent_activation), **arrays,
        )  # fmt: skip


class Layout:
    """Masked copies, and axes in another order."""

    def __init__(self, runtime: Runtime) -> None:
        self._kernels = _Kernels(runtime, "pointwise/layout.cu", {})

    def masked_copies(self, x: Array, masks: Array, y: Array) -> None:
        """See Backend.masked_copies."""
        self._launch("masked_copies", x, masks, {"x": x, "masks": masks, "y": y})

    def masked_copies_backward(self, dy: Array, masks: Array, dx: Array) -> None:
        """See Backend.masked_copies_backward."""
        self._launch("masked_copies_backward", dx, masks, {"dy": dy, "masks": masks, "dx": dx})

    def permute(self, x: Array, axes: tuple[int, ...], y: Array) -> None:
        """See Backend.permute."""
        if tuple(x.shape[axis] for axis in axes) != y.shape:
            raise ValueError(f"y: expected x of shape {x.shape} with its axes in order {axes}, got {y.shape}")
        sizes = (1,) * (5 - y.ndim) + y.shape
        steps = [0] * (5 - y.ndim) + [math.prod(x.shape[axis + 1 :]) for axis in axes]
        kernel = self._kernels("permute", {"x": x.size, "y": y.size})
        scalars = {f"size{k}": sizes[k] for k in range(1, 5)} | {f"step{k}": steps[k] for k in range(5)}
        kernel(_grid(y.size), (ELEMENT_THREADS,), x=x, y=y, n=y.size, **scalars)

    def _launch(self, name: str, narrow: Array, masks: Array, arrays: dict[str, Array]) -> None:
        copies, frame = masks.shape[0], math.prod(masks.shape[1:])
        n = narrow.size
        sizes = {key: n if array is narrow else copies * n for key, array in arrays.items()} | {"masks": masks.size}
        kernel, channels = self._kernels(name, sizes), narrow.shape[-1]
        kernel(_grid(n), (ELEMENT_THREADS,), copies=copies, channels=channels, frame=frame, n=n, **arrays)


class WeightRules:
    """Penalties on weights and constraints of them."""

    def __init__(self, runtime: Runtime) -> None:
        self._kernels = _Kernels(runtime, "pointwise/weight_rules.cu", {"EPSILON": NORM_EPSILON})

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
