"""Part (c): what each kernel of a training step takes, beside what this chip copies and multiplies.

Each precision is a process of its own (step_times.py): what fails on a device, or hangs, ends with it.
"""

import json
import sys
from functools import partial

import numpy as np

from bench.cuda.device import Device
from bench.cuda.part import Part, run_limited
from bench.cuda.sizes import Sizes, sizes
from bench.cuda.step_times import repeated_seconds

MATMUL_SECONDS = 40.0
"""At most, for the matrix product: PyTorch is imported for the first time."""

ORDER = ("bfloat16", "tf32", "float32")


def main() -> None:
    """Measure the chip, then the kernels in each precision."""
    part = Part.from_command_line()
    chosen = sizes(part.rehearse)
    matmul_rates(part, chosen)
    copy_rate(part, Device(part.rehearse), chosen.copy_bytes)
    for number, precision in enumerate(ORDER):
        command = [sys.executable, "-m", "bench.cuda.step_times", "--precision", precision, *part.arguments()]
        part.failure(f"kernel times in {precision}", run_limited(command, part.left / (len(ORDER) - number)))


def copy_rate(part: Part, device: Device, n_bytes: int) -> None:
    """TB/s, read and written, of a copy from device memory to device memory."""
    runtime = device.runtime
    source, target = runtime.zeros((n_bytes,), np.uint8), runtime.zeros((n_bytes,), np.uint8)
    seconds = repeated_seconds(device, partial(runtime.copy, target, source))
    part.record("rate", name="copy", unit="TB/s", value=2 * n_bytes / seconds / 1e12)
    del source, target
    device.give_back()


def matmul_rates(part: Part, chosen: Sizes) -> None:
    """TFLOP/s of a large matrix product through PyTorch, in a process of its own."""
    command = [part.peer_python, "-m", "bench.peers.torch_matmul", str(chosen.matmul), str(chosen.seconds)]
    ended = run_limited([*command, *(["cpu"] if part.rehearse else [])], min(MATMUL_SECONDS, 0.6 * part.left))
    part.failure("matrix product's rate", ended, ours=False)
    if ended.status == 0:
        for precision, value in json.loads(ended.output.splitlines()[-1]).items():
            part.record("rate", name=precision, unit="TFLOP/s", value=value)


if __name__ == "__main__":
    main()
