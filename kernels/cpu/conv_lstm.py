"""The ConvLSTM recurrence and its backpropagation through time, in SIMD.

    forward, each t:   z    = conv([x_t | h_prev], [kernel | recurrent_kernel])     one product over C + F channels
                       h, c = cell_forward(z, c_prev)                               while z is in cache (cell.py)

    backward, each t   dz             = cell_backward(dh, ...)
    from T-1 to 0:     [dh_prev | dx] = conv(dz, flipped kernels)                   one product (convolve_frames)
                       dkernels      += [x_t | h_prev]^T dz                         while dz is in the last cache

A step is a handful of parallel loops over chunks: some rows of one image (geometry.py).
"""

from typing import Any

from kernels.cpu.cell import cell_backward, cell_forward
from kernels.cpu.convolution import Workspace, multiply, read_inputs, share, z_row
from kernels.cpu.geometry import Geometry
from kernels.cpu.jit import parallel, prange, signed

Array = Any


@parallel
def forward_step(
    g: Geometry,
    workers: int,
    B: int,
    C: int,
    F: int,
    skip_h: bool,
    sigma: int,
    slope: float,
    x: Array,
    h_prev: Array,
    c_prev: Array,
    b: Array,
    bias: Array,
    keep_gates: bool,
    gates: Array,
    c: Array,
    h: Array,
    work: Workspace,
) -> None:
    """x (B,H,W,C), h_prev, c_prev -> gates (B,H,W,4F) if kept, c, h (B,H,W,F), all flat; skip_h: h_prev is zero."""
    chunks = (g.H + g.chunk_rows - 1) // g.chunk_rows
    for index in prange(workers):
        worker = signed(index)
        first, end = share(worker, workers, B * chunks)
        for chunk in range(first, end):
            image, row = chunk // chunks, chunk % chunks * g.chunk_rows
            rows = min(g.chunk_rows, g.H - row)
            pixels = g.H * g.W
            read_inputs(g, x, image * pixels * C, C, signed(0), row, rows, work, worker)
            # Padded rows must be complete; transformed channels that are not there need no product.
            inner = C if skip_h and g.winograd else C + F
            if inner > C:
                read_inputs(g, h_prev, image * pixels * F, F, C, row, rows, work, worker)
            multiply(g, rows, inner, b, work, worker)
            for y in range(rows):
                state = (image * pixels + (row + y) * g.W) * F
                cell_forward(
                    g.W, F, sigma, slope, work.z[worker], y * z_row(g), g.columns, bias,
                    c_prev, state, keep_gates, gates, 4 * state, c, state, h, state,
                )  # fmt: skip


@parallel
def cell_backward_step(
    g: Geometry,
    workers: int,
    B: int,
    F: int,
    sigma: int,
    slope: float,
    dh: Array,
    dh_next: Array,
    dc: Array,
    c: Array,
    c_prev: Array,
    gates: Array,
    dbias_of_row: Array,
) -> None:
    """One step's gates (B,H,W,4F) -> dz in their place, dc likewise; dbias_of_row (B*H, 4F) += sums of dz."""
    chunks = (g.H + g.chunk_rows - 1) // g.chunk_rows
    for index in prange(workers):
        worker = signed(index)
        first, end = share(worker, workers, B * chunks)
        for chunk in range(first, end):
            image, row = chunk // chunks, chunk % chunks * g.chunk_rows
            for y in range(row, min(row + g.chunk_rows, g.H)):
                state = (image * g.H + y) * g.W * F
                cell_backward(
                    g.W, F, sigma, slope, dh, state, dh_next, dc, state, c, state, c_prev, state,
                    gates, 4 * state, dbias_of_row, (image * g.H + y) * 4 * F,
                )  # fmt: skip
