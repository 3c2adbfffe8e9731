"""Convolution without a transform, for any odd kernel: the register tile walks over padded rows.

The rows of an image are copied beside each other with a border of zeros, p[row][column][channel]. Then the input
that one output pixel sees through one row of the kernel is contiguous, kw * channels elements, the next pixel's begins
`channels` further on, and the product of a row of pixels with the packed kernel is one call.
"""

from kernels.arrays import Array
from kernels.cpu.compile.inlining import not_inlined
from kernels.cpu.compile.jit import jit
from kernels.cpu.products.geometry import Geometry
from kernels.cpu.products.runs import copy_run, zero_run


@jit
def pad_rows(
    g: Geometry, image: Array, start: int, channels: int, y0: int, first: int, end: int, p: Array, p_start: int
) -> None:
    """p[i, j, :channels] = image[y0 + i, j - kw//2] for first <= i < end and every column, zero outside.

    image[start] is the first element of an image (H,W,channels); a pixel of p has g.depth channels, of which these
    begin at p_start; a row has g.slots + g.kw - 1 pixels.
    """
    not_inlined()
    before = g.kw // 2
    for i in range(first, end):
        line = p_start + i * (g.slots + g.kw - 1) * g.depth
        inside = 0 <= y0 + i < g.H
        for j in range(g.W + g.kw - 1):
            here = line + j * g.depth
            if inside and before <= j < g.W + before:
                copy_run(image, start + ((y0 + i) * g.W + j - before) * channels, p, here, channels)
            else:
                zero_run(p, here, channels)


@jit
def copy_rows(source: Array, start: int, source_width: int, target: Array, target_width: int, rows: int) -> None:
    """target[i, :source_width] = row i, from source[start] on, of flat matrices with those widths."""
    for i in range(rows):
        copy_run(source, start + i * source_width, target, i * target_width, source_width)
