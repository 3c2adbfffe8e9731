"""CupyRuntime's own logic, over a stand-in for CuPy; tests/gpu has what needs a device."""

import importlib
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kernels.cuda.launch.launch import CompileError, OutOfDeviceMemory
from kernels.cuda.launch.nvrtc import Cubin, compile_cubin
from kernels.cuda.launch.source import Source, parse_source
from tests.kernels.cuda.launch import fake_cupy

SOURCE = 'extern "C" __global__ void fill(float* y, const float* x, int n) { if (threadIdx.x < n) y[threadIdx.x] = n; }'


@pytest.fixture
def runtime(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    for name, module in fake_cupy.modules().items():
        monkeypatch.setitem(sys.modules, name, module)
    monkeypatch.setenv("CONVLSTM_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.delitem(sys.modules, "kernels.cuda.launch.runtime", raising=False)
    module = importlib.import_module("kernels.cuda.launch.runtime")
    yield module.CupyRuntime(0)
    sys.modules.pop("kernels.cuda.launch.runtime", None)


def fill(runtime: Any, text: str = SOURCE) -> Any:
    """The kernel, compiled and loaded."""
    function = runtime.compile(parse_source("fill.cu", text))["fill"]
    function.load()
    return function


def test_device_is_described(runtime: Any) -> None:
    assert runtime.name == "cuda:0: Fake GPU, 2 SMs"
    assert (runtime.limits.sm_count, runtime.limits.shared_bytes_per_block) == (2, 232_448)
    with pytest.raises(ValueError, match="index: expected a CUDA device from 0 to 0, got 1"):
        type(runtime)(1)


def test_first_compilation_says_so_and_the_second_is_cached(
    runtime: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(runtime)
    assert capsys.readouterr().err.count("compiling fill.cu for sm_90") == 1
    assert [path.suffix for path in (tmp_path / "cache").iterdir()] == [".cubin"]
    monkeypatch.setattr(sys.modules["kernels.cuda.launch.runtime"], "compile_cubin", None)
    fill(type(runtime)(0))
    assert capsys.readouterr().err == ""


def test_the_cache_is_keyed_on_the_whole_text(runtime: Any, tmp_path: Path) -> None:
    for text in (SOURCE, SOURCE + "\n", SOURCE.replace("= n", "= n + 1")):
        fill(runtime, text)
    assert len(list((tmp_path / "cache").iterdir())) == 3


def test_the_same_text_is_compiled_once_and_programs_side_by_side(
    runtime: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    module, meet, texts = sys.modules["kernels.cuda.launch.runtime"], threading.Barrier(2, timeout=60), []

    def compile_with_another(source: Source, architecture: str) -> Cubin:
        texts.append(source.text)
        meet.wait()
        return compile_cubin(source, architecture)

    monkeypatch.setattr(module, "compile_cubin", compile_with_another)
    monkeypatch.setattr(runtime, "_compilers", ThreadPoolExecutor(2))
    programs = [parse_source("fill.cu", text) for text in (SOURCE, SOURCE, SOURCE + "\n")]
    functions = [runtime.compile(program)["fill"] for program in programs]
    for function in functions:
        function.load()
    assert sorted(texts) == sorted({program.text for program in programs})


def test_a_compile_error_comes_with_the_first_use(runtime: Any) -> None:
    function = runtime.compile(parse_source("fill.cu", SOURCE.replace("= n;", "= nothing;")))["fill"]
    for _ in range(2):
        with pytest.raises(CompileError, match="nothing"):
            function.blocks_per_sm(32, 0)


def test_what_is_captured_was_loaded_before(runtime: Any) -> None:
    function, seen = runtime.compile(parse_source("fill.cu", SOURCE))["fill"], []
    runtime.capture(lambda: seen.append("_kernels" in vars(function)))
    assert seen == [True]


def test_null_arrays_and_shared_memory_reach_the_kernel(runtime: Any) -> None:
    function, y = fill(runtime), runtime.zeros((4,), np.float32)
    for shared_bytes in (0, 100_000, 60_000, 120_000):
        function.launch((1, 1, 1), (32, 1, 1), [y, None, np.int32(4)], shared_bytes, False)
    launches = function._kernels[False].launches
    assert [launch[3] for launch in launches] == [0, 100_000, 60_000, 120_000]
    assert launches[0][2][1] == 0
    assert launches[0][2][1].dtype == np.uint64
    assert function.blocks_per_sm(128, 200_000) == 16
    assert function.registers() == (32, 0)


def test_a_shrunk_cooperative_grid_is_an_error(runtime: Any) -> None:
    function, y = fill(runtime), runtime.zeros((4,), np.float32)
    function.launch((2, 1, 1), (32, 1, 1), [y, None, np.int32(4)], 0, True)
    with pytest.raises(UserWarning, match="reduced from 3 to 2"):
        function.launch((3, 1, 1), (32, 1, 1), [y, None, np.int32(4)], 0, True)
    assert len(function._kernels[True].launches) == 1


def test_arrays_go_to_the_device_and_back(runtime: Any) -> None:
    host = np.arange(6.0).reshape(2, 3)
    x = runtime.from_host(host.T[::-1], np.float32)
    np.testing.assert_array_equal(runtime.to_host(x), host.T[::-1])
    assert x.dtype == np.float32
    y = runtime.empty((3, 2), np.float32)
    runtime.copy(y, x)
    later = runtime.read_later(y)
    np.testing.assert_array_equal(later(), host.T[::-1])
    integers = runtime.zeros((3, 2), np.int64)
    runtime.copy(integers, x)
    np.testing.assert_array_equal(runtime.to_host(integers), host.T[::-1])
    with pytest.raises(ValueError, match=r"source: expected shape \(3, 2\), got \(2, 3\)"):
        runtime.copy(y, host)


def test_out_of_memory_says_what_and_how(runtime: Any) -> None:
    with pytest.raises(OutOfDeviceMemory, match=r"8\.0 MiB asked for, 1\.0 MiB of 2\.0 MiB free; lower the batch size"):
        runtime.empty((1 << 21,), np.float32)


def test_graph_is_recorded_once_and_replayed(runtime: Any) -> None:
    function, y = fill(runtime), runtime.zeros((4,), np.float32)
    graph = runtime.capture(lambda: function.launch((1, 1, 1), (32, 1, 1), [y, None, np.int32(4)], 0, False))
    assert function._kernels[False].launches == []
    graph.replay()
    graph.replay()
    assert len(function._kernels[False].launches) == 2


def test_a_capture_that_fails_ends_the_capture(runtime: Any) -> None:
    with pytest.raises(ZeroDivisionError):
        runtime.capture(lambda: 1 / 0)
    runtime.synchronize()
