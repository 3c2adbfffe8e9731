"""Launches counts.cu: what metrics count at thresholds."""

from typing import Any

import numpy as np

from kernels.arrays import Array
from kernels.cuda.common.elementwise import THREADS
from kernels.cuda.common.rounding import ceil_div
from kernels.cuda.launch.launch import Runtime
from kernels.cuda.launch.workspace import Workspace
from kernels.cuda.pointwise.pieces import Kernels
from kernels.operations import ThresholdCounts
from kernels.specs import CountsSpec

_MOST_BLOCKS = 256


class CudaThresholdCounts(ThresholdCounts[Array]):
    """Two launches; keeps the thresholds (T,) on the device.

    Args:
        kernels: those of counts.cu.
        workspace: where blocks leave their counts.
    """

    def __init__(self, runtime: Runtime, workspace: Workspace, kernels: Kernels, spec: CountsSpec) -> None:
        self._kernels, self._workspace = kernels, workspace
        self._limits = runtime.from_host(spec.limits(np.dtype(np.float32)), np.float32)
        self._bins = len(spec.thresholds) + 1
        self._numbers: dict[str, Any] = {
            "from_logits": int(spec.from_logits),
            "by_truth": int(spec.truth is not None),
            "truth": 0.0 if spec.truth is None else spec.truth,
        }

    def count(self, output: Array, target: Array, counts: Array) -> None:
        n, width = output.size, 2 * self._bins
        grid = min(_MOST_BLOCKS, ceil_div(n, THREADS))
        partial = self._workspace.array("counts", (grid, width), "float64")
        sizes = {"output": n, "target": n, "limits": self._bins - 1, "partial": grid * width}
        self._kernels("count_thresholds", sizes)(
            (grid,), (THREADS,), shared_bytes=4 * THREADS, output=output, target=target, limits=self._limits,
            partial=partial, bins=self._bins, n=n, **self._numbers,
        )  # fmt: skip
        finish = self._kernels("finish_counts", {"partial": grid * width, "counts": width})
        finish((ceil_div(width, THREADS),), (THREADS,), partial=partial, counts=counts, blocks=grid, width=width)
