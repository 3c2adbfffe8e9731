"""How a convolution over windows in shared memory is cut into blocks: the template arguments of windowed.cuh."""

from collections.abc import Iterator
from dataclasses import dataclass

from kernels.cuda.common.rounding import ceil_div, round_up
from kernels.cuda.products.tiles import MMA_DEPTH, WarpGrid, shared_stride

STRIPS = (16, 32)
"""Widths of a tile of pixels that has its own rows: a window of 256 pixels is then 1.3 times as many, for 3x3."""

BLOCK_ROWS = (64, 128, 256)
"""Pixels of a block."""

MAX_ACCUMULATORS = 80
"""Most accumulators of a thread: with the states it may carry, about 150 of its 255 registers."""

MAX_SLAB = 40
"""Channels of the window that are multiplied while the next ones arrive, where not all fit at once."""

MAX_TAPS = 32
"""The kernel keeps a bit for each tap of a pixel."""


@dataclass(frozen=True)
class WindowTile:
    """The tile of one convolution; WindowTile in windowed.cuh.

    Attributes:
        channels: of what is convolved.
        kh, kw: the kernel.
        columns: of one block.
        groups: blocks that share the columns of a pixel.
        slab: channels of the window that are in shared memory at a time, padded to a multiple of 8.
        warps: how a block is cut.
        element: bytes of one operand.
        one_place: a block stays with its pixels; else it has one tile of pixels after another, and the window of the
            next arrives meanwhile.
        resident: the weights of all slabs stay in shared memory; else two slabs of them take turns.
        strip: width of its tiles of pixels, each of one image; 0: pixels in the order of memory.
    """

    channels: int
    kh: int
    kw: int
    columns: int
    groups: int
    slab: int
    warps: WarpGrid
    element: int
    one_place: bool
    resident: bool = True
    strip: int = 0

    kind = "WindowTile"
    crews = 1
    exchange_shape = None

    @property
    def shares(self) -> int:
        return self.groups

    @property
    def threads(self) -> int:
        return self.warps.threads

    @property
    def arguments(self) -> str:
        warps = self.warps
        sizes = (warps.warps_m, warps.warps_n, warps.warps_k, warps.m_tiles, warps.n_tiles)
        return ", ".join(map(str, (self.columns, self.slab, self._held, self._buffers, self.strip, *sizes)))

    @property
    def packed_shape(self) -> tuple[int, int, int, int]:
        """(groups, SLABS, COLUMNS, WEIGHT_STRIDE) of the packed weights."""
        return self.groups, self.slabs, self.columns, shared_stride(self.kh * self.kw * self.slab)

    @property
    def area(self) -> int:
        """Sums of a block, padding included: what a tile costs it."""
        return self.warps.rows * self.warps.columns

    @property
    def slabs(self) -> int:
        """Parts that the channels are cut into."""
        return ceil_div(self.channels, self.slab)

    def window_rows(self, width: int) -> int:
        """Pixels of a window, for frames of that width."""
        if self.strip:
            return (self.warps.rows // self.strip + self.kh - 1) * (self.strip + self.kw - 1)
        return self.warps.rows + 2 * (self.kh // 2 * width + self.kw // 2)

    def tiles(self, images: int, height: int, width: int) -> int:
        """Tiles of pixels that so many images make."""
        if self.strip:
            return images * ceil_div(height, self.warps.rows // self.strip) * ceil_div(width, self.strip)
        return ceil_div(images * height * width, self.warps.rows)

    def shared_bytes(self, width: int) -> int:
        """Bytes of shared memory of a block, for frames of that width."""
        rows, stride = self.warps.rows, shared_stride(self.slab)
        window = self.window_rows(width) * stride * self.element
        exchange = (self.warps.warps_k - 1) * rows * self.warps.columns * 4
        # Windows of tiles that follow one another arrive while sums are exchanged, so these must fit into one window.
        windows = max(self._buffers * window, exchange) if self.one_place else self._buffers * max(window, exchange)
        _, _, columns, weight_stride = self.packed_shape
        weights = self._held * columns * weight_stride
        return (1 if self.one_place else 2) * 4 * rows + (stride + weights) * self.element + windows

    def fits(self, width: int, shared_bytes: int) -> bool:
        """Whether the kernels can run it, in so much shared memory."""
        return self.kh * self.kw <= MAX_TAPS and fits_registers(self.warps) and self.shared_bytes(width) <= shared_bytes

    @property
    def _held(self) -> int:
        return self.slabs if self.resident else 2

    @property
    def _buffers(self) -> int:
        return 1 if self.one_place and self.slabs == 1 else 2


def fits_registers(warps: WarpGrid) -> bool:
    """Whether a thread can hold its sums."""
    return warps.m_tiles * warps.n_tiles * 4 <= MAX_ACCUMULATORS


def gate_tiles(channels: int, filters: int, kh: int, kw: int, element: int, one_place: bool) -> Iterator[WindowTile]:
    """Ways to cut a convolution whose columns are the four gates of so many filters; a block has all of its own."""
    for rows in BLOCK_ROWS:
        for own in _shares(filters):
            tiles = own // 2  # of 8 columns; the gates of a filter stand in a pair of them
            warps_n = 1 if tiles <= 10 else 2
            warps_m = min(8 // warps_n, rows // 16)
            if tiles % (2 * warps_n) == 0:
                warps = WarpGrid(warps_m, warps_n, rows // 16 // warps_m, tiles // warps_n)
                for slab in _slabs(channels, 8) if fits_registers(warps) else ():
                    groups = ceil_div(filters, own)
                    yield WindowTile(channels, kh, kw, 4 * own, groups, slab, warps, element, one_place)


def channel_tiles(channels: int, columns: int, kh: int, kw: int, element: int, one_place: bool) -> Iterator[WindowTile]:
    """Ways to cut a convolution whose columns are channels, few of them."""
    for rows in BLOCK_ROWS:
        warps_k = 1 if rows == 64 else 2  # fewer columns want taller tiles of a warp (docs/cuda/products.md)
        step = 8 if warps_k == 1 else MMA_DEPTH[element] * warps_k
        for own in _shares(columns):
            warps = WarpGrid(4, 1, rows // 64, ceil_div(own, 8), warps_k)
            for slab in _slabs(channels, step) if fits_registers(warps) else ():
                groups = ceil_div(columns, own)
                yield WindowTile(channels, kh, kw, own, groups, slab, warps, element, one_place)


def _shares(columns: int) -> list[int]:
    """What a block may have of so many columns: multiples of 4."""
    return sorted({round_up(ceil_div(columns, groups), 4) for groups in range(1, columns + 1)})


def _slabs(channels: int, step: int) -> list[int]:
    """Ways to cut so many channels: not at all, or into slabs of a multiple of `step`."""
    return [round_up(channels, step), *(slab for slab in range(step, MAX_SLAB + 1, step) if slab < channels)]
