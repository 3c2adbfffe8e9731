"""Movies of moving squares: the data of the Keras `conv_lstm` example, the same movies hundreds of times faster.

The example draws with NumPy's global Mersenne Twister, one integer at a time, in the middle of its rendering loops.
Here the work is split: the integers are drawn in the same order from the same stream (NumPy hands out its raw 32-bit
draws in bulk, and `_draw` turns them into bounded integers by the rule of `numpy.random.randint`), and the pictures
are then rendered in parallel, only the window that is kept.
"""

from functools import partial

import numpy as np
from numba import prange

from kernels.arrays import HostArray
from kernels.numba_cache import cached_njit

WINDOW = 40
"""Rows and columns of a movie: the middle of the canvas on which the squares move."""

_MAX_SQUARES = 7
_X, _Y, _DX, _DY, _HALF_WIDTH = range(5)


def generate_movies(n_samples: int = 1200, n_frames: int = 15, seed: int | None = None) -> tuple[HostArray, HostArray]:
    """Movies of 3 to 7 squares, 4x4 or 6x6 pixels, each moving by -1, 0 or 1 pixel a frame along both axes.

    The movies are those that the Keras example's own `generate_movies` makes (keras/examples/conv_lstm.py, Keras 2.0
    to 2.3) after `numpy.random.seed(seed)`: the same draws in the same order. The sums are kept in whole tenths, so
    a pixel differs from the example's float64 only by the example's own rounding (below 1e-15). Squares that leave the
    example's 80x80 canvas are clipped; the example's negative slice bounds would bring some back from the other
    side, which shows in the window from 38 frames on.

    Args:
        n_samples: number of movies, at least 1.
        n_frames: frames in each movie, at least 1.
        seed: 0 to 2**32 - 1. None draws from NumPy's global generator, as the example does, and leaves it where the
            example would leave it; `numpy.random.seed` therefore governs this call as it governs the example.

    Returns:
        (noisy, shifted), both float32 (n_samples, n_frames, 40, 40, 1). `noisy` is the input: overlapping squares are
        clamped to 1, and with probability 1/2 for each square and frame a patch one pixel larger is raised or lowered
        by 0.1 (values -0.7 to 1). `shifted` is the target: without noise, and frame t shows the squares at t + 1.

    Raises:
        ValueError: an argument is not an integer, or is out of range.
    """
    _check_count("n_samples", n_samples)
    _check_count("n_frames", n_frames)
    if seed is not None and (not _is_integer(seed) or not 0 <= seed < 2**32):
        raise ValueError(f"seed: expected None or an integer from 0 to 2**32 - 1, got {seed!r}")

    stream = np.random.RandomState(seed)
    if seed is None:
        stream.set_state(np.random.get_state())  # noqa: NPY002 - the example draws from the global generator
    start = stream.get_state()

    counts = np.empty(n_samples, np.int64)
    squares = np.empty((n_samples, _MAX_SQUARES, 5), np.int64)
    noise = np.empty((n_samples, _MAX_SQUARES, n_frames), np.int8)
    available = n_samples * (2 + _MAX_SQUARES * (8 + 2 * n_frames))
    while True:
        raw = stream.randint(0, 2**32, size=available, dtype=np.uint32)
        used = _draw(raw, counts, squares, noise)
        stream.set_state(start)
        if used <= available:
            break
        available *= 2

    if seed is None:
        stream.randint(0, 2**32, size=used, dtype=np.uint32)
        np.random.set_state(stream.get_state())  # noqa: NPY002

    noisy = np.empty((n_samples, n_frames, WINDOW, WINDOW, 1), np.float32)
    shifted = np.empty_like(noisy)
    pixels = WINDOW * WINDOW
    _render(
        counts,
        squares,
        noise,
        noisy.reshape(n_samples, n_frames, pixels),
        shifted.reshape(n_samples, n_frames, pixels),
    )
    return noisy, shifted


@cached_njit
def _bounded(raw, position, mask, largest):  # type: ignore[no-untyped-def]
    """numpy.random.randint(0, largest + 1): masked draws, rejected until one is at most `largest`.

    Returns the integer and the position after the last raw draw used. Past the end of `raw` it returns 0 and goes on
    counting, so that the caller sees how many draws were too few.
    """
    while True:
        value = np.int64(raw[position] & mask) if position < raw.size else np.int64(0)
        position += 1
        if value <= largest:
            return value, position


@cached_njit
def _draw(raw, counts, squares, noise):  # type: ignore[no-untyped-def]
    """Draw every movie's parameters in the example's order.

    raw (R,) uint32; counts (N,) squares of each movie; squares (N,7,5) start x, y, direction x, y, half-width;
    noise (N,7,T) -1, 0, 1 tenths. Returns the number of raw draws used; more than R means that they ran out.
    """
    position = 0
    for i in range(counts.size):
        extra, position = _bounded(raw, position, np.uint32(7), 4)
        counts[i] = 3 + extra
        for j in range(counts[i]):
            x, position = _bounded(raw, position, np.uint32(63), 39)
            y, position = _bounded(raw, position, np.uint32(63), 39)
            dx, position = _bounded(raw, position, np.uint32(3), 2)
            dy, position = _bounded(raw, position, np.uint32(3), 2)
            wide, position = _bounded(raw, position, np.uint32(1), 1)
            squares[i, j, _X] = x
            squares[i, j, _Y] = y
            squares[i, j, _DX] = dx - 1
            squares[i, j, _DY] = dy - 1
            squares[i, j, _HALF_WIDTH] = 2 + wide
            for t in range(noise.shape[2]):
                noisy, position = _bounded(raw, position, np.uint32(1), 1)
                noise[i, j, t] = 0
                if noisy:
                    negative, position = _bounded(raw, position, np.uint32(1), 1)
                    noise[i, j, t] = 1 - 2 * negative
    return position


@cached_njit
def _add_square(tile, x, y, half_width, tenths):  # type: ignore[no-untyped-def]
    """Add tenths to the pixels [x - half_width, x + half_width) by [y - half_width, y + half_width) of the window.

    tile (40 * 40,) int8, rows first; x, y in window coordinates, where the start positions are 0 to 39.
    """
    top, bottom = max(x - half_width, 0), min(x + half_width, WINDOW)
    left, right = max(y - half_width, 0), min(y + half_width, WINDOW)
    for row in range(top, bottom):
        for column in range(left, right):
            tile[row * WINDOW + column] += tenths


@partial(cached_njit, parallel=True)
def _render(counts, squares, noise, noisy, shifted):  # type: ignore[no-untyped-def]
    """Paint the frames: noisy, shifted (N, T, 40 * 40) float32."""
    n_frames = noisy.shape[1]
    ten = np.float32(10)
    for i in prange(noisy.shape[0]):
        tile = np.empty(WINDOW * WINDOW, np.int8)
        shifted_tile = np.empty(WINDOW * WINDOW, np.int8)
        for t in range(n_frames):
            tile[:] = 0
            shifted_tile[:] = 0
            for j in range(counts[i]):
                x = squares[i, j, _X] + squares[i, j, _DX] * t
                y = squares[i, j, _Y] + squares[i, j, _DY] * t
                half_width = squares[i, j, _HALF_WIDTH]
                _add_square(tile, x, y, half_width, 10)
                if noise[i, j, t]:
                    _add_square(tile, x, y, half_width + 1, noise[i, j, t])
                _add_square(shifted_tile, x + squares[i, j, _DX], y + squares[i, j, _DY], half_width, 10)
            for p in range(WINDOW * WINDOW):
                noisy[i, t, p] = np.float32(min(tile[p], np.int8(10))) / ten
                shifted[i, t, p] = np.float32(min(shifted_tile[p], np.int8(10))) / ten


def _is_integer(value: object) -> bool:
    return isinstance(value, int | np.integer) and not isinstance(value, bool)


def _check_count(name: str, value: int) -> None:
    if not _is_integer(value) or value < 1:
        raise ValueError(f"{name}: expected an integer of at least 1, got {value!r}")
