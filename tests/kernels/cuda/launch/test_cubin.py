"""The compiler's word on the CUDA kernels, with no GPU: everything compiles everywhere, fits, and spills nothing."""

from pathlib import Path

import pytest

from bench.cubin import Row, compile_all
from kernels.cuda.backend import PRECISIONS, CudaBackend
from kernels.cuda.launch.dry_runtime import DryRuntime
from kernels.cuda.launch.launch import CompileError
from kernels.cuda.launch.nvrtc import compile_cubin, parse_resources
from kernels.cuda.launch.source import load_source, parse_source
from kernels.specs import ConvLSTMSpec

ARCHITECTURES = ("80", "90a", "120")
"""The oldest, the one that is optimised for, the newest; `python -m bench cubin` compiles for more."""

SHARED_LIMITS = {"80": 166_912, "90a": 232_448, "120": 101_376}
"""Dynamic shared memory that one block may opt in to (CUDA C++ Programming Guide, compute capabilities)."""

TENSOR_CORES = ("tf32", "bfloat16")

REGISTERS_OF_SM = 65_536


@pytest.fixture(scope="module")
def rows() -> list[Row]:
    return compile_all(ARCHITECTURES, PRECISIONS)


def test_every_kernel_compiles_for_every_architecture(rows: list[Row]) -> None:
    everywhere = [row for row in rows if not row.program.startswith(("persistent", "windowed", "warpgroup"))]
    seen = {(row.program, row.kernel, row.precision) for row in everywhere}
    assert len(everywhere) == len(seen) * len(ARCHITECTURES)
    assert {row.program for row in rows} >= {
        "conv_lstm 1->40",
        "conv_lstm 40->40",
        "batch_norm 40",
        "conv3d_few_outputs 40->1",
        "few_inputs 1->40",
        "conv3d_gathered any",
    }
    assert {row.precision for row in rows} == {"any", *PRECISIONS}


def test_recurrences_in_one_launch_compile_where_they_fit(rows: list[Row]) -> None:
    """The example's, with 16,000 pixels and float32 weights of 230 KB: on 126 multiprocessors with 227 KiB each."""
    names = ("persistent_forward", "persistent_backward")
    found = {(row.kernel, row.precision) for row in rows if row.kernel in names and row.architecture == "90a"}
    assert found == {(name, precision) for name in names for precision in PRECISIONS}


def test_windows_compile_where_they_cost_less(rows: list[Row]) -> None:
    """The example's on tensor cores, but for the products that read its one input channel. With warpgroup products they
    are compiled as well, whatever they cost.
    """
    names = ("input_forward", "input_backward", "kernel_gradient", "recurrent_gradient")
    expected = {(f"windowed_{name}", precision) for name in names for precision in TENSOR_CORES}
    for architecture in ARCHITECTURES:
        here = [row for row in rows if row.architecture == architecture]
        assert {(row.kernel, row.precision) for row in here if row.program.endswith(" 40->40")} >= expected
        first = {row.kernel for row in here if row.program.endswith(" 1->40")}
        assert architecture == "90a" or not first & {"windowed_input_forward", "windowed_kernel_gradient"}


def test_warpgroups_compile_on_hopper(rows: list[Row]) -> None:
    found = {
        (f"{row.kernel} {row.program.partition(' ')[2]}", row.architecture)
        for row in rows
        if row.program.startswith("warpgroup")
    }
    names = [f"{name}_gradient_{suffix}" for name in ("kernel", "recurrent") for suffix in ("tf32", "bf16")]
    assert found == {(f"warpgroup_{name} 40->40", "90a") for name in names}


def test_no_kernel_spills(rows: list[Row]) -> None:
    assert [(row.program, row.kernel, row.precision, row.architecture, row.spills) for row in rows if row.spills] == []


@pytest.mark.parametrize("precision", TENSOR_CORES)
def test_a_recurrence_with_more_states_spills_little(precision: str) -> None:
    """What a tile of twice the rows spilt, 2.3 KB, would be read and written at every step."""
    runtime = DryRuntime()
    spec = ConvLSTMSpec(T=10, B=8, H=64, W=64, C=32, F=32, kh=3, kw=3)
    CudaBackend(precision=precision, runtime=runtime).conv_lstm(spec)
    (source,) = (source for source, _ in runtime.programs.values() if source.name == "persistent_backward.cu")
    resources = compile_cubin(source, "90a").resources["persistent_backward"]
    assert resources.spill_store_bytes + resources.spill_load_bytes < 200


def test_no_kernel_keeps_arrays_in_local_memory(rows: list[Row]) -> None:
    assert [(row.program, row.kernel, row.architecture) for row in rows if row.resources.stack_bytes] == []


def test_shared_memory_fits_every_architecture(rows: list[Row]) -> None:
    too_large = [
        (row.program, row.kernel, row.architecture, row.shared_bytes)
        for row in rows
        if row.shared_bytes + row.resources.shared_bytes > SHARED_LIMITS[row.architecture]
    ]
    assert too_large == []


@pytest.mark.parametrize("architecture", ARCHITECTURES)
@pytest.mark.parametrize("name", ["emulation.cu", "faults_memory.cu", "faults_waiting.cu"])
def test_the_simulator_runs_what_the_compiler_takes(name: str, architecture: str) -> None:
    source = load_source(name, {"FAULT": False}, Path(__file__).parents[1] / "simulator")
    assert set(compile_cubin(source, architecture).resources) == set(source.kernels)


def test_a_spilling_kernel_is_seen() -> None:
    values = "\n".join(f"    float v{i} = x[{i}] * x[{i + 1}];" for i in range(200))
    total = " + ".join(f"v{i} * v{199 - i}" for i in range(200))
    text = (
        'extern "C" __global__ void __launch_bounds__(1024) crowded(volatile const float* x, float* y) {\n'
        f"{values}\n    __syncthreads();\n    y[threadIdx.x] = {total};\n}}\n"
    )
    resources = compile_cubin(parse_source("crowded.cu", text), "90").resources["crowded"]
    assert resources.registers <= REGISTERS_OF_SM // 1024
    assert resources.spill_store_bytes > 0
    assert resources.spill_load_bytes > 0


def test_compile_error_shows_the_line() -> None:
    source = parse_source(
        "wrong.cu", '#line 1 "wrong.cu"\nextern "C" __global__ void f(float* x) {\n    x[0] = nothing;\n}'
    )
    with pytest.raises(CompileError, match=r"wrong\.cu\(2\): error: identifier \"nothing\"(.|\n)*x\[0\] = nothing;"):
        compile_cubin(source, "90")


def test_log_that_is_not_from_ptxas_is_refused() -> None:
    with pytest.raises(ValueError, match="log: expected the output of ptxas"):
        dict(parse_resources("Compiling entry function 'f' for 'sm_90'"))
