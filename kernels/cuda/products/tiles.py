"""How a convolution is cut into blocks and warps: the one place that decides, for kernels and launches alike.

The kernels (conv.cuh, weight_gradient.cuh) take a tile as template arguments and derive from it what these classes
derive; docs/cuda/products.md draws the tiles.
"""

from dataclasses import dataclass

from kernels.cuda.common.rounding import ceil_div, round_up

MAX_TILE_COLUMNS = 160
"""Columns of one block: 4 x 2 warps of 32 x 80 keep 80 accumulators a thread; two blocks fit on a multiprocessor."""

MAX_CHUNK = {4: 40, 2: 96}
"""Elements of k in one stage, by the bytes of an element. Floats: five mma steps, and exactly the 40 channels of the
example. Two bytes: about as many bytes, 72 for the example's 360 and 96 for its 1440."""

MMA_DEPTH = {4: 8, 2: 16}
"""The depth of an mma, by the bytes of an element."""

MAX_SHARED_BYTES = 101_376
"""Shared memory of one block on compute capabilities 8.9 and 12.0, the smallest there is a use for."""

GRADIENT_CHUNK = {4: 32, 2: 64}
"""Pixels in one stage of a weight gradient, by the bytes of an element: GradientTile::PIXELS."""

TARGET_BLOCKS = 264
"""Blocks that a weight gradient is split into, about two for each multiprocessor of a large device. A constant, not the
device's own number: the slices decide the order of a sum, and the same bits must come out everywhere."""


def shared_stride(size: int) -> int:
    """The distance between rows of so many elements in shared memory; shared_stride in accumulators.cuh."""
    return size if size % 16 == 8 else size + 8


@dataclass(frozen=True)
class WarpGrid:
    """warps_m x warps_n warps, each with m_tiles x n_tiles accumulator tiles of 16 x 8; warps_k of them share the k."""

    warps_m: int
    warps_n: int
    m_tiles: int
    n_tiles: int
    warps_k: int = 1

    @property
    def rows(self) -> int:
        """BM: rows of one block."""
        return 16 * self.m_tiles * self.warps_m

    @property
    def columns(self) -> int:
        """BN: columns of one block."""
        return 8 * self.n_tiles * self.warps_n

    @property
    def threads(self) -> int:
        return 32 * self.warps_m * self.warps_n * self.warps_k


def choose_warps(columns: int, rows: int | None = None, paired: bool = False) -> WarpGrid:
    """Warps for a product with so many columns.

    Args:
        columns: columns of the product; the grid covers them in equal blocks of at most MAX_TILE_COLUMNS.
        rows: rows of the product if there are few (None: as many as pixels); fewer than 128 take fewer warps.
        paired: neighbouring column tiles stay in one warp (the gates of a channel).
    """
    tiles = ceil_div(columns, 8)
    tiles = ceil_div(tiles, ceil_div(columns, MAX_TILE_COLUMNS))
    warps_n = 2 if tiles >= 8 else 1
    n_tiles = round_up(ceil_div(tiles, warps_n), 2 if paired else 1)
    warps_m, m_tiles = 8 // warps_n, warps_n
    if rows is not None and rows <= 64:
        warps_m, m_tiles = min(warps_m, ceil_div(rows, 16)), 1
    return WarpGrid(warps_m, warps_n, m_tiles, n_tiles)


@dataclass(frozen=True)
class ConvTile:
    """The tile of one convolution; ConvTile in conv.cuh.

    Attributes:
        k: taps times input channels.
        columns: output columns, padding of the gate layout included.
        warps: how a block of it is cut.
        element: bytes of one operand.
    """

    k: int
    columns: int
    warps: WarpGrid
    element: int = 4

    @property
    def chunk(self) -> int:
        """BK: the largest chunk of those that pad k least. Warps that share k take whole mma steps."""
        step = 8 if self.warps.warps_k == 1 else MMA_DEPTH[self.element] * self.warps.warps_k
        chunks = range(step, MAX_CHUNK[self.element] + 1, step)
        fitting = [chunk for chunk in chunks if self._shared_bytes(chunk) <= MAX_SHARED_BYTES]
        return min(fitting, key=lambda chunk: (round_up(self.k, chunk), -chunk))

    @property
    def packed_shape(self) -> tuple[int, int]:
        """(PADDED_COLUMNS, PADDED_K) of the packed weights."""
        return round_up(self.columns, self.warps.columns), round_up(self.k, self.chunk)

    @property
    def shared_bytes(self) -> int:
        return self._shared_bytes(self.chunk)

    def _shared_bytes(self, chunk: int) -> int:
        rows = self.warps.rows + self.warps.columns
        return 16 * self.warps.rows + 2 * self.element * rows * shared_stride(chunk)

    @property
    def arguments(self) -> str:
        warps = self.warps
        sizes = (warps.warps_m, warps.warps_n, warps.warps_k, warps.m_tiles, warps.n_tiles)
        return ", ".join(map(str, (self.chunk, *sizes, self.shared_bytes)))

    def grid(self, pixels: int) -> tuple[int, int]:
        return ceil_div(pixels, self.warps.rows), ceil_div(self.columns, self.warps.columns)


@dataclass(frozen=True)
class GradientTile:
    """The tile of one weight gradient; GradientTile in weight_gradient.cuh.

    Attributes:
        rows: taps times input channels, and one more for the bias where it has one.
        columns: output columns.
        warps: how a block of it is cut.
        element: bytes of one operand.
        target_blocks: how many blocks the pixels are split into, with those of the product.
    """

    rows: int
    columns: int
    warps: WarpGrid
    element: int = 4
    target_blocks: int = TARGET_BLOCKS

    @property
    def shared_bytes(self) -> int:
        strides = shared_stride(self.warps.rows) + shared_stride(self.warps.columns)
        return 2 * GRADIENT_CHUNK[self.element] * (16 + strides * self.element)

    @property
    def arguments(self) -> str:
        warps = self.warps
        sizes = (warps.warps_m, warps.warps_n, warps.m_tiles, warps.n_tiles)
        return ", ".join(map(str, (*sizes, self.shared_bytes)))

    def slices(self, pixels: int) -> tuple[int, int]:
        """How many slices the pixels are split into (none, if there are no pixels), and how many chunks a slice has."""
        chunks = ceil_div(pixels, GRADIENT_CHUNK[self.element])
        blocks = ceil_div(self.rows, self.warps.rows) * ceil_div(self.columns, self.warps.columns)
        per_slice = max(1, ceil_div(chunks, max(1, self.target_blocks // blocks)))
        return ceil_div(chunks, per_slice), per_slice

    def grid(self, slices: int) -> tuple[int, int, int]:
        return ceil_div(self.rows, self.warps.rows), ceil_div(self.columns, self.warps.columns), slices


def conv_tile(k: int, columns: int, paired: bool = False, element: int = 4) -> ConvTile:
    """The tile of a convolution; paired: see choose_warps; element: bytes of one operand."""
    warps = choose_warps(columns, paired=paired)
    if warps.warps_n == 1 and not paired and k % 32 == 0:
        # Few columns: a warp of 32 x BN reads less shared memory for a product than one of 16 x BN, and with two warps
        # on the k of a chunk there are still eight of them.
        warps = WarpGrid(warps_m=4, warps_n=1, m_tiles=2, n_tiles=warps.n_tiles, warps_k=2)
    return ConvTile(k, columns, warps, element)


def gradient_tile(rows: int, columns: int, element: int = 4) -> GradientTile:
    """The tile of a weight gradient; element: bytes of one operand."""
    return GradientTile(rows, columns, choose_warps(columns, rows), element)
