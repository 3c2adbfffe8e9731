"""How a convolution on Hopper's warpgroup products is cut into blocks: the template arguments of warpgroup.cuh."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

from kernels.cuda.common.precision import operand_bytes
from kernels.cuda.common.rounding import ceil_div, round_up
from kernels.cuda.launch.launch import DeviceLimits

ARCHITECTURE = "90a"
"""The one that has these products; what came after it has others."""

CHUNK_BYTES = 16
"""Bytes of a pixel's channels in one plane of the window."""

STRIPS = (14, 30, 62)
"""Widths of a tile of pixels that has its own rows; with the zeros around it, for 3x3, 16, 32 and 64."""

CREWS = ((1, 1, 1), (2, 1, 1), (4, 1, 1), (2, 1, 2), (2, 1, 4), (1, 2, 2), (1, 2, 4))
"""Crews of a block, warpgroups of each, and the products of 64 rows that each makes of a tile."""

CREWS_IN_ONE_PLACE = (*CREWS, (3, 1, 1), (2, 1, 3), (3, 1, 2), (1, 2, 3))
"""CREWS where all blocks are on the device at a time: finer, as twice the rows would leave half of it idle."""

BUFFERS = (2, 3, 4, 6, 8)
"""Windows of a crew that goes from tile to tile."""

MAX_ACCUMULATORS = 80
"""Most accumulators of a thread: with the states it may carry, about 150 of its 255 registers. Half as many in a block
of 512 threads, which may have half as many registers.
"""

MAX_COLUMNS = 160
"""Most columns of a product, of those that wgmma.cuh spells out."""

MAX_TAPS = 49
"""The products of all taps are unrolled."""


@dataclass(frozen=True)
class GroupTile:
    """The tile of one convolution; GroupTile in warpgroup.cuh.

    Attributes:
        channels: of what is convolved.
        kh, kw: the kernel.
        columns: of one block.
        groups: blocks that share the columns of a pixel.
        chunks: 16 bytes of channels, of the window that is multiplied at a time.
        crews: of a block, each with a tile of its own.
        warpgroups, m_tiles: of a crew, and the products of 64 rows of each.
        element: bytes of one operand.
        one_place: a crew stays with its pixels; else it has one tile of pixels after another.
        buffers: windows of a crew in shared memory.
        resident: the weights of all slabs stay in shared memory; else they come with the windows.
        strip: width of its tiles of pixels, each of one image; 0: pixels in the order of memory.
        split: blocks that share the channels of a tile and exchange their sums; in one place only.
    """

    channels: int
    kh: int
    kw: int
    columns: int
    groups: int
    chunks: int
    crews: int
    warpgroups: int
    m_tiles: int
    element: int
    one_place: bool
    buffers: int
    resident: bool = True
    strip: int = 0
    split: int = 1

    kind = "GroupTile"

    @property
    def arguments(self) -> str:
        held = self.slabs if self.resident else self.buffers
        window = (self.columns, self.chunks, held, self.buffers, self.strip, self.split)
        return ", ".join(map(str, (*window, self.crews, self.warpgroups, self.m_tiles)))

    @property
    def packed_shape(self) -> tuple[int, int, int]:
        """(groups or parts, SLABS, WEIGHT_SLAB) of the packed weights."""
        return self.shares, self.slabs, self.steps * 2 * self.padded_columns * CHUNK_BYTES // self.element

    @property
    def shares(self) -> int:
        """Blocks that share a tile: groups of columns, or parts of the channels."""
        return self.groups * self.split

    @property
    def exchange_shape(self) -> tuple[int, ...] | None:
        """Shape of what two blocks of a tile hand each other: (2, float4s, threads, 4)."""
        if self.split == 1:
            return None
        return self.split, self.m_tiles // self.split * self.padded_columns // 8, 128 * self.warpgroups, 4

    @property
    def rows(self) -> int:
        """BM: rows of a crew."""
        return 64 * self.m_tiles * self.warpgroups

    @property
    def padded_columns(self) -> int:
        """BN: columns of one product."""
        return round_up(self.columns, 8)

    @property
    def threads(self) -> int:
        """Threads of a block."""
        return 128 * self.warpgroups * self.crews

    @property
    def area(self) -> int:
        """What a tile costs a block: clocks of its products, which read both factors from shared memory."""
        one = max(self.padded_columns // 2, 16 + self.padded_columns // 4)
        return self.crews * self.warpgroups * self.m_tiles * self.slabs * self.steps * one

    @property
    def slabs(self) -> int:
        """Parts that the channels are cut into."""
        return ceil_div(self.channels // self.split * self.element, self.chunks * CHUNK_BYTES)

    @property
    def steps(self) -> int:
        """Products of one slab."""
        taps = self.kh * self.kw
        return self.chunks // 2 * taps + self.chunks % 2 * ceil_div(taps, 2)

    def pitch(self, width: int) -> int:
        """Rows of the window from one row of pixels to the next, for frames of that width."""
        return self.strip + self.kw - 1 if self.strip else width + self.kw // 2

    def window_rows(self, width: int) -> int:
        """Rows of a window, for frames of that width."""
        return self.rows + (self.kh - 1) * self.pitch(width) + self.kw - 1

    def tiles(self, images: int, height: int, width: int) -> int:
        """Tiles of pixels that so many images make."""
        if self.strip:
            return images * ceil_div(height, self.rows // self.pitch(width)) * ceil_div(width, self.strip)
        return ceil_div(images * (height + self.kh // 2) * self.pitch(width), self.rows)

    def window_bytes(self, width: int) -> int:
        """Bytes of one slab's window: an odd number of rows a plane."""
        return self.chunks * (self.window_rows(width) | 1) * CHUNK_BYTES

    def shared_bytes(self, width: int) -> int:
        """Bytes of shared memory of a block, for frames of that width."""
        table = round_up(self.window_rows(width), 4) * 4 * (1 if self.one_place else 2)
        _, slabs, weights = self.packed_shape
        held = slabs if self.resident else self.buffers
        return held * weights * self.element + self.crews * (self.buffers * self.window_bytes(width) + table)

    @property
    def fits_registers(self) -> bool:
        """Whether a thread can hold its sums, however many windows there are."""
        return (
            self.kh * self.kw <= MAX_TAPS
            and self.padded_columns <= MAX_COLUMNS
            and self.m_tiles * self.padded_columns // 2 <= MAX_ACCUMULATORS // (2 if self.threads > 256 else 1)
        )

    def fits(self, width: int, shared_bytes: int) -> bool:
        """Whether the kernels can run it, in so much shared memory."""
        return (
            self.fits_registers
            and (not self.strip or self.rows >= self.pitch(width))
            # An odd chunk is multiplied for two taps at a time: their distance stands in a descriptor, without a sign.
            and (self.chunks % 2 == 0 or self.pitch(width) >= self.kw - 1)
            and self.shared_bytes(width) <= shared_bytes
        )


def group_tiles(
    channels: int, columns: int, step: int, kh: int, kw: int, element: int, one_place: bool
) -> Iterator[GroupTile]:
    """Ways to cut a convolution; a block has a multiple of `step` of its columns."""
    if channels * element % CHUNK_BYTES:
        return
    for crews, warpgroups, m_tiles in CREWS_IN_ONE_PLACE if one_place else CREWS:
        for own in sorted({round_up(ceil_div(columns, groups), step) for groups in range(1, columns // step + 2)}):
            for chunks in _chunks(channels * element // CHUNK_BYTES):
                sizes = (own, ceil_div(columns, own), chunks, crews, warpgroups, m_tiles)
                make = partial(GroupTile, channels, kh, kw, *sizes, element, one_place)
                if make(2).fits_registers:
                    yield from _in_one_place(make) if one_place else _over_frames(make)


def has_warpgroups(precision: str, limits: DeviceLimits) -> bool:
    """Whether this device has such products for that precision."""
    return precision != "float32" and limits.architecture == ARCHITECTURE


def gate_group_tiles(channels: int, filters: int, kh: int, kw: int, precision: str, one_place: bool) -> list[GroupTile]:
    """Tiles of a convolution whose columns are the four gates of so many filters; a block has all of its own."""
    columns = 4 * round_up(filters, 4)
    return list(group_tiles(channels, columns, 16, kh, kw, operand_bytes(precision), one_place))


def channel_group_tiles(
    channels: int, columns: int, kh: int, kw: int, precision: str, one_place: bool
) -> list[GroupTile]:
    """Tiles of a convolution whose columns are channels, few of them."""
    return list(group_tiles(channels, columns, 4, kh, kw, operand_bytes(precision), one_place))


def _chunks(total: int) -> list[int]:
    """Slabs: all of so many chunks, or an even part of them."""
    return [total, *(chunks for chunks in range(2, total, 2) if total % chunks == 0)]


def _in_one_place(make: Callable[..., GroupTile]) -> Iterator[GroupTile]:
    """All slabs at once or some in turns; and with half of the channels, which are fewer slabs of as many chunks."""
    tile = make(2)
    half = tile.channels // 2 * tile.element
    whole = tile.channels % 2 == 0 and half % (tile.chunks * CHUNK_BYTES) == 0
    halved = whole and tile.groups == 1 and tile.warpgroups == 1 and tile.m_tiles % 2 == 0
    for split in (1, 2) if halved else (1,):
        slabs = make(2, split=split).slabs
        for buffers in (*(buffers for buffers in BUFFERS if buffers < slabs), slabs):
            yield make(buffers, split=split)


def _over_frames(make: Callable[..., GroupTile]) -> Iterator[GroupTile]:
    """More or fewer windows, and pixels in strips."""
    slabs, crews = make(2).slabs, make(2).crews
    for strip in (0, *STRIPS):
        for buffers in BUFFERS:
            yield make(buffers, strip=strip)
            if slabs > buffers and crews == 1:
                yield make(buffers, strip=strip, resident=False)
