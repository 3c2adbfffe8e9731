"""Launches loss.cu: the losses with their gradients, and the activations."""

from typing import Any

from kernels.cuda.common.elementwise import THREADS, blocks, quads
from kernels.cuda.launch.launch import Kernel, Program, Runtime
from kernels.cuda.launch.workspace import Workspace
from kernels.specs import ACTIVATIONS, Activation, LossSpec

Array = Any

REDUCE_BYTES = 8 * THREADS

KINDS = {"binary_crossentropy": 0, "mean_squared_error": 1, "mean_absolute_error": 2, "huber": 3, "binary_accuracy": 4}
"""loss.cu numbers the losses so."""


class Losses:
    """The kernels of loss.cu, bound to array sizes when they are first met."""

    def __init__(self, runtime: Runtime, workspace: Workspace) -> None:
        self._runtime, self._workspace = runtime, workspace
        self._program = Program(runtime, "pointwise/loss.cu", {})
        self._kernels: dict[tuple[str, tuple[int, ...]], Kernel] = {}

    def forward_backward(
        self,
        spec: LossSpec,
        output: Array,
        target: Array,
        weights: Array | None,
        loss: Array,
        doutput: Array | None,
    ) -> None:
        """See Backend.loss_forward_backward."""
        n, runs = output.size, 1 if weights is None else weights.size
        partial = self._workspace.array("loss", blocks(n), "float64")
        arrays = {"output": output, "target": target, "weights": weights, "partial": partial, "doutput": doutput}
        sizes = {**dict.fromkeys(arrays, n), "weights": runs, "partial": partial.size}
        self._kernel("loss_terms", sizes, ("weights", "doutput"))(
            blocks(n), (THREADS,), shared_bytes=REDUCE_BYTES, kind=KINDS[spec.kind],
            from_logits=int(spec.from_logits), parameter=spec.parameter, run=n // runs, n=n,
            quads=quads(n, output, target, doutput), **arrays,
        )  # fmt: skip
        finish = self._kernel("finish_loss", {"partial": partial.size, "loss": 1})
        finish((1,), (THREADS,), shared_bytes=REDUCE_BYTES, partial=partial, loss=loss, blocks=partial.size, n=n)

    def activation_forward(self, activation: Activation, z: Array, y: Array) -> None:
        """See Backend.activation_forward."""
        if activation == "linear":
            self._runtime.copy(y, z)
            return
        kernel = self._kernel("activation_forward", {"z": z.size, "y": z.size})
        kernel(
            blocks(z.size),
            (THREADS,),
            z=z,
            y=y,
            activation=ACTIVATIONS.index(activation),
            n=z.size,
            quads=quads(z.size, z, y),
        )

    def activation_backward(self, activation: Activation, y: Array, dy: Array, dz: Array) -> None:
        """See Backend.activation_backward."""
        if activation == "linear":
            self._runtime.copy(dz, dy)
            return
        n = y.size
        kernel = self._kernel("activation_backward", {"y": n, "dy": n, "dz": n})
        count = quads(n, y, dy, dz)
        kernel(blocks(n), (THREADS,), y=y, dy=dy, dz=dz, activation=ACTIVATIONS.index(activation), n=n, quads=count)

    def _kernel(self, name: str, sizes: dict[str, int], optional: tuple[str, ...] = ()) -> Kernel:
        key = (name, tuple(sizes.values()))
        if key not in self._kernels:
            self._kernels[key] = self._program.kernel(name, sizes, optional)
        return self._kernels[key]
