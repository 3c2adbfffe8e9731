"""What the compiler makes of the CUDA kernels: `python -m bench cubin`, with no GPU.

Compiles every program that the seed's network needs for each architecture and prints registers, shared memory and
spills of every kernel. Writes bench/results/cubin.json.
"""

import json
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np

from bench.instruction_mix import CLASSES, disassembler, instruction_mix
from engine.support.command_line import Parser
from kernels.combinations import CombinationSpec
from kernels.cuda.backend import PRECISIONS, CudaBackend
from kernels.cuda.common.precision import operand_dtype
from kernels.cuda.launch.dry_runtime import H200, DryRuntime
from kernels.cuda.launch.launch import CompileError, DeviceLimits
from kernels.cuda.launch.nvrtc import Resources, compile_cubin, nvrtc_version
from kernels.cuda.launch.source import Source
from kernels.cuda.products.warpgroup.warpgroup_tiles import has_warpgroups
from kernels.losses import LossSpec
from kernels.specs import BatchNormSpec, BlockSpec, ClipSpec, Conv3DSpec, ConvLSTMSpec, MaxPoolingSpec, ResamplingSpec
from kernels.specs.resampling import averages, repeats
from kernels.updates import UPDATES, UpdateSpec

DEVICES = {
    "80": DeviceLimits(108, 166_912, 1024, "80"),
    "89": DeviceLimits(142, 101_376, 1024, "89"),
    "90": replace(H200, architecture="90"),
    "90a": H200,
    "100": DeviceLimits(148, 232_448, 1024, "100"),
    "120": DeviceLimits(170, 101_376, 1024, "120"),
}
"""A large device of each architecture (A100, L40S, H200, B200, RTX 5090): what fits on it is compiled for it."""

ARCHITECTURES = tuple(DEVICES)
RESULTS = Path(__file__).parent / "results" / "cubin.json"

T, B, H, W, F = 15, 10, 40, 40, 40


@dataclass(frozen=True)
class Row:
    """One kernel of one program in one precision on one architecture."""

    program: str
    kernel: str
    precision: str
    architecture: str
    resources: Resources
    shared_bytes: int
    """Dynamic shared memory of a block, as the launcher asks for it."""
    instructions: Mapping[str, int] | None = None
    """By class (bench/instruction_mix.py), if they were counted."""

    @property
    def spills(self) -> int:
        """Bytes that are spilt, stores and loads."""
        return self.resources.spill_store_bytes + self.resources.spill_load_bytes


@dataclass(frozen=True)
class SeedProgram:
    """A program of the seed's network and the dynamic shared memory that each of its kernels is launched with."""

    name: str
    source: Source
    shared_bytes: Mapping[str, int]


def seed_programs(precision: str, limits: DeviceLimits) -> list[SeedProgram]:
    """What a training step of the seed's network compiles: ConvLSTM 1->40 and 40->40, Conv3D 40->1, 10 x 15 frames.

    Recurrences are there both ways, in one launch where that fits, and step by step; what runs on warpgroup products
    where there are such, without them too.
    """
    runtime = DryRuntime(limits)
    backends = [CudaBackend(precision=precision, runtime=runtime)]
    backends += [CudaBackend(precision=precision, runtime=runtime, recurrence="steps")]
    if has_warpgroups(precision, limits):
        backends += [CudaBackend(precision=precision, runtime=runtime, products="windows")]
    names: dict[str, str] = {}
    for suffix, operation in (
        ("", _elementwise),
        (" 40->40", _conv_lstm),
        (" 1->40", _first_conv_lstm),
        (" 40", _batch_norm),
        (" 40->1", _head),
        (" any", _pieces),
        (" 2x2", partial(_pooling, 2)),
        (" 40x40", partial(_pooling, H)),
    ):
        for backend in backends:
            operation(backend)
        for text, (source, _) in runtime.programs.items():
            names.setdefault(text, source.name.removesuffix(".cu") + suffix)
    return [
        SeedProgram(names[text], source, {name: kernel.shared_bytes for name, kernel in kernels.items()})
        for text, (source, kernels) in runtime.programs.items()
    ]


def _elementwise(backend: CudaBackend) -> None:
    logits, target = backend.empty((T, B, H, W, 1)), backend.empty((T, B, H, W, 1))
    loss = backend.empty((1,), np.float64)
    backend.gather_batch(backend.empty((B, T, H, W, 1)), np.arange(B), target)
    backend.loss(LossSpec("binary_crossentropy", True))(logits, target, None, loss, logits)
    sigmoid = backend.activation("sigmoid")
    sigmoid.forward(logits, logits)
    sigmoid.backward(logits, logits, logits)
    flat = backend.empty((4096,))
    number = backend.empty((1,))
    for name, rule in UPDATES.items():
        update = backend.update(UpdateSpec(name, dict.fromkeys(rule.hyperparameters, 0.9)))
        update(flat, flat, [flat] * len(rule.slots), number)
    backend.decay_weights(flat, flat, number)
    for by in ("value", "norm"):
        backend.clip(ClipSpec(by, 1.0, (0, 4096)))(flat)


def _first_conv_lstm(backend: CudaBackend) -> None:
    _conv_lstm(backend, 1)


def _conv_lstm(backend: CudaBackend, channels: int = F) -> None:
    op = backend.conv_lstm(ConvLSTMSpec(T, B, H, W, channels, F, 3, 3))
    x, state = backend.empty((T, B, H, W, channels)), backend.empty((B, H, W, F))
    kernel, recurrent, bias = (backend.empty(shape) for shape in ((3, 3, channels, 4 * F), (3, 3, F, 4 * F), (4 * F,)))
    h, _ = op.forward(x, kernel, recurrent, bias, state, state)
    op.backward(h, x, kernel, recurrent, kernel, recurrent, bias, state, state)


def _batch_norm(backend: CudaBackend) -> None:
    op = backend.batch_norm(BatchNormSpec(T, B, H, W, F, narrow_x=True, narrow_y=True))
    x, channel = backend.empty((T, B, H, W, F), operand_dtype(backend.precision)), backend.empty((F,))
    y = op.forward(x, channel, channel, channel, channel, 0.99)
    op.backward(y, x, channel, channel, channel)
    op.inference(x, channel, channel, channel, channel)


def _head(backend: CudaBackend) -> None:
    _conv3d(backend, Conv3DSpec(T, B, H, W, F, 1, 3, 3, 3))


def _conv3d(backend: CudaBackend, spec: Conv3DSpec) -> None:
    op = backend.conv3d(spec)
    x, kernel, bias = backend.empty(spec.x_shape), backend.empty(spec.kernel_shape), backend.empty((spec.K,))
    y = op.forward(x, kernel, bias)
    op.backward(y, x, kernel, kernel, bias)


def _pieces(backend: CudaBackend) -> None:
    """What layers with other arguments than the example's are put together from."""
    _conv3d(backend, Conv3DSpec(T, B, H, W, F, F, 3, 3, 3))
    _conv3d(backend, Conv3DSpec(T, B, H, W, 4 * F, 4 * F, 1, 3, 3, strides=(1, 2, 2), groups=4))
    kernel = backend.empty((1, 3, 3, F, 4 * F))
    wide, narrow, masks = (backend.empty((*axes, H, W, n)) for axes, n in (((1, B), 4 * F), ((1, B), F), ((4, B), F)))
    cell = backend.lstm_cell("relu", "sigmoid")
    cell.forward(wide, wide, narrow, wide, narrow, narrow)
    cell.backward(narrow, narrow, narrow, wide, narrow, narrow, wide)
    copies = backend.masked_copies(masks)
    copies.forward(narrow, wide)
    copies.backward(wide, narrow)
    backend.permute((0, 1, 4, 2, 3)).forward(narrow, backend.empty((1, B, F, H, W)))
    combination = backend.combination(CombinationSpec("maximum"))
    combination.forward(narrow, narrow, narrow)
    combination.backward(narrow, narrow, narrow, narrow, narrow)
    gate = backend.broadcast((1, B, H, W, 1), (1, B, H, W, F))
    gate.forward(backend.empty((1, B, H, W, 1)), narrow)
    gate.backward(narrow, backend.empty((1, B, H, W, 1)))
    channels = backend.broadcast((1, 1, 1, 1, F), (1, B, H, W, F))
    channels.backward(narrow, backend.empty((1, 1, 1, 1, F)))
    start = (0,) * 5
    backend.block(BlockSpec(narrow.shape, wide.shape, narrow.shape, start, start)).forward(narrow, wide)
    backend.add_penalty(kernel, 0.0, 1e-4, backend.empty((1,), np.float64), kernel)
    backend.constrain_norm(kernel, (0, 1, 2, 3), 0.0, 2.0, 1.0)


def _pooling(size: int, backend: CudaBackend) -> None:
    """Windows that a thread takes alone, or that threads share."""
    spec = MaxPoolingSpec(T, B, H, W, F, (1, size, size), (1, size, size))
    rows = averages(H, size, size, "valid")
    x, y = backend.empty(spec.x_shape), backend.empty(spec.y_shape)
    for op in (backend.max_pooling(spec), backend.resampling(ResamplingSpec(B, F, repeats(T, 1), rows, rows))):
        op.forward(x)
        op.backward(y)


def compile_all(
    architectures: Sequence[str], precisions: Sequence[str], workers: int = 2, tool: str | None = None
) -> list[Row]:
    """Compile everything that a large device of each architecture runs; count instructions with nvdisasm, if given.

    Programs that do not depend on the precision are compiled once and carry "any". Raises CompileError.
    """
    jobs: dict[tuple[str, str], tuple[str, SeedProgram]] = {}
    for precision in precisions:
        for architecture in architectures:
            for program in seed_programs(precision, DEVICES[architecture]):
                key = (program.source.text, architecture)
                jobs[key] = ("any" if key in jobs else precision, program)

    def rows(precision: str, program: SeedProgram, architecture: str) -> list[Row]:
        cubin = compile_cubin(program.source, architecture)
        mix = {} if tool is None else instruction_mix(cubin.image, tool)
        return [
            Row(program.name, kernel, precision, architecture, cubin.resources[kernel], shared_bytes, mix.get(kernel))
            for kernel, shared_bytes in program.shared_bytes.items()
        ]

    with ThreadPoolExecutor(workers) as pool:
        pending = [
            pool.submit(rows, precision, program, architecture)
            for (_, architecture), (precision, program) in jobs.items()
        ]
        return [row for job in pending for row in job.result()]


def table(rows: Sequence[Row]) -> Iterator[str]:
    """Lines: per kernel its shared memory, and on each architecture that runs it registers / stack / spilt bytes."""
    architectures = list(dict.fromkeys(row.architecture for row in rows))
    head = f"{'program':43}{'kernel':36}{'precision':11}{'shared':>7}"
    yield head + "".join(f"{'sm_' + name:>15}" for name in architectures)
    cells: dict[tuple[str, str, str, int], dict[str, str]] = {}
    for row in rows:
        key, taken = (row.program, row.kernel, row.precision, row.shared_bytes), row.resources
        cells.setdefault(key, {})[row.architecture] = f"{taken.registers} / {taken.stack_bytes} / {row.spills}"
    for (program, kernel, precision, shared), by_architecture in cells.items():
        start = f"{program:43}{kernel:36}{precision:11}{shared:>7}"
        yield start + "".join(f"{by_architecture.get(name, '-'):>15}" for name in architectures)


def mix_table(rows: Sequence[Row]) -> Iterator[str]:
    """Lines: per kernel and architecture its instructions by class."""
    columns = (*CLASSES, "other")
    head = f"{'program':43}{'kernel':36}{'precision':11}{'sm_':5}"
    yield head + "".join(f"{name:>9}" for name in columns)
    for row in rows:
        if row.instructions is not None:
            start = f"{row.program:43}{row.kernel:36}{row.precision:11}{row.architecture:5}"
            yield start + "".join(f"{row.instructions.get(name, 0):>9}" for name in columns)


def main(argv: list[str]) -> int:
    """The command; returns the exit status: 1 when a kernel spills."""
    parser = Parser(prog="python -m bench cubin", description=__doc__)
    parser.add_argument(
        "--architectures",
        nargs="+",
        default=list(ARCHITECTURES),
        choices=ARCHITECTURES,
        help="such as 80 90a (default: all)",
    )
    parser.add_argument("--precisions", nargs="+", default=list(PRECISIONS), choices=PRECISIONS, help="default: all")
    parser.add_argument("--workers", type=int, default=2, help="compilations at a time (default 2)")
    parser.add_argument("--mix", action="store_true", help="count instructions too; needs nvdisasm")
    arguments = parser.parse_args(argv)
    tool = disassembler() if arguments.mix else None
    if arguments.mix and tool is None:
        parser.error("--mix: expected nvdisasm, of a CUDA toolkit or the wheel nvidia-cuda-nvdisasm, found none")
    start = time.perf_counter()
    try:
        rows = compile_all(arguments.architectures, arguments.precisions, arguments.workers, tool)
        version = nvrtc_version()
    except (CompileError, RuntimeError) as error:
        print(f"bench cubin: {error}", file=sys.stderr)
        return 2
    print(f"NVRTC {version}; shared memory of a block in bytes; registers of a thread / bytes of stack / bytes spilt")
    print("\n".join(table(rows)))
    if tool is not None:
        print("\n".join(["", "instructions, each counted once", *mix_table(rows)]))
    spilling = sorted({f"{row.program}: {row.kernel}" for row in rows if row.spills})
    print(
        f"{len(rows)} kernels in {time.perf_counter() - start:.0f} s; "
        + (f"spills in {spilling}" if spilling else "no spills")
    )
    RESULTS.parent.mkdir(exist_ok=True)
    lines = ",\n".join(json.dumps(asdict(row)) for row in rows)
    RESULTS.write_text(f'{{"nvrtc": "{version}", "rows": [\n{lines}\n]}}\n', encoding="utf-8")
    return int(bool(spilling))
