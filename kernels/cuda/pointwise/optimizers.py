"""Launches optimizers.cu: every parameter of a network in one launch."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from kernels.arrays import Array
from kernels.cuda.common.elementwise import THREADS, blocks, quads
from kernels.cuda.launch.launch import Kernel, Program, Runtime
from kernels.specs import ClipSpec
from kernels.tables import require
from kernels.updates import UPDATES, UpdateSpec

REDUCE_BYTES = 8 * THREADS
BLOCKS_PER_PART = 32

_KERNELS: dict[str, tuple[str, dict[str, Any]]] = {
    "sgd": ("sgd", {"momentum": 0.0, "nesterov": 0}),
    "momentum": ("sgd", {"nesterov": 0}),
    "nesterov": ("sgd", {"nesterov": 1}),
    "amsgrad": ("adam", {}),
    "rmsprop_centered": ("rmsprop", {}),
    "rmsprop_centered_momentum": ("rmsprop_momentum", {}),
}
"""The rules that share a kernel, and what they set in it; every other rule has the kernel of its name."""


class Optimizers:
    """The kernels of optimizers.cu, bound to a number of parameters when one is first met."""

    def __init__(self, runtime: Runtime) -> None:
        self.runtime = runtime
        self.program = Program(runtime, "pointwise/optimizers.cu", {})
        self._kernels: dict[tuple[str, tuple[int, ...]], Kernel] = {}

    def decay(self, weights: Array, decayed: Array, rate: Array) -> None:
        """See Backend.decay_weights."""
        arrays = {"weights": weights, "decayed": decayed, "rate": rate}
        self.launch("decay_weights", arrays, {"quads": quads(weights.size, weights, decayed)})

    def launch(
        self, name: str, arrays: dict[str, Any], numbers: dict[str, Any], optional: tuple[str, ...] = ()
    ) -> None:
        """Run a kernel over flat buffers of one size, but for `rate`; those in `optional` may be None."""
        n = next(iter(arrays.values())).size
        kernel = self.kernel(name, {key: array.size if key == "rate" else n for key, array in arrays.items()}, optional)
        kernel(blocks(n), (THREADS,), n=n, **arrays, **numbers)

    def kernel(self, name: str, sizes: dict[str, int], optional: tuple[str, ...] = ()) -> Kernel:
        """A kernel for arrays of these sizes."""
        key = (name, tuple(sizes.values()))
        if key not in self._kernels:
            self._kernels[key] = self.program.kernel(name, sizes, optional)
        return self._kernels[key]


class UpdateOperation:
    """See kernels.updates.UpdateOperation. Raises ValueError: optimizers.cu lacks the rule."""

    def __init__(self, optimizers: Optimizers, spec: UpdateSpec) -> None:
        kernels = optimizers.program.source.kernels
        self._name, fixed = _KERNELS.get(spec.rule, (spec.rule, {}))
        known = [rule for rule in UPDATES if _KERNELS.get(rule, (rule, {}))[0] in kernels]
        require("rule", spec.rule, known, "cuda")
        parameters = kernels[self._name]
        self._arrays = tuple(parameter.name for parameter in parameters if parameter.is_array)
        self._optional = self._arrays[2 + len(spec.slots) : -1]
        self._by_fours = "quads" in {parameter.name for parameter in parameters}
        names = [p.name for p in parameters if not p.is_array and p.name not in {"n", "quads", *fixed}]
        self._numbers = {**{name: spec.number(name) for name in names}, **fixed}
        self._optimizers = optimizers

    def __call__(self, weights: Array, gradients: Array, slots: Sequence[Array], rate: Array) -> None:
        buffers = [weights, gradients, *slots, *[None] * len(self._optional)]
        fours = {"quads": quads(weights.size, *buffers)} if self._by_fours else {}
        arrays = dict(zip(self._arrays, [*buffers, rate], strict=True))
        self._optimizers.launch(self._name, arrays, self._numbers | fours, self._optional)


class ClipOperation:
    """See kernels.updates.ClipOperation; keeps bounds (V+1) int64 and squares (V) float64 on the device."""

    def __init__(self, optimizers: Optimizers, spec: ClipSpec) -> None:
        self._optimizers, self._spec = optimizers, spec
        self._bounds = optimizers.runtime.from_host(np.array(spec.bounds), np.int64)
        self._squares = optimizers.runtime.empty((len(spec.bounds) - 1,), np.float64)

    def __call__(self, gradients: Array) -> None:
        limit = self._spec.limit
        if self._spec.by == "value":
            numbers = {"limit": limit, "quads": quads(gradients.size, gradients)}
            self._optimizers.launch("clip_by_value", {"gradients": gradients}, numbers)
            return
        parts = self._squares.size
        arrays: dict[str, Any] = {"gradients": gradients, "bounds": self._bounds, "squares": self._squares}
        sizes = {name: array.size for name, array in arrays.items()}
        self._optimizers.kernel("square_sums", sizes)((parts,), (THREADS,), shared_bytes=REDUCE_BYTES, **arrays)
        together = int(self._spec.by == "global_norm")
        self._optimizers.kernel("clip_by_norm", sizes)(
            (BLOCKS_PER_PART, parts), (THREADS,), limit=limit, together=together, **arrays
        )
