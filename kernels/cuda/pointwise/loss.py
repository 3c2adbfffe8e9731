"""Launches loss.cu: the losses with their gradients, and the activations."""

from typing import Any

from kernels.activations import Activation
from kernels.arrays import Array
from kernels.cuda.common.activations import ACTIVATION_DEFINES, arguments_of
from kernels.cuda.common.elementwise import THREADS, blocks, quads
from kernels.cuda.launch.launch import Kernel, Program, Runtime
from kernels.cuda.launch.source import Constant, words_of
from kernels.cuda.launch.workspace import Workspace
from kernels.losses import TERMS, LossSpec
from kernels.row_losses import PROBABILITY_MARGIN
from kernels.tables import constants, implemented, require

REDUCE_BYTES = 8 * THREADS

_SOURCE = "pointwise/loss.cu"
_DEFINES: dict[str, Constant] = {
    **ACTIVATION_DEFINES,
    **constants("LOSS", TERMS),
    "PROBABILITY_MARGIN": PROBABILITY_MARGIN,
}

IMPLEMENTED = implemented("LOSS", TERMS, words_of(_SOURCE))
"""The terms that loss.cu has a branch for."""


class Losses:
    """The kernels of loss.cu, bound to array sizes when they are first met."""

    def __init__(self, runtime: Runtime, workspace: Workspace) -> None:
        self.runtime, self.workspace = runtime, workspace
        self._program = Program(runtime, _SOURCE, _DEFINES)
        self._kernels: dict[tuple[str, tuple[int, ...]], Kernel] = {}

    def kernel(self, name: str, sizes: dict[str, int], optional: tuple[str, ...] = ()) -> Kernel:
        """A kernel for arrays of these sizes."""
        key = (name, tuple(sizes.values()))
        if key not in self._kernels:
            self._kernels[key] = self._program.kernel(name, sizes, optional)
        return self._kernels[key]


class LossOperation:
    """See kernels.losses.LossOperation. Raises ValueError: IMPLEMENTED lacks it."""

    def __init__(self, losses: Losses, spec: LossSpec) -> None:
        require("loss", spec.kind, IMPLEMENTED, "cuda")
        self._losses = losses
        self._numbers: dict[str, Any] = {
            "kind": TERMS[spec.kind].code,
            "from_logits": int(spec.from_logits),
            "parameter": spec.parameter,
            "scale": spec.scale,
        }

    def __call__(self, output: Array, target: Array, weights: Array | None, loss: Array, doutput: Array | None) -> None:
        n, runs = output.size, 1 if weights is None else weights.size
        partial = self._losses.workspace.array("loss", blocks(n), "float64")
        arrays = {"output": output, "target": target, "weights": weights, "partial": partial, "doutput": doutput}
        sizes = {**dict.fromkeys(arrays, n), "weights": runs, "partial": partial.size}
        self._losses.kernel("loss_terms", sizes, ("weights", "doutput"))(
            blocks(n), (THREADS,), shared_bytes=REDUCE_BYTES, run=n // runs, n=n,
            quads=quads(n, output, target, doutput), **arrays, **self._numbers,
        )  # fmt: skip
        finish = self._losses.kernel("finish_loss", {"partial": partial.size, "loss": 1})
        finish((1,), (THREADS,), shared_bytes=REDUCE_BYTES, partial=partial, loss=loss, blocks=partial.size, n=n)


class ActivationOperation:
    """See kernels.activations.ActivationOperation. Raises ValueError: activations.cuh lacks it."""

    def __init__(self, losses: Losses, activation: Activation) -> None:
        self._losses, self._code = losses, arguments_of(activation)
        self._is_copy = activation == "linear"

    def forward(self, z: Array, y: Array) -> None:
        if self._is_copy:
            self._losses.runtime.copy(y, z)
        else:
            self._launch("activation_forward", z=z, y=y)

    def backward(self, kept: Array, dy: Array, dz: Array) -> None:
        if self._is_copy:
            self._losses.runtime.copy(dz, dy)
        else:
            self._launch("activation_backward", kept=kept, dy=dy, dz=dz)

    def _launch(self, name: str, **arrays: Any) -> None:
        n = next(iter(arrays.values())).size
        kernel = self._losses.kernel(name, dict.fromkeys(arrays, n))
        kernel(blocks(n), (THREADS,), n=n, quads=quads(n, *arrays.values()), **arrays, **self._code)
