"""Launches gather.cu: a shuffled batch out of a data set that lives on the device."""

import numpy as np

from kernels.arrays import Array, HostArray
from kernels.cuda.common.elementwise import MAX_BLOCKS, THREADS, blocks, quads
from kernels.cuda.launch.launch import Kernel, Program, Runtime
from kernels.cuda.launch.workspace import Workspace


class Gather:
    """The kernel of gather.cu, bound to a data set and a batch size when they are first met."""

    def __init__(self, runtime: Runtime, workspace: Workspace) -> None:
        self._runtime, self._workspace = runtime, workspace
        self._program = Program(runtime, "pointwise/gather.cu", {})
        self._kernels: dict[tuple[int, int], Kernel] = {}

    def __call__(self, movies: Array, rows: HostArray, batch: Array) -> None:
        """See Backend.gather_batch; raises ValueError for a row that is not in movies and for shapes that disagree."""
        if movies.ndim != batch.ndim or (batch.shape[1], batch.shape[0], *batch.shape[2:]) != (
            len(rows),
            *movies.shape[1:],
        ):
            raise ValueError(
                f"batch: expected (T, B, ...) of movies {movies.shape} and {len(rows)} rows, got {batch.shape}"
            )
        if len(rows) and not 0 <= int(rows.min()) <= int(rows.max()) < movies.shape[0]:
            raise ValueError(f"rows: expected 0 to {movies.shape[0] - 1}, got {int(rows.min())} to {int(rows.max())}")
        device_rows = self._workspace.array("rows", rows.shape, "int64")
        self._runtime.copy(device_rows, rows)
        key = (movies.size, batch.size)
        if key not in self._kernels:
            sizes = {"movies": movies.size, "rows": len(rows), "batch": batch.size}
            self._kernels[key] = self._program.kernel("gather_batch", sizes)
        frame = int(np.prod(movies.shape[2:], dtype=np.int64))
        images = movies.shape[1] * len(rows)
        self._kernels[key](
            (*blocks(frame), min(images, MAX_BLOCKS)),
            (THREADS,),
            movies=movies,
            rows=device_rows,
            batch=batch,
            frames=movies.shape[1],
            per_frame=len(rows),
            images=images,
            frame=frame,
            quads=quads(frame, movies, batch) if frame % 4 == 0 else 0,
        )
