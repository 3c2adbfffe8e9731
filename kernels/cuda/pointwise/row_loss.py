"""Launches row_loss.cu: the losses that look at whole rows, with their gradients."""

from typing import Any

from kernels.arrays import Array
from kernels.cuda.common.elementwise import MAX_BLOCKS, THREADS
from kernels.cuda.common.rounding import ceil_div
from kernels.cuda.launch.launch import Runtime
from kernels.cuda.launch.source import Constant, words_of
from kernels.cuda.launch.workspace import Workspace
from kernels.cuda.pointwise.pieces import Kernels
from kernels.losses import LossSpec
from kernels.row_losses import PROBABILITY_MARGIN, ROW_TERMS
from kernels.tables import constants, implemented, require

_REDUCE_BYTES = 8 * THREADS
_SOURCE = "pointwise/row_loss.cu"
_DEFINES: dict[str, Constant] = {**constants("ROW", ROW_TERMS), "PROBABILITY_MARGIN": PROBABILITY_MARGIN}

IMPLEMENTED = implemented("ROW", ROW_TERMS, words_of(_SOURCE))
"""The terms that row_loss.cu has a branch for."""


class RowLosses:
    """The kernels of row_loss.cu, and where their blocks leave their sums."""

    def __init__(self, runtime: Runtime, workspace: Workspace) -> None:
        self.workspace = workspace
        self.kernels = Kernels(runtime, _SOURCE, _DEFINES)


class RowLossOperation:
    """See kernels.losses.LossOperation. Raises ValueError: IMPLEMENTED lacks it."""

    def __init__(self, losses: RowLosses, spec: LossSpec) -> None:
        require("loss", spec.kind, IMPLEMENTED, "cuda")
        term = ROW_TERMS[spec.kind]
        of_logits = spec.from_logits and term.of_logits is not None
        self._losses = losses
        self._numbers: dict[str, Any] = {
            "kind": term.code,
            "of_logits": int(of_logits),
            "softmax": int(spec.from_logits and not of_logits),
            "parameter": spec.parameter,
            "scale": spec.scale,
        }

    def __call__(self, output: Array, target: Array, weights: Array | None, loss: Array, doutput: Array | None) -> None:
        count, target_count = output.shape[-1], target.shape[-1]
        rows = output.size // count
        runs, grid = 1 if weights is None else weights.size, min(MAX_BLOCKS, ceil_div(rows, THREADS))
        partial = self._losses.workspace.array("loss", (grid,), "float64")
        arrays = {"output": output, "target": target, "weights": weights, "partial": partial, "doutput": doutput}
        sizes = {
            "output": rows * count, "target": rows * target_count, "weights": runs, "partial": grid,
            "doutput": rows * count,
        }  # fmt: skip
        self._losses.kernels("row_terms", sizes, ("weights", "doutput"))(
            (grid,), (THREADS,), shared_bytes=_REDUCE_BYTES, count=count, target_count=target_count, run=rows // runs,
            rows=rows, **arrays, **self._numbers,
        )  # fmt: skip
        finish = self._losses.kernels("finish_rows", {"partial": grid, "loss": 1})
        finish((1,), (THREADS,), shared_bytes=_REDUCE_BYTES, partial=partial, loss=loss, blocks=grid, rows=rows)
