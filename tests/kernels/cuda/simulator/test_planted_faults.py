"""The simulator's own proof: each kind of fault is found and named, and its corrected twin runs."""

import re
from pathlib import Path

import numpy as np
import pytest

from kernels.cuda.launch.launch import Program, Runtime
from kernels.cuda.simulator.runtime import SimRuntime, SimulationError

FILES = [Path(__file__).with_name(f"faults_{name}.cu") for name in ("memory", "waiting", "persistent", "wgmma")]

MESSAGES = {
    "array_read_past_end": "out-of-bounds read of 4 bytes at byte 512 of array x, which has 512 bytes",
    "array_write_before_start": "out-of-bounds write of 4 bytes at byte -4 of array y",
    "array_read_far_past_end": "out-of-bounds read of 4 bytes at byte .* of array x",
    "atomic_past_end": "out-of-bounds atomic access of 4 bytes at byte 16 of array flags",
    "misaligned_vector": "misaligned access .* must be a multiple of 16",
    "null_array": "null pointer",
    "shared_write_past_end": "out-of-bounds write of 4 bytes at byte 1024 of shared memory, which has 1024 bytes",
    "shared_read_past_end": "out-of-bounds read of 4 bytes at byte .* of shared memory",
    "shared_uninitialised": "uninitialised shared memory",
    "shared_read_before_barrier": "race on shared memory",
    "shared_overwrite_before_barrier": "race on shared memory",
    "shared_two_writers": "race on shared memory",
    "shared_half_words": "race on shared memory",
    "warp_read_before_syncwarp": "race on shared memory",
    "array_race_in_block": "race on y",
    "array_race_between_blocks": "race on y",
    "barrier_in_branch": "divergence",
    "barrier_after_return": "divergence",
    "barriers_on_two_lines": "divergence",
    "shuffle_in_branch": "divergence in a warp",
    "shuffle_from_outside_mask": "reads lane 16 in a shuffle .* the mask 0x0000ffff leaves that lane out",
    "shuffle_with_foreign_mask": "with a mask that leaves itself out",
    "shuffle_against_barrier": "divergence in a warp",
    "mma_in_branch": "divergence in a warp",
    "copy_without_wait": "missing wait",
    "copy_waits_for_too_few": "missing wait",
    "copy_without_barrier": "race on shared memory",
    "copy_without_syncwarp": "race on shared memory.* reads it at faults_.* wrote it at faults_",
    "copy_past_end": "out-of-bounds read of 16 bytes at byte 512 of array x",
    "matrix_row_past_end": "out-of-bounds read of 16 bytes at byte 1024 of shared memory",
    "flag_never_raised": "deadlock",
    "flag_raised_before_barrier": "race on y",
    "flag_not_waited_for": "race on y",
    "flag_for_overwriting_missing": "race on y",
    "last_block_sums": "race on y",
    "raised_before_data": "race on y",
    "read_without_acquire": "race on y",
    "acquired_by_one_thread_only": "race on y",
    "waits_for_the_wrong_neighbour": "race on y",
    "waits_for_the_step_before": "race on y",
    "flags_of_an_earlier_launch": "race on y",
    "overwrites_what_neighbours_read": "race on y",
    "blocks_are_not_coresident": r"deadlock: .* ordinary launch may run one after another",
    "product_without_wait": "missing wait: .* returned with the wgmma",
    "product_without_commit": "missing wait: .* returned with the wgmma",
    "sums_changed_before_wait": r"missing wait: .* changed d\[0\]",
    "product_without_fence": "missing fence: .* no wgmma_fence",
    "product_without_proxy_fence": r"missing fence: .* thread \(70,0,0\) has not called fence_proxy_async",
    "product_of_copies_without_proxy_fence": "missing fence: .* has not called fence_proxy_async",
    "product_of_unwritten_memory": "uninitialised shared memory",
    "product_past_end": "out-of-bounds read of 16 bytes at byte 8192 of shared memory",
    "product_before_barrier": "race on shared memory",
    "product_overwritten_before_wait": "race on shared memory",
    "product_by_one_warp": "divergence in a warpgroup",
    "product_of_two_descriptors": "another descriptor than lane 0",
    "misaligned_descriptor": "misaligned matrix_descriptor",
    "named_barrier_missing": "race on shared memory",
    "named_barrier_of_half": "race on shared memory",
    "named_barrier_of_half_of_readers": "race on shared memory",
    "named_barrier_too_few": "deadlock: .* at named barrier 1, where 96 of 128 threads are",
    "named_barrier_in_branch": "divergence in a warp",
    "named_barrier_of_two_counts": "at named barrier 1 .* where other threads wait for",
    "named_barrier_of_half_warp": "not whole warps",
    "named_barrier_zero": "numbers are 1 to 15",
    "flag_behind_named_barriers": "race on y",
    "endless_loop": "has not ended after 0.2 s of processor time",
    "stack_overflow": "stack overflowed",
}
WITHOUT_LINE = {"endless_loop", "null_array", "product_by_one_warp", "stack_overflow"}
FOUND_UNCHECKED = [
    name
    for name, message in MESSAGES.items()
    if re.match("divergence|deadlock|reads|with|stack|null|has not|another|misaligned m|at named|n[ou]", message)
    or re.search("of the wgmma|with the wgmma|no wgmma_fence", message)
]


def file_of(kernel: str) -> Path:
    return next(path for path in FILES if f"void {kernel}(" in path.read_text(encoding="utf-8"))


def marked_lines(kernel: str) -> list[int]:
    """Lines of the kernel that end in the comment `!`."""
    lines = file_of(kernel).read_text(encoding="utf-8").splitlines()
    start = next(i for i, line in enumerate(lines) if f"void {kernel}(" in line)
    end = next(i for i in range(start, len(lines)) if lines[i] == "}")
    return [i + 1 for i in range(start, end) if lines[i].endswith("// !")]


def launch(runtime: Runtime, name: str, fault: bool) -> np.ndarray:
    path = file_of(name)
    program = Program(runtime, path.name, {"FAULT": fault}, path.parent)
    x = runtime.from_host(np.linspace(0, 1, 128), np.float32)
    if path.name == "faults_persistent.cu":
        kernel = program.kernel(name, sizes={"x": 128, "y": 512, "flags": 4})
        y, flags = runtime.zeros((4, 128), np.float32), runtime.from_host(np.full(4, 7), np.uint32)
        cooperative = not (fault and name == "blocks_are_not_coresident")
        kernel((4,), (32,), x=x, y=y, flags=flags, cooperative=cooperative)
    elif path.name == "faults_wgmma.cu":
        kernel = program.kernel(name, sizes={"x": 256, "y": 256, "flags": 4})
        x = runtime.from_host(np.linspace(0, 1, 256), np.float32)
        y, flags = runtime.zeros((256,), np.float32), runtime.zeros((4,), np.uint32)
        kernel((2,), (128,), x=x, y=y, flags=flags, shared_bytes=8192, cooperative=True)
    else:
        kernel = program.kernel(name, sizes={"x": 128, "y": 128, "flags": 4})
        y, flags = runtime.zeros((128,), np.float32), runtime.zeros((4,), np.uint32)
        kernel((2,), (64,), x=x, y=y, flags=flags, shared_bytes=1024, cooperative=name.startswith("flag"))
    return runtime.to_host(y)


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize("name", MESSAGES)
def test_fault_is_reported(name: str, seed: int) -> None:
    with pytest.raises(SimulationError) as caught:
        launch(SimRuntime(seed=seed, seconds=0.2), name, fault=True)
    message = str(caught.value)
    assert message.startswith(f"{name}: ")
    assert re.search(MESSAGES[name], message), message
    assert re.search(r"block \([0-3],0,0\) thread \(\d+,0,0\)", message), message
    if name not in WITHOUT_LINE:
        named = {int(line) for line in re.findall(rf"{file_of(name).name}:(\d+)", message)}
        assert named & set(marked_lines(name)), message


@pytest.mark.parametrize("name", FOUND_UNCHECKED)
def test_fault_is_reported_without_checking(name: str) -> None:
    with pytest.raises(SimulationError, match=MESSAGES[name]):
        launch(SimRuntime(checked=False, seconds=0.2), name, fault=True)


@pytest.mark.parametrize("checked", [True, False])
@pytest.mark.parametrize("name", MESSAGES)
def test_corrected_twin_runs(name: str, checked: bool) -> None:
    assert np.isfinite(launch(SimRuntime(checked=checked), name, fault=False)).all()


@pytest.mark.parametrize("seed", range(4))
def test_blocks_that_run_a_sequence_together_compute_it(seed: int) -> None:
    y = launch(SimRuntime(seed=seed), "waits_for_the_wrong_neighbour", fault=False)
    for t in range(3):
        np.testing.assert_array_equal(y[t + 1], np.roll(y[t], 1) + np.roll(y[t], -1))


def test_launches_go_on_after_a_fault() -> None:
    runtime = SimRuntime()
    for name in ("barrier_in_branch", "array_read_past_end", "stack_overflow"):
        with pytest.raises(SimulationError):
            launch(runtime, name, fault=True)
        launch(runtime, name, fault=False)


def test_a_forgotten_wait_computes_nan_without_checking() -> None:
    assert np.isnan(launch(SimRuntime(checked=False), "copy_without_wait", fault=True)).all()


def test_a_product_reads_shared_memory_as_late_as_its_wait() -> None:
    right, wrong = (
        launch(SimRuntime(checked=False), "product_overwritten_before_wait", fault=fault) for fault in (False, True)
    )
    assert (right == 8).all() and (wrong != 8).any()


def test_every_kernel_of_the_files_is_tested() -> None:
    text = "".join(path.read_text(encoding="utf-8") for path in FILES)
    assert set(re.findall(r"void (\w+)\(", text)) == set(MESSAGES)
