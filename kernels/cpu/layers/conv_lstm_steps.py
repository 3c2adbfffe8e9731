"""The ConvLSTM recurrence and its backpropagation through time, in SIMD.

    forward, each t:   z    = conv([x_t | h_prev], [kernel | recurrent_kernel])     one product over C + F channels
                       h, c = cell_forward(z, c_prev)                               while z is in cache (cell.py)

    backward, each t   dz             = cell_backward(dh, ...)
    from T-1 to 0:     [dh_prev | dx] = conv(dz, flipped kernels)                   one product over 4F channels
                       dkernels      += [x_t | h_prev]^T dz                         while dz is in cache

Images do not see each other, so a worker that owns whole images takes each of them through all its steps and waits for
nobody. Where there are too few images, workers share them by chunks of rows (geometry.py) and meet after every step;
what is computed is the same, bit for bit.
"""

from kernels.arrays import Array
from kernels.cpu.compile.inlining import not_inlined
from kernels.cpu.compile.jit import jit, parallel, prange, signed
from kernels.cpu.layers.cell import cell_backward, cell_forward
from kernels.cpu.products.convolution import Workspace, multiply, read_inputs, share, write_outputs, z_row
from kernels.cpu.products.geometry import Geometry
from kernels.cpu.products.weight_gradient import Block, add_block, first_row, read_block


@jit
def _forward_chunk(
    g: Geometry,
    C: int,
    F: int,
    skip_h: bool,
    sigma: int,
    slope: float,
    row: int,
    x: Array,
    x_start: int,
    h_prev: Array,
    h_prev_start: int,
    c_prev: Array,
    c_prev_start: int,
    b: Array,
    bias: Array,
    keep_gates: bool,
    gates: Array,
    gates_start: int,
    c: Array,
    c_start: int,
    h: Array,
    h_start: int,
    work: Workspace,
    worker: int,
) -> None:
    """The rows of one image from `row` on, at one time; each start is that of the array's image."""
    not_inlined()
    rows = min(g.chunk_rows, g.H - row)
    read_inputs(g, x, x_start, C, signed(0), row, rows, work, worker)
    # Padded rows must be complete; transformed channels that are not there need no product.
    inner = C if skip_h and g.winograd else C + F
    if inner > C:
        read_inputs(g, h_prev, h_prev_start, F, C, row, rows, work, worker)
    multiply(g, rows, inner, b, work, worker)
    for y in range(rows):
        state = (row + y) * g.W * F
        cell_forward(
            g.W, F, sigma, slope, work.z[worker], y * z_row(g), g.columns, bias, c_prev, c_prev_start + state,
            keep_gates, gates, gates_start + 4 * state, c, c_start + state, h, h_start + state,
        )  # fmt: skip


@parallel
def forward_steps(
    g: Geometry,
    workers: int,
    whole_images: bool,
    first_t: int,
    end_t: int,
    B: int,
    C: int,
    F: int,
    zero_h0: bool,
    sigma: int,
    slope: float,
    x: Array,
    h0: Array,
    c0: Array,
    b: Array,
    bias: Array,
    training: bool,
    gates: Array,
    c: Array,
    h: Array,
    work: Workspace,
) -> None:
    """Some steps: x (T,B,H,W,C), h0, c0 (B,H,W,F) -> gates (T,B,H,W,4F), c, h (T,B,H,W,F), all flat.

    Not training: c is one frame, gates are not kept. More than one step needs whole images.
    """
    chunks = (g.H + g.chunk_rows - 1) // g.chunk_rows
    pixels = g.H * g.W
    unit = chunks if whole_images else 1
    for index in prange(workers):
        worker = signed(index)
        first, end = share(worker, workers, B * chunks // unit)
        at, end = first * unit, end * unit
        while at < end:
            image = at // chunks
            image_end = min(end, (image + 1) * chunks)
            for t in range(first_t, end_t):
                here = (t * B + image) * pixels
                before = here - B * pixels
                first_frame = image * pixels
                for chunk in range(at, image_end):
                    _forward_chunk(
                        g, C, F, t == 0 and zero_h0, sigma, slope, (chunk - image * chunks) * g.chunk_rows,
                        x, here * C,
                        h0 if t == 0 else h, (first_frame if t == 0 else before) * F,
                        c0 if t == 0 else c, (before if t > 0 and training else first_frame) * F,
                        b, bias, training, gates, here * 4 * F if training else signed(0),
                        c, (here if training else first_frame) * F, h, here * F, work, worker,
                    )  # fmt: skip
            at = image_end


@jit
def _cell_backward_rows(
    g: Geometry,
    F: int,
    sigma: int,
    slope: float,
    row: int,
    end: int,
    dh: Array,
    dh_start: int,
    dh_next: Array,
    dc: Array,
    image: int,
    c: Array,
    c_start: int,
    c_prev: Array,
    c_prev_start: int,
    gates: Array,
    gates_start: int,
    dz: Array,
    dz_start: int,
    dbias_of_row: Array,
) -> None:
    """Rows row ... end-1 of one image at one time; each start is that of the array's image."""
    not_inlined()
    for y in range(row, end):
        state = y * g.W * F
        cell_backward(
            g.W, F, sigma, slope, dh, dh_start + state, dh_next, dc, image * g.H * g.W * F + state,
            c, c_start + state, c_prev, c_prev_start + state,
            gates, gates_start + 4 * state, dz, dz_start + 4 * state, dbias_of_row, (image * g.H + y) * 4 * F,
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
    for index in prange(workers):
        at, end = share(signed(index), workers, B * g.H)
        while at < end:
            image = at // g.H
            rows_end = min(end, (image + 1) * g.H)
            state = image * g.H * g.W * F
            _cell_backward_rows(
                g, F, sigma, slope, at - image * g.H, rows_end - image * g.H, dh, state, dh_next, dc, image,
                c, state, c_prev, state, gates, 4 * state, gates, 4 * state, dbias_of_row,
            )  # fmt: skip
            at = rows_end


@parallel
def backward_images(
    g: Geometry,
    weights: Geometry,
    block: Block,
    workers: int,
    T: int,
    B: int,
    C: int,
    F: int,
    sigma: int,
    slope: float,
    dh: Array,
    x: Array,
    h: Array,
    h0: Array,
    c: Array,
    c0: Array,
    gates: Array,
    zero_state: Array,
    dz: Array,
    dh_next: Array,
    dc: Array,
    dbias_of_row: Array,
    b: Array,
    no_bias: Array,
    inputs_at_0: bool,
    dx: Array,
    sums: Array,
    work: Workspace,
) -> None:
    """All steps. g: of the convolution towards the inputs; weights: of the forward one, whose gradient is summed.

    Down an image the gates' gradients run ahead of the inputs' by what a kernel sees, and the weights' follow as soon
    as a block of rows is there: so dz (workers,H,W,4F), of one image and step, is read while it is in a cache.
    """
    pixels = g.H * g.W
    tile_rows = (g.H + weights.step_h - 1) // weights.step_h
    parts = sums.shape[0]
    groups = min(parts, B)
    for index in prange(workers):
        worker = signed(index)
        first_group, end_group = share(worker, workers, groups)
        for group in range(first_group, end_group):
            first_image, end_image = share(group, groups, B)
            for back in range(T):
                t = T - 1 - back
                for image in range(first_image, end_image):
                    state = image * pixels
                    here = t * B * pixels + state
                    before = state if t == 0 else here - B * pixels
                    part = image * parts // B if parts >= B else group
                    gates_done, row, tile_row = 0, 0, 0
                    while row < g.H:
                        rows = min(g.chunk_rows, g.H - row)
                        gates_end = min(g.H, row + rows + g.kh // 2)
                        _cell_backward_rows(
                            g, F, sigma, slope, gates_done, gates_end,
                            dh, here * F, zero_state if t == T - 1 else dh_next, dc, image, c, here * F,
                            c0 if t == 0 else c, before * F, gates, here * 4 * F,
                            dz[worker], signed(0), dbias_of_row,
                        )  # fmt: skip
                        gates_done = gates_end
                        if t > 0 or inputs_at_0:
                            read_inputs(g, dz[worker], signed(0), 4 * F, signed(0), row, rows, work, worker)
                            multiply(g, rows, 4 * F, b, work, worker)
                            write_outputs(
                                g, row, rows, no_bias, dh_next, state * F, F, dx, here * (no_bias.size - F),
                                work, worker,
                            )  # fmt: skip
                        row += rows
                        ready = row // weights.step_h if row < g.H else tile_rows
                        while tile_row < ready and (row == g.H or tile_row + block.rows <= ready):
                            if tile_row == first_row(part + 1, parts, B, tile_rows) - image * tile_rows:
                                part += 1
                            part_end = first_row(part + 1, parts, B, tile_rows) - image * tile_rows
                            count = min(block.rows, ready - tile_row, part_end - tile_row)
                            read_block(weights, block, x, here * C, C, signed(0), tile_row, count, work, worker)
                            read_block(
                                weights, block, h0 if t == 0 else h, before * F, F, C, tile_row, count, work, worker
                            )
                            add_block(
                                weights, block, dz[worker], signed(0), 4 * F, tile_row, count, sums[part], work, worker
                            )
                            tile_row += count
