"""Part (g), asked for by name: what tiles of Hopper's warpgroup products take, beside what is counted for them.

For each recurrence and each convolution over all frames of one layer of the example, the tiles that fit, one of every
way to cut a block, those first that the planners would take. It is what the counts of warpgroup_search.py are fitted
to, and what the order of persistent_tiles.py should be held against. Weight gradients follow (gradient_tile_times.py).
Nothing is recorded on a device without such products.
"""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np

from bench.cuda.device import Device, noise
from bench.cuda.gradient_tile_times import record_gradient_tiles
from bench.cuda.part import Part
from bench.cuda.sizes import sizes
from bench.cuda.step_times import repeated_seconds
from bench.peers.work import Work
from kernels.cuda.common.precision import gate_dtype, operand_dtype
from kernels.cuda.conv_lstm.persistent import PersistentBackward, PersistentForward
from kernels.cuda.conv_lstm.persistent_tiles import backward_front, blocks_of, choice, choice_backward, forward_front
from kernels.cuda.launch.launch import Program, Runtime
from kernels.cuda.launch.source import Source, load_source
from kernels.cuda.products.binding import bind_elements, cell_defines
from kernels.cuda.products.costs import windowed_grid
from kernels.cuda.products.warpgroup.warpgroup_search import choice_over_frames, group_clocks
from kernels.cuda.products.warpgroup.warpgroup_tiles import (
    GroupTile,
    channel_group_tiles,
    gate_group_tiles,
    has_warpgroups,
)
from kernels.specs import ConvLSTMSpec

KERNELS = ("persistent_forward", "persistent_backward", "windowed_input_forward", "windowed_input_backward")
PRECISIONS = ("tf32", "bfloat16")
SHAPE = ("arguments", "columns", "split", "crews", "warpgroups", "m_tiles", "chunks", "buffers", "resident")
MOST = 6
"""Tiles of a kernel in one precision."""


def main() -> None:
    """One record for each tile."""
    part = Part.from_command_line()
    device, spec = Device(part.rehearse), layer(sizes(part.rehearse).step)
    for precision in PRECISIONS:
        if has_warpgroups(precision, device.runtime.limits):
            attempt(part, f"tiles in {precision}", partial(record_tiles, part, device, spec, precision))
            gradients = partial(record_gradient_tiles, part, device, spec, precision)
            attempt(part, f"tiles of gradients in {precision}", gradients)


def attempt(part: Part, what: str, work: Callable[[], None]) -> None:
    """Do it; what goes wrong is a record, and the next thing is done all the same."""
    try:
        work()
    except Exception as error:
        part.record("failure", what=what, error=f"{type(error).__name__}: {error}"[:300], proves=True)


def layer(work: Work) -> ConvLSTMSpec:
    """The last ConvLSTM of a piece of work."""
    filters, kernel = work.filters[-1], work.kernels[-1]
    return ConvLSTMSpec(work.frames, work.batch, work.height, work.width, filters, filters, kernel, kernel)


def record_tiles(part: Part, device: Device, spec: ConvLSTMSpec, precision: str) -> None:
    """All kernels in one precision; their programs compile side by side."""
    chosen = {kernel: list(tiles(device.runtime, spec, precision, kernel)) for kernel in KERNELS}
    for kernel, found in chosen.items():
        for tile in found:
            device.runtime.compile(program(spec, precision, kernel, tile))
    for kernel, found in chosen.items():
        for tile in found:
            seconds = repeated_seconds(device, work_of(device.runtime, spec, precision, kernel, tile))
            counted = group_clocks(spec, tile, device.runtime.limits) if kernel.startswith("windowed") else None
            shape = {name: getattr(tile, name) for name in SHAPE}
            part.record("tile", kernel=kernel, precision=precision, **shape, seconds=seconds, counted_clocks=counted)


def tiles(runtime: Runtime, spec: ConvLSTMSpec, precision: str, kernel: str) -> Iterator[GroupTile]:
    """The best of each way to cut a block, at most MOST of them."""
    limits, one_place = runtime.limits, kernel.startswith("persistent")
    if kernel.endswith("forward"):
        channels = spec.F if one_place else spec.C
        found = gate_group_tiles(channels, spec.F, spec.kh, spec.kw, precision, one_place)
    else:
        found = channel_group_tiles(4 * spec.F, spec.F if one_place else spec.C, spec.kh, spec.kw, precision, one_place)
    front = {"persistent_forward": forward_front, "persistent_backward": backward_front}.get(kernel, lambda _: 0)
    fitting = [tile for tile in found if tile.fits(spec.W, limits.shared_bytes_per_block - front(tile))]
    if one_place:
        fitting = [tile for tile in fitting if np.prod(blocks_of(spec, tile)) <= limits.sm_count]
        fitting = [tile for tile in fitting if tile.split == 1 or kernel.endswith("backward")]
        fitting.sort(key=choice if kernel.endswith("forward") else choice_backward)
    else:
        fitting.sort(key=lambda tile: choice_over_frames(spec, tile, limits))
    ways: dict[tuple[Any, ...], GroupTile] = {}
    for tile in fitting:
        way = (tile.columns, tile.crews, tile.warpgroups, tile.m_tiles, tile.resident, tile.split)
        ways.setdefault(way, tile)
    yield from list(ways.values())[:MOST]


def program(spec: ConvLSTMSpec, precision: str, kernel: str, tile: GroupTile) -> Source:
    """The kernel's program for that tile."""
    constants = cell_defines(spec, precision) | {"SPEC_C": spec.C} if kernel.startswith("windowed") else {}
    constants = constants or cell_defines(spec, precision)
    place = kernel.removeprefix("persistent_").removeprefix("windowed_").upper()
    return load_source(f"conv_lstm/{kernel}.cu", constants | {"TILE": tile.kind, place: tile.arguments})


def work_of(runtime: Runtime, spec: ConvLSTMSpec, precision: str, kernel: str, tile: GroupTile) -> Any:
    """A call that launches it once, on random arrays of its own."""
    operands, frame = operand_dtype(precision), (spec.B, spec.H, spec.W)
    sequence, gates = (spec.T, *frame, spec.F), (spec.T, *frame, spec.F, 4)
    weights = noise(runtime, (spec.kh, spec.kw, spec.F, 4 * spec.F), "float32")
    state, cell = noise(runtime, sequence, operands), noise(runtime, sequence[1:], "float32")
    kept_c = noise(runtime, sequence, gate_dtype(precision))
    z, dz = noise(runtime, gates, gate_dtype(precision)), noise(runtime, gates, operands)
    if kernel == "persistent_forward":
        forward = PersistentForward(runtime, spec, precision, tile)
        return lambda: forward(weights, None, None, z, kept_c, cell, state)
    if kernel == "persistent_backward":
        backward = PersistentBackward(runtime, spec, precision, tile)
        return lambda: backward(weights, z, kept_c, None, state, None, None, dz, None, None, None)
    place = kernel.removeprefix("windowed_").upper()
    constants = cell_defines(spec, precision) | {"SPEC_C": spec.C, "TILE": tile.kind, place: tile.arguments}
    compiled = Program(runtime, f"conv_lstm/{kernel}.cu", constants)
    packed = runtime.zeros(tile.packed_shape, operands)
    sizes_of = {"kernel": weights.shape, "packed": packed.shape}
    pack = bind_elements(compiled, f"pack_{kernel}", int(np.prod(packed.shape)), sizes_of)
    pack(kernel=weights, packed=packed, groups=tile.groups)
    arrays: dict[str, Any] = {"dz": dz, "dx": state}
    if kernel.endswith("forward"):
        arrays = {"x": state, "bias": runtime.zeros((4 * spec.F,), "float32"), "z": z}
    bound = compiled.kernel(kernel, {name: array.shape for name, array in arrays.items()} | {"packed": packed.shape})
    return partial(
        bound, windowed_grid(spec, tile, runtime.limits), (tile.threads,), shared_bytes=tile.shared_bytes(spec.W),
        packed=packed, images=spec.T * spec.B, height=spec.H, width=spec.W, **arrays,
    )  # fmt: skip


if __name__ == "__main__":
    main()
