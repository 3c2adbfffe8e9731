"""Launches batch_norm.cu: the buffers of a BatchNormalization layer and the order of its kernels."""

from functools import partial
from typing import Any

from kernels.arrays import Array
from kernels.cuda.batch_norm.batch_norm_link import BatchNormLink
from kernels.cuda.common.precision import operand_type
from kernels.cuda.common.rounding import ceil_div
from kernels.cuda.launch.launch import Program, Runtime
from kernels.cuda.launch.source import DTYPES, Constant
from kernels.cuda.launch.workspace import Workspace
from kernels.cuda.products.binding import count_pixels
from kernels.operations import BatchNorm
from kernels.specs import BatchNormSpec

THREADS = 256
REDUCE_BYTES = 2 * 8 * THREADS
"""Dynamic shared memory of the kernels that add up, for each channel of a thread: two float64 sums."""

MAX_SLICES = 1024
ROWS_PER_SLICE = 64
"""At least so many rows a slice; more when MAX_SLICES of them are not enough."""

ROWS_EACH = 4
"""Rows that a thread reads together, and normalizes; ROWS_EACH in batch_norm.cu."""


class CudaBatchNorm(BatchNorm[Array]):
    """One layer bound to a shape: buffers allocated, kernels compiled, grids computed.

    Args:
        link: with the ConvLSTM in front of it.
    """

    def __init__(
        self, runtime: Runtime, workspace: Workspace, spec: BatchNormSpec, precision: str, link: BatchNormLink
    ) -> None:
        self.spec, self._link = spec, link
        x_type, y_type = (operand_type(precision if narrow else "float32") for narrow in (spec.narrow_x, spec.narrow_y))
        # In tf32 y is rounded where a convolution alone reads it: products that read memory cut digits off.
        defines: dict[str, Constant] = {"SPEC_C": spec.C, "INPUT": x_type, "OUTPUT": y_type}
        defines |= {"ROUND_OUTPUT": precision == "tf32" and spec.narrow_y}
        program = Program(runtime, "batch_norm/batch_norm.cu", defines)
        rows = count_pixels(spec)
        movie, channels = (spec.T, spec.B, spec.H, spec.W, spec.C), (spec.C,)
        per_slice = max(ROWS_PER_SLICE, ceil_div(rows, MAX_SLICES))
        slices = ceil_div(rows, per_slice)
        partial_sums, one_a_channel = (slices, 2, spec.C), (spec.C,)
        width = 4 if spec.C % 4 == 0 else 1
        lanes = min(spec.C // width, THREADS)
        groups = ceil_div(spec.C // width, lanes)
        slice_grid = (slices, groups)
        elementwise = (ceil_div(rows, THREADS // lanes * ROWS_EACH), groups)
        statistics = {"mean": channels, "inverse_deviation": channels}

        def bind(
            name: str, grid: tuple[int, ...], sizes: dict[str, Any], optional: tuple[str, ...] = (), **scalars: Any
        ) -> Any:
            return partial(program.kernel(name, sizes, optional), grid, (THREADS,), **scalars)

        self.y = runtime.empty(movie, DTYPES[y_type])
        self._normalize_by_moving = bind(
            "normalize_by_moving",
            elementwise,
            {"x": movie, "moving_mean": channels, "moving_variance": channels, "gamma": channels, "beta": channels}
            | {"y": movie},
            rows=rows,
            epsilon=spec.epsilon,
        )
        if not spec.training:
            return
        self._mean = runtime.empty(channels, "float32")
        self._inverse_deviation = runtime.empty(channels, "float32")
        self._normalize = bind(
            "normalize",
            elementwise,
            {"x": movie, **statistics, "gamma": channels, "beta": channels, "y": movie},
            rows=rows,
        )
        self._partial = workspace.array("sums", partial_sums, "float64")
        self._sums = self._partial if link.sums is None else link.sums
        self._finish_statistics = bind(
            "finish_statistics",
            one_a_channel,
            {"partial": self._sums.shape, **statistics, "moving_mean": channels, "moving_variance": channels},
            rows=rows,
            slices=len(self._sums),
            epsilon=spec.epsilon,
            shared_bytes=REDUCE_BYTES,
        )
        self._gradient_statistics = bind(
            "gradient_statistics",
            slice_grid,
            {"dy": movie, "x": movie, "mean": channels, "partial": partial_sums},
            rows=rows,
            rows_per_slice=per_slice,
            shared_bytes=width * REDUCE_BYTES,
        )
        self._finish_gradient = bind(
            "finish_gradient",
            one_a_channel,
            {"partial": partial_sums, **statistics, "gamma": channels, "dgamma": channels, "dbeta": channels}
            | {"coefficients": (spec.C, 4)},
            ("coefficients",),
            rows=rows,
            slices=slices,
            shared_bytes=REDUCE_BYTES,
        )
        if link.h is not None:
            return
        self.dx = runtime.empty(movie, DTYPES[x_type])
        self._statistics = bind(
            "batch_statistics",
            slice_grid,
            {"x": movie, "partial": partial_sums},
            rows=rows,
            rows_per_slice=per_slice,
            shared_bytes=width * REDUCE_BYTES,
        )
        self._normalize_backward = bind(
            "normalize_backward",
            elementwise,
            {"dy": movie, "x": movie, **statistics, "gamma": channels, "dgamma": channels, "dbeta": channels}
            | {"dx": movie},
            rows=rows,
        )

    def forward(
        self, x: Array, gamma: Array, beta: Array, moving_mean: Array, moving_variance: Array, momentum: float
    ) -> Array:
        self._require_training()
        statistics = {"mean": self._mean, "inverse_deviation": self._inverse_deviation}
        self._link.check_x(x)
        if self._link.h is None:
            self._statistics(x=x, partial=self._sums)
        self._finish_statistics(
            partial=self._sums,
            moving_mean=moving_mean,
            moving_variance=moving_variance,
            step=1.0 - momentum,
            **statistics,
        )
        self._normalize(x=x, gamma=gamma, beta=beta, y=self.y, **statistics)
        return self.y

    def backward(self, dy: Array, x: Array, gamma: Array, dgamma: Array, dbeta: Array) -> Array:
        self._require_training()
        self._link.check_x(x)
        statistics = {"mean": self._mean, "inverse_deviation": self._inverse_deviation}
        self._gradient_statistics(dy=dy, x=x, mean=self._mean, partial=self._partial)
        self._finish_gradient(
            partial=self._partial, gamma=gamma, dgamma=dgamma, dbeta=dbeta, coefficients=self._link.coefficients,
            **statistics,
        )  # fmt: skip
        if self._link.h is not None:
            self._link.dy = dy
            return dy  # for the ConvLSTM in front, which computes dx where it reads it
        self._normalize_backward(dy=dy, x=x, gamma=gamma, dgamma=dgamma, dbeta=dbeta, dx=self.dx, **statistics)
        return self.dx

    def inference(self, x: Array, gamma: Array, beta: Array, moving_mean: Array, moving_variance: Array) -> Array:
        averages = {"moving_mean": moving_mean, "moving_variance": moving_variance}
        self._normalize_by_moving(x=x, gamma=gamma, beta=beta, y=self.y, **averages)
        return self.y

    def _require_training(self) -> None:
        if not self.spec.training:
            raise ValueError(f"spec: expected training=True for forward and backward, got {self.spec}")
