"""SpaceToDepth and DepthToSpace: blocks of pixels as channels, and back (Shi et al. 2016).

What moves fast over many pixels moves slowly over few: a ConvLSTM behind a SpaceToDepth of factor 4 sees, with the same
kernel, four times as far in each direction, on a sixteenth of the pixels.

    channel ((row * factor + column) * C + channel) of a pixel  <->  pixel (row, column) of its block, and its channel

as tf.nn.space_to_depth and ONNX's SpaceToDepth have it.
"""

from typing import Any, Literal

from engine.layers.bound_layer import WIDE, BoundLayer, Narrow
from engine.layers.layer import Layer
from engine.layers.reshaping.cropping import Cropping3D
from engine.layers.reshaping.moved import Moved
from engine.layers.reshaping.zero_padding import ZeroPadding3D
from engine.layers.weight import Shape, time_major
from engine.support.validation import integer, one_of, positive_int
from kernels import Backend
from kernels.arrays import Array
from kernels.operations import ConvLSTM


class _Blocks(Layer):
    """Base of the two: movies (N,T,H,W,C) or frames (N,H,W,C), frame by frame."""

    frame_by_frame = True
    keras_form = (
        None  # Keras has no such layer; three of its own would be needed, of which one has too many axes for ours
    )

    factor: int

    def _check_rank(self, shape: Shape) -> None:
        if len(shape) not in (3, 4):
            raise ValueError(f"{self.name}: expected movies or frames, and its input has shape {(None, *shape)}")

    def get_config(self) -> dict[str, Any]:
        return {"factor": self.factor, **super().get_config()}


class SpaceToDepth(_Blocks):
    """Blocks of factor x factor pixels become one pixel each: (N,T,H,W,C) -> (N,T,H/factor,W/factor,factor^2 C).

    Args:
        factor: rows and columns of a block.
        padding: 'valid' (default): rows and columns that factor does not divide are refused; 'same': zeros stand below
            and to the right of them, up to the next multiple.
        input_shape, batch_input_shape, trainable, name: as for every layer (see Layer).

        Sequential([SpaceToDepth(4), ConvLSTM2D(16, 3, padding="same", return_sequences=True), Conv3D(16, 1),
                    DepthToSpace(4)])                   # movies of one channel, seen four times as far
    """

    def __init__(
        self,
        factor: int,
        padding: Literal["valid", "same"] = "valid",
        input_shape: tuple[int | None, ...] | None = None,
        batch_input_shape: tuple[int | None, ...] | None = None,
        trainable: bool = True,
        name: str | None = None,
    ) -> None:
        super().__init__(name, input_shape, batch_input_shape, trainable)
        self.factor = positive_int("factor", factor)
        self.padding: Literal["valid", "same"] = one_of("padding", padding, ["valid", "same"])

    def output_shape(self, shape: Shape) -> Shape:
        self._check_rank(shape)
        *before, rows, columns, channels = shape
        fewer = [None if n is None else -(-n // self.factor) for n in (rows, columns)]
        uneven = [n for n in (rows, columns) if n is not None and n % self.factor]
        if uneven and self.padding == "valid":
            raise ValueError(
                f"{self.name}: expected rows and columns that factor={self.factor} divides, got {rows} x {columns}; "
                "choose another factor, crop, or pass padding='same'"
            )
        return *before, *fewer, None if channels is None else channels * self.factor**2

    def borders(self, rows: int, columns: int) -> tuple[int, int]:
        """Rows and columns of zeros below and to the right."""
        return -rows % self.factor, -columns % self.factor

    def bind(
        self,
        backend: Backend,
        shape: tuple[int, ...],
        batch: int,
        training: bool,
        logits: bool = False,
        narrow: Narrow = WIDE,
        source: ConvLSTM[Array] | None = None,
    ) -> BoundLayer:
        frames, rows, columns, channels = (*(1,) * (4 - len(shape)), *shape)
        below, right = self.borders(rows, columns)
        whole = frames, rows + below, columns + right, channels
        made = tuple(int(size or 0) for size in self.output_shape(shape))
        blocks = _Reblocked(backend, whole, batch, self.factor, time_major(made, batch), training, into_blocks=True)
        if not below and not right:
            return blocks
        zeros = ZeroPadding3D(((0, 0), (0, below), (0, right)))
        return _OneAfterAnother(zeros.bind(backend, (frames, rows, columns, channels), batch, training), blocks)

    def get_config(self) -> dict[str, Any]:
        return {"padding": self.padding, **super().get_config()}


class DepthToSpace(_Blocks):
    """The inverse of SpaceToDepth: (N,T,H,W,factor^2 C) -> (N,T,factor H,factor W,C).

    Args:
        factor: rows and columns of a block; its square divides the channels.
        cropping: how many rows, and how many columns, are then cut off below and at the right (default (0, 0)): those
            that SpaceToDepth(padding='same') added.
        input_shape, batch_input_shape, trainable, name: as for every layer (see Layer).
    """

    def __init__(
        self,
        factor: int,
        cropping: tuple[int, int] = (0, 0),
        input_shape: tuple[int | None, ...] | None = None,
        batch_input_shape: tuple[int | None, ...] | None = None,
        trainable: bool = True,
        name: str | None = None,
    ) -> None:
        super().__init__(name, input_shape, batch_input_shape, trainable)
        self.factor = positive_int("factor", factor)
        if not isinstance(cropping, list | tuple) or len(cropping) != 2:
            raise ValueError(f"cropping: expected (rows, columns), got {cropping!r}")
        self.cropping = integer("cropping", cropping[0], 0), integer("cropping", cropping[1], 0)

    def output_shape(self, shape: Shape) -> Shape:
        self._check_rank(shape)
        *before, rows, columns, channels = shape
        if channels is not None and channels % self.factor**2:
            raise ValueError(
                f"{self.name}: expected channels that factor^2 = {self.factor**2} divides, got {channels}; give the "
                f"layer before it {self.factor**2} times the channels of a picture"
            )
        more = [
            None if n is None else n * self.factor - cut for n, cut in zip((rows, columns), self.cropping, strict=True)
        ]
        if any(n is not None and n < 1 for n in more):
            raise ValueError(f"cropping: {self.cropping} leaves nothing of {rows} x {columns} blocks")
        return *before, *more, None if channels is None else channels // self.factor**2

    def bind(
        self,
        backend: Backend,
        shape: tuple[int, ...],
        batch: int,
        training: bool,
        logits: bool = False,
        narrow: Narrow = WIDE,
        source: ConvLSTM[Array] | None = None,
    ) -> BoundLayer:
        self.output_shape(shape)
        frames, rows, columns, channels = (*(1,) * (4 - len(shape)), *shape)
        factor = self.factor
        whole = frames, rows * factor, columns * factor, channels // factor**2
        blocks = _Reblocked(backend, whole, batch, factor, time_major(shape, batch), training, into_blocks=False)
        if not any(self.cropping):
            return blocks
        crop = Cropping3D(((0, 0), (0, self.cropping[0]), (0, self.cropping[1])))
        return _OneAfterAnother(blocks, crop.bind(backend, whole, batch, training))

    def get_config(self) -> dict[str, Any]:
        return {"cropping": list(self.cropping), **super().get_config()}


class _Reblocked(BoundLayer):
    """One permutation, between views (frames * movies * blocks of rows, row, block of columns, column and channel).

    Args:
        picture: (frames, rows, columns, channels) of the side with more pixels.
        small: shape (T,B,H/factor,W/factor,factor^2 C) of the other.
    """

    def __init__(
        self,
        backend: Backend,
        picture: tuple[int, int, int, int],
        batch: int,
        factor: int,
        small: tuple[int, ...],
        training: bool,
        into_blocks: bool,
    ) -> None:
        frames, rows, columns, channels = picture
        strips = frames * batch * rows // factor
        pixels = (strips, factor, columns // factor, factor * channels)
        blocks = (strips, columns // factor, factor, factor * channels)
        before, after = (pixels, blocks) if into_blocks else (blocks, pixels)
        self._before, self._after = before, after
        large: tuple[int, ...] = time_major(picture, batch)
        self._x_shape = large if into_blocks else small
        self._y_shape = small if into_blocks else large
        self._moved = Moved(backend, backend.permute((0, 2, 1, 3)), before, after, training)

    def forward(self, x: Array) -> Array:
        return self._moved.forward(x.reshape(self._before)).reshape(self._y_shape)

    def backward(self, dy: Array, need_dx: bool) -> Array | None:
        return self._moved.back(dy.reshape(self._after)).reshape(self._x_shape) if need_dx else None


class _OneAfterAnother(BoundLayer):
    """Two bound layers without weights as one."""

    def __init__(self, first: BoundLayer, second: BoundLayer) -> None:
        self._first, self._second = first, second

    def forward(self, x: Array) -> Array:
        return self._second.forward(self._first.forward(x))

    def backward(self, dy: Array, need_dx: bool) -> Array | None:
        if not need_dx:
            return None
        between = self._second.backward(dy, need_dx=True)
        assert between is not None
        return self._first.backward(between, need_dx=True)
