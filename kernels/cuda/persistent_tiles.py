"""How a recurrence that runs in one launch is cut into blocks: the template arguments of persistent.cuh.

All blocks are on the device at a time, one on a multiprocessor, and keep their weights in shared memory. So a block
has as many pixels as it takes for the whole batch to be on the device, and as few columns as it takes for the weights
to fit. Where no cut does both, there is no tile, and the recurrence runs step by step (conv_lstm.cu).
"""

from collections.abc import Iterator
from dataclasses import dataclass

from kernels.cuda.launch import DeviceLimits
from kernels.cuda.tiles import MMA_DEPTH, WarpGrid, ceil_div, round_up, shared_stride
from kernels.specs import ConvLSTMSpec

BLOCK_ROWS = (64, 128, 256)
"""Pixels of a block."""

MAX_ACCUMULATORS = 80
"""Of a thread: with the states it carries, about 150 registers of the 255 that it may have."""

MAX_SLAB = 40
"""Channels of the window that are multiplied while the next ones arrive, where not all fit at once."""


MAX_TAPS = 32
"""The kernel keeps a bit for each tap of a pixel."""


@dataclass(frozen=True)
class PersistentTile:
    """The tile of one recurrent convolution; PersistentTile in persistent.cuh.

    Attributes:
        channels: of the state that is convolved.
        kh, kw: the kernel.
        columns: of one block.
        groups: blocks that share the columns of a pixel.
        slab: channels of the window that are in shared memory at a time, padded to a multiple of 8.
        warps: how a block is cut.
        element: bytes of one operand.
    """

    channels: int
    kh: int
    kw: int
    columns: int
    groups: int
    slab: int
    warps: WarpGrid
    element: int

    @property
    def arguments(self) -> str:
        warps = self.warps
        sizes = (warps.warps_m, warps.warps_n, warps.warps_k, warps.m_tiles, warps.n_tiles)
        return ", ".join(map(str, (self.columns, self.slab, *sizes)))

    @property
    def packed_shape(self) -> tuple[int, int, int]:
        """(groups, COLUMNS, WEIGHT_STRIDE) of the packed weights."""
        return self.groups, self.columns, shared_stride(self._slabs * self.kh * self.kw * self.slab)

    @property
    def area(self) -> int:
        """Sums of a block, padding included: what a step costs it."""
        return self.warps.rows * self.warps.columns

    def shared_bytes(self, width: int) -> int:
        """Of a block, for frames of that width."""
        rows, stride = self.warps.rows, shared_stride(self.slab)
        halo = self.kh // 2 * width + self.kw // 2
        window = min(self._slabs, 2) * (rows + 2 * halo) * stride * self.element
        exchange = (self.warps.warps_k - 1) * rows * self.warps.columns * 4
        _, columns, weight_stride = self.packed_shape
        return 4 * rows + (stride + columns * weight_stride) * self.element + max(window, exchange)

    def grid(self, pixels: int) -> tuple[int, int]:
        """Blocks for so many pixels of one frame of the batch."""
        return ceil_div(pixels, self.warps.rows), self.groups

    @property
    def _slabs(self) -> int:
        return ceil_div(self.channels, self.slab)


def forward_tile(spec: ConvLSTMSpec, element: int, limits: DeviceLimits) -> PersistentTile | None:
    """The tile of h's recurrence: a block has all four gates of its filters. None: no tile fits. element: bytes."""
    return _choose(spec, limits, _forward_tiles(spec, element))


def backward_tile(spec: ConvLSTMSpec, element: int, limits: DeviceLimits) -> PersistentTile | None:
    """The tile of dz's recurrence. None: no tile fits. element: bytes of one operand."""
    return _choose(spec, limits, _backward_tiles(spec, element))


def _choose(spec: ConvLSTMSpec, limits: DeviceLimits, tiles: Iterator[PersistentTile]) -> PersistentTile | None:
    """The smallest block whose grid has at most one block for each multiprocessor; of equal ones the fewest groups."""
    pixels = spec.B * spec.H * spec.W
    fitting = [
        tile
        for tile in tiles
        if spec.kh * spec.kw <= MAX_TAPS
        and tile.shared_bytes(spec.W) <= limits.shared_bytes_per_block
        and tile.grid(pixels)[0] * tile.groups <= limits.sm_count
        and tile.warps.m_tiles * tile.warps.n_tiles * 4 <= MAX_ACCUMULATORS
    ]
    return min(fitting, key=lambda tile: (tile.area, tile.groups, -tile.slab), default=None)


def _forward_tiles(spec: ConvLSTMSpec, element: int) -> Iterator[PersistentTile]:
    for rows in BLOCK_ROWS:
        for filters in sorted({round_up(ceil_div(spec.F, groups), 4) for groups in range(1, spec.F + 1)}):
            tiles = filters // 2  # of 8 columns; the gates of a filter stand in a pair of them
            warps_n = 1 if tiles <= 10 else 2
            warps_m = min(8 // warps_n, rows // 16)
            if tiles % (2 * warps_n) == 0:
                warps = WarpGrid(warps_m, warps_n, rows // 16 // warps_m, tiles // warps_n)
                for slab in _slabs(spec.F, 8):
                    groups = ceil_div(spec.F, filters)
                    yield PersistentTile(spec.F, spec.kh, spec.kw, 4 * filters, groups, slab, warps, element)


def _backward_tiles(spec: ConvLSTMSpec, element: int) -> Iterator[PersistentTile]:
    for rows in BLOCK_ROWS:
        warps_k = 1 if rows == 64 else 2  # the fewer columns, the taller the tile of a warp must be (docs/kernels.md)
        step = 8 if warps_k == 1 else MMA_DEPTH[element] * warps_k
        for filters in sorted({round_up(ceil_div(spec.F, groups), 4) for groups in range(1, spec.F + 1)}):
            warps = WarpGrid(4, 1, rows // 64, ceil_div(filters, 8), warps_k)
            for slab in _slabs(4 * spec.F, step):
                groups = ceil_div(spec.F, filters)
                yield PersistentTile(4 * spec.F, spec.kh, spec.kw, filters, groups, slab, warps, element)


def _slabs(channels: int, step: int) -> list[int]:
    """Ways to cut so many channels: not at all, or into slabs of a multiple of `step`."""
    return [round_up(channels, step), *(slab for slab in range(step, MAX_SLAB + 1, step) if slab < channels)]
