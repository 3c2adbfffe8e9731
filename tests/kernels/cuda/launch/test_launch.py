"""The door to kernel launches refuses what CUDA would take and get wrong, before anything runs."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kernels.cuda.launch.launch import CompileError, Kernel, OutOfDeviceMemory, Program
from kernels.cuda.launch.source import load_source, parse_source
from kernels.cuda.simulator.runtime import SimRuntime

SCALE = """
extern "C" __global__ void scale(const float* x, float* y, const float* offset, int n, float factor) {
    const int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < n) y[i] = factor * x[i] + (offset == nullptr ? 0.0f : offset[i]);
}
"""


@pytest.fixture
def runtime() -> SimRuntime:
    return SimRuntime(sm_count=2, blocks_per_sm=3, memory_bytes=1 << 20, shared_bytes_per_block=4096)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "scale.cu").write_text(SCALE)
    return tmp_path


@pytest.fixture
def kernel(runtime: SimRuntime, folder: Path) -> Kernel:
    return scale(runtime, folder)


def scale(runtime: SimRuntime, folder: Path) -> Kernel:
    return Program(runtime, "scale.cu", {}, folder).kernel("scale", {"x": (2, 50), "y": 100, "offset": 100}, ["offset"])


def arguments(runtime: SimRuntime, **changed: Any) -> dict[str, Any]:
    x = runtime.from_host(np.arange(100), np.float32)
    return {"x": x, "y": runtime.zeros((100,), np.float32), "offset": None, "n": 100, "factor": 2.0} | changed


def test_launch_computes(runtime: SimRuntime, kernel: Kernel) -> None:
    given = arguments(runtime)
    kernel((4,), (32,), **given)
    np.testing.assert_array_equal(given["y"], 2 * np.arange(100))
    kernel((4,), (32,), **(given | {"offset": given["x"]}))
    np.testing.assert_array_equal(given["y"], 3 * np.arange(100))


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"x": np.zeros(100)}, r"scale: x: expected dtype float32, got dtype float64"),
        ({"x": np.zeros(200, np.float32)[::2]}, r"scale: x: expected a C-contiguous array, got shape \(100,\)"),
        ({"x": np.zeros((10, 10), np.float32).T}, r"scale: x: expected a C-contiguous array"),
        ({"y": np.zeros(99, np.float32)}, r"scale: y: expected 100 elements, got 99, shape \(99,\)"),
        ({"y": [0.0] * 100}, r"scale: y: expected an array of simulator.*, got list"),
        ({"x": None}, r"scale: x: expected an array, got None"),
        ({"n": 2**31}, r"scale: n: expected a whole number that fits int32, got 2147483648"),
        ({"n": 99.5}, r"scale: n: expected a whole number that fits int32, got 99.5"),
        ({"n": True}, r"scale: n: expected a number \(int32\), got True"),
        ({"factor": np.zeros(2)}, r"scale: factor: expected a number \(float32\)"),
        ({"frames": 3}, r"scale: arguments: expected only .*, got \['frames'\]"),
    ],
)
def test_wrong_argument_is_refused_by_name(
    runtime: SimRuntime, kernel: Kernel, changed: dict[str, Any], message: str
) -> None:
    given = arguments(runtime, **changed)
    with pytest.raises(ValueError, match=message):
        kernel((4,), (32,), **given)
    if isinstance(given["y"], np.ndarray):
        assert not given["y"].any()


def test_missing_argument_is_refused(runtime: SimRuntime, kernel: Kernel) -> None:
    given = arguments(runtime)
    del given["factor"]
    with pytest.raises(ValueError, match="scale: factor: expected a value, got nothing"):
        kernel((4,), (32,), **given)


@pytest.mark.parametrize(
    ("grid", "block", "options", "message"),
    [
        ((4,), (1025,), {}, r"block: expected at most 1024 threads, 64 of them in z, got \(1025, 1, 1\)"),
        ((4,), (1, 1, 65), {}, r"block: expected at most 1024 threads, 64 of them in z"),
        ((1, 65536), (32,), {}, r"grid: expected at most \(2147483647, 65535, 65535\), got \(1, 65536, 1\)"),
        ((0,), (32,), {}, r"grid: expected one to three whole numbers of at least 1, got \(0,\)"),
        ((4,), (32, 1, 1, 1), {}, r"block: expected one to three whole numbers"),
        ((4,), (32,), {"shared_bytes": 4097}, r"shared_bytes: expected 0 to 4096 on this device, got 4097"),
        ((4,), (32,), {"shared_bytes": -1}, r"shared_bytes: expected 0 to 4096 on this device, got -1"),
        ((7,), (32,), {"cooperative": True}, r"grid: expected at most 6 blocks .* cooperative launch, got 7"),
    ],
)
def test_launch_beyond_the_device_is_refused(
    runtime: SimRuntime,
    kernel: Kernel,
    grid: tuple[int, ...],
    block: tuple[int, ...],
    options: dict[str, Any],
    message: str,
) -> None:
    given = arguments(runtime)
    with pytest.raises(ValueError, match=f"scale: {message}"):
        kernel(grid, block, **options, **given)
    assert not given["y"].any()


def test_sizes_name_every_array(runtime: SimRuntime, folder: Path) -> None:
    program = Program(runtime, "scale.cu", {}, folder)
    with pytest.raises(ValueError, match=r"scale: sizes: expected one entry for each of \['offset', 'x', 'y'\]"):
        program.kernel("scale", {"x": 1, "y": 1})
    with pytest.raises(ValueError, match=r"name: expected a kernel of scale.cu \['scale'\], got 'scales'"):
        program.kernel("scales", {})


def test_compile_error_shows_file_line_and_text(runtime: SimRuntime, folder: Path) -> None:
    (folder / "scale.cu").write_text(SCALE.replace("factor *", "faktor *"))
    kernel = scale(runtime, folder)
    with pytest.raises(CompileError, match=r"scale\.cu:4.*faktor(.|\n)*y\[i\] = faktor \* x\[i\]"):
        kernel((4,), (32,), **arguments(runtime))


def test_a_changed_constant_or_include_is_compiled_anew(runtime: SimRuntime, folder: Path) -> None:
    (folder / "offset.cuh").write_text("#pragma once\n#define OFFSET 1.0f\n")
    (folder / "add.cu").write_text(
        '#include "offset.cuh"\n#include "offset.cuh"\n'
        'extern "C" __global__ void add(float* y) { y[threadIdx.x] += SCALE * OFFSET; }\n'
    )
    y = runtime.zeros((8,), np.float32)
    for scale, offset in ((2.0, "1.0f"), (3.0, "1.0f"), (3.0, "10.0f")):
        (folder / "offset.cuh").write_text(f"#pragma once\n#define OFFSET {offset}\n")
        Program(runtime, "add.cu", {"SCALE": scale}, folder).kernel("add", {"y": 8})((1,), (8,), y=y)
    np.testing.assert_array_equal(y, np.full(8, 2 + 3 + 30))


def test_out_of_memory_says_what_and_how(runtime: SimRuntime) -> None:
    held = runtime.empty((100_000,), np.float32)
    with pytest.raises(OutOfDeviceMemory, match=r"2\.0 MiB asked for, 0\.6 MiB of 1\.0 MiB free; lower the batch size"):
        runtime.empty((524_288,), np.float32)
    del held
    assert runtime.memory() == (1 << 20, 1 << 20)


def test_graph_replays_launches_and_copies_in_order(runtime: SimRuntime, kernel: Kernel) -> None:
    given = arguments(runtime)

    def body() -> None:
        kernel((4,), (32,), **given)
        runtime.copy(given["x"], given["y"])

    graph = runtime.capture(body)
    assert not given["y"].any()
    for _ in range(3):
        graph.replay()
    np.testing.assert_array_equal(given["y"], 8 * np.arange(100))


@pytest.mark.parametrize("what", ["empty", "from_host", "to_host", "synchronize", "capture"])
def test_what_a_graph_cannot_hold_is_refused(runtime: SimRuntime, what: str) -> None:
    x = runtime.zeros((4,), np.float32)
    calls = {
        "empty": lambda: runtime.empty((4,), np.float32),
        "from_host": lambda: runtime.from_host(np.zeros(4), np.float32),
        "to_host": lambda: runtime.to_host(x),
        "synchronize": runtime.synchronize,
        "capture": lambda: runtime.capture(lambda: None),
    }
    with pytest.raises(RuntimeError, match="cannot be captured in a graph"):
        runtime.capture(calls[what])
    assert runtime.to_host(runtime.zeros((1,), np.float32)) == 0  # and the runtime works on


def test_source_reads_parameters_off_the_text() -> None:
    source = parse_source(
        "p.cu",
        'extern "C" __global__ void __launch_bounds__(128, (1 + 1)) f(const float* __restrict__ x,  // input\n'
        "    float *y, unsigned int* flags, const int n, long long big, double p) {}\n"
        'extern "C" __global__ void g() {}',
    )
    assert [(p.name, p.dtype, p.is_array, p.is_const) for p in source.kernels["f"]] == [
        ("x", "float32", True, True),
        ("y", "float32", True, False),
        ("flags", "uint32", True, False),
        ("n", "int32", False, True),
        ("big", "int64", False, False),
        ("p", "float64", False, False),
    ]
    assert source.kernels["g"] == ()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("#include <cuda.h>\n", r"bad\.cu:1 includes <cuda\.h>"),
        ('#include "nowhere.cuh"\n', "nowhere.cuh is not a file of"),
        ("__global__ void f(float* x) {}", "bad.cu holds no kernel of the form"),
        ('extern "C" __global__ void f(short* x) {}', "f has parameter x of type short; expected one of float"),
        ('extern "C" __global__ void f(float x[3]) {}', r"f has a parameter that is not understood: 'float x\[3\]'"),
    ],
)
def test_source_that_breaks_the_rules_is_refused(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "bad.cu").write_text(text)
    with pytest.raises(ValueError, match=message):
        load_source("bad.cu", {}, tmp_path)


def test_constants_keep_their_value_and_type(runtime: SimRuntime, tmp_path: Path) -> None:
    (tmp_path / "c.cu").write_text(
        'extern "C" __global__ void f(double* y) {\n'
        '    static_assert(sizeof(REAL) == 4 && sizeof(WHOLE) == 4, "types");\n'
        "    y[0] = REAL; y[1] = TINY; y[2] = ROUND; y[3] = 1-WHOLE; y[4] = FLAG; y[5] = NAME;\n}\n"
    )
    defines = {"REAL": 0.1, "TINY": 1e-7, "ROUND": 3.0, "WHOLE": -5, "FLAG": True, "NAME": "(2 + 2)"}
    y = runtime.zeros((6,), np.float64)
    Program(runtime, "c.cu", defines, tmp_path).kernel("f", {"y": 6})((1,), (1,), y=y)
    np.testing.assert_array_equal(y, [np.float32(0.1), np.float32(1e-7), 3, 6, 1, 4])
