"""Launches optimizers.cu: every parameter of a network in one launch."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from kernels.cuda.common.elementwise import THREADS, blocks, quads
from kernels.cuda.launch.launch import Kernel, Program, Runtime
from kernels.specs import ClipSpec

Array = Any

REDUCE_BYTES = 8 * THREADS
BLOCKS_PER_PART = 32


@dataclass(frozen=True)
class ClipPlan:
    """A ClipSpec on the device: bounds (V+1) int64, squares (V) float64 scratch."""

    spec: ClipSpec
    bounds: Array
    squares: Array


class Optimizers:
    """The kernels of optimizers.cu, bound to a number of parameters when one is first met."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._program = Program(runtime, "pointwise/optimizers.cu", {})
        self._kernels: dict[tuple[str, tuple[int, ...]], Kernel] = {}

    def adadelta(
        self,
        weights: Array,
        gradients: Array,
        accumulated_gradient: Array,
        accumulated_delta: Array,
        learning_rate: Array,
        rho: float,
        epsilon: float,
    ) -> None:
        """See Backend.adadelta_update."""
        buffers = {
            "weights": weights,
            "gradients": gradients,
            "accumulated_gradient": accumulated_gradient,
            "accumulated_delta": accumulated_delta,
        }
        self._launch("adadelta", buffers, {"learning_rate": learning_rate}, rho=rho, epsilon=epsilon)

    def sgd(
        self,
        weights: Array,
        gradients: Array,
        velocity: Array | None,
        learning_rate: Array,
        momentum: float,
        nesterov: bool,
    ) -> None:
        """See Backend.sgd_update."""
        buffers = {"weights": weights, "gradients": gradients, "velocity": velocity}
        numbers: dict[str, Any] = {"momentum": momentum, "nesterov": int(nesterov and velocity is not None)}
        self._launch("sgd", buffers, {"learning_rate": learning_rate}, **numbers)

    def adam(
        self,
        weights: Array,
        gradients: Array,
        mean: Array,
        square: Array,
        largest_square: Array | None,
        step_size: Array,
        beta_1: float,
        beta_2: float,
        epsilon: float,
    ) -> None:
        """See Backend.adam_update."""
        buffers = {
            "weights": weights,
            "gradients": gradients,
            "mean": mean,
            "square": square,
            "largest_square": largest_square,
        }
        numbers: dict[str, Any] = {
            "one_minus_beta_1": 1.0 - beta_1,
            "one_minus_beta_2": 1.0 - beta_2,
            "epsilon": epsilon,
        }
        self._launch("adam", buffers, {"step_size": step_size}, by_fours=False, **numbers)

    def decay(self, weights: Array, decayed: Array, rate: Array) -> None:
        """See Backend.decay_weights."""
        self._launch("decay_weights", {"weights": weights, "decayed": decayed}, {"rate": rate})

    def clip_plan(self, spec: ClipSpec) -> ClipPlan:
        """See Backend.clip_plan."""
        bounds = self._runtime.from_host(np.array(spec.bounds), np.int64)
        return ClipPlan(spec, bounds, self._runtime.empty((len(spec.bounds) - 1,), np.float64))

    def clip(self, plan: ClipPlan, gradients: Array) -> None:
        """See Backend.clip_gradients."""
        if plan.spec.by == "value":
            self._launch("clip_by_value", {"gradients": gradients}, {}, limit=plan.spec.limit)
            return
        parts = plan.squares.size
        arrays = {"gradients": gradients, "bounds": plan.bounds, "squares": plan.squares}
        sizes = {name: array.size for name, array in arrays.items()}
        self._kernel("square_sums", sizes)((parts,), (THREADS,), shared_bytes=REDUCE_BYTES, **arrays)
        together = int(plan.spec.by == "global_norm")
        self._kernel("clip_by_norm", sizes)(
            (BLOCKS_PER_PART, parts), (THREADS,), limit=plan.spec.limit, together=together, **arrays
        )

    def _launch(
        self, name: str, buffers: dict[str, Array], changing: dict[str, Array], by_fours: bool = True, **numbers: Any
    ) -> None:
        """A kernel over flat buffers of one size, with arrays (1,) beside them."""
        n = next(iter(buffers.values())).size
        if by_fours:
            numbers["quads"] = quads(n, *buffers.values())
        kernel = self._kernel(name, {**dict.fromkeys(buffers, n), **dict.fromkeys(changing, 1)})
        kernel(blocks(n), (THREADS,), n=n, **buffers, **changing, **numbers)

    def _kernel(self, name: str, sizes: dict[str, int]) -> Kernel:
        key = (name, tuple(sizes.values()))
        if key not in self._kernels:
            optional = tuple({"velocity", "largest_square"} & sizes.keys())
            self._kernels[key] = self._program.kernel(name, sizes, optional)
        return self._kernels[key]
