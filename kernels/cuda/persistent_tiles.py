"""How a recurrence that runs in one launch is cut into blocks.

All blocks are on the device at a time, one on a multiprocessor, and keep their weights in shared memory. So a block
has as many pixels as it takes for the whole batch to be on the device, and as few columns as it takes for the weights
to fit. Where no cut does both, there is no tile, and the recurrence runs step by step (conv_lstm.cu).
"""

from collections.abc import Callable, Iterator

from kernels.cuda.launch import DeviceLimits
from kernels.cuda.tiles import ceil_div
from kernels.cuda.windowed_tiles import WindowTile, channel_tiles, gate_tiles
from kernels.specs import ConvLSTMSpec


def forward_tile(spec: ConvLSTMSpec, element: int, limits: DeviceLimits) -> WindowTile | None:
    """The tile of h's recurrence: a block has all four gates of its filters. None: no tile fits. element: bytes."""
    return _choose(spec, limits, gate_tiles(spec.F, spec.F, spec.kh, spec.kw, element, one_place=True), forward_front)


def backward_tile(spec: ConvLSTMSpec, element: int, limits: DeviceLimits) -> WindowTile | None:
    """The tile of dz's recurrence. None: no tile fits. element: bytes of one operand."""
    tiles = channel_tiles(4 * spec.F, spec.F, spec.kh, spec.kw, element, one_place=True)
    return _choose(spec, limits, tiles, backward_front)


def forward_front(tile: WindowTile) -> int:
    """Bytes in front of the windows of a block: two float64 sums of each thread (batch_norm_link.cuh)."""
    return 16 * tile.warps.threads


def backward_front(tile: WindowTile) -> int:
    """The same backward: four coefficients of each column."""
    return 16 * tile.columns


def blocks_of(spec: ConvLSTMSpec, tile: WindowTile) -> tuple[int, int]:
    """The grid: a block for each tile of one frame of the batch, and for each group of columns."""
    return ceil_div(spec.B * spec.H * spec.W, tile.warps.rows), tile.groups


def _choose(
    spec: ConvLSTMSpec, limits: DeviceLimits, tiles: Iterator[WindowTile], front: Callable[[WindowTile], int]
) -> WindowTile | None:
    """The smallest block whose grid has at most one block for each multiprocessor; of equal ones the fewest groups."""
    fitting = []
    for tile in tiles:
        blocks, groups = blocks_of(spec, tile)
        if blocks * groups <= limits.sm_count and tile.fits(spec.W, limits.shared_bytes_per_block - front(tile)):
            fitting.append(tile)
    return min(fitting, key=lambda tile: (tile.area, tile.groups, -tile.slab), default=None)
