"""Launches loss.cu: the losses with their gradients, and the activations."""

from typing import Any

from kernels.cuda.elementwise import THREADS, blocks, quads
from kernels.cuda.launch import Kernel, Program, Runtime
from kernels.cuda.workspace import Workspace
from kernels.specs import ACTIVATIONS, Activation

Array = Any

REDUCE_BYTES = 8 * THREADS


class Losses:
    """The kernels of loss.cu, bound to an array size when one is first met."""

    def __init__(self, runtime: Runtime, workspace: Workspace) -> None:
        self._runtime, self._workspace = runtime, workspace
        self._program = Program(runtime, "loss.cu", {})
        self._kernels: dict[tuple[str, int], Kernel] = {}

    def bce(self, logits: Array, target: Array, loss: Array, dlogits: Array | None) -> None:
        """See Backend.bce_forward_backward."""
        kernel = self._loss_kernel("bce", "logits", "target", "dlogits", logits.size)
        partial = self._partial(logits.size)
        count = quads(logits.size, logits, target, dlogits)
        arrays = {"logits": logits, "target": target, "partial": partial, "dlogits": dlogits}
        kernel(blocks(logits.size), (THREADS,), shared_bytes=REDUCE_BYTES, n=logits.size, quads=count, **arrays)
        self._finish(partial, loss, logits.size)

    def mse(self, prediction: Array, target: Array, loss: Array, dprediction: Array | None) -> None:
        """See Backend.mse_forward_backward."""
        n = prediction.size
        kernel = self._loss_kernel("mse", "prediction", "target", "dprediction", n)
        partial = self._partial(n)
        count = quads(n, prediction, target, dprediction)
        arrays = {"prediction": prediction, "target": target, "partial": partial, "dprediction": dprediction}
        kernel(blocks(n), (THREADS,), shared_bytes=REDUCE_BYTES, n=n, quads=count, **arrays)
        self._finish(partial, loss, n)

    def activation_forward(self, activation: Activation, z: Array, y: Array) -> None:
        """See Backend.activation_forward."""
        if activation == "linear":
            self._runtime.copy(y, z)
            return
        kernel = self._kernel("activation_forward", z.size, {"z": z.size, "y": z.size})
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
        kernel = self._kernel("activation_backward", n, {"y": n, "dy": n, "dz": n})
        count = quads(n, y, dy, dz)
        kernel(blocks(n), (THREADS,), y=y, dy=dy, dz=dz, activation=ACTIVATIONS.index(activation), n=n, quads=count)

    def _partial(self, n: int) -> Array:
        return self._workspace.array("loss", blocks(n), "float64")

    def _finish(self, partial: Array, loss: Array, n: int) -> None:
        kernel = self._kernel("finish_loss", partial.size, {"partial": partial.size, "loss": 1})
        kernel((1,), (THREADS,), shared_bytes=REDUCE_BYTES, partial=partial, loss=loss, blocks=partial.size, n=n)

    def _loss_kernel(self, name: str, first: str, second: str, gradient: str, n: int) -> Kernel:
        sizes = {first: n, second: n, gradient: n, "partial": blocks(n)}
        return self._kernel(name, n, sizes, (gradient,))

    def _kernel(self, name: str, n: int, sizes: dict[str, Any], optional: tuple[str, ...] = ()) -> Kernel:
        key = (name, n)
        if key not in self._kernels:
            self._kernels[key] = self._program.kernel(name, sizes, optional)
        return self._kernels[key]
