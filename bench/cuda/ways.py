"""The work of one ConvLSTM layer and of the head, timed in every way the back end knows.

Recurrences in one launch or one a frame; products that read a pixel once, or gather it for each tap.
"""

from typing import Any

import numpy as np

from bench.cuda.launches import Launch, Recorder
from bench.cuda.part import Part
from bench.peers.work import HEAD_KERNEL, Work
from kernels.cuda import CudaBackend
from kernels.cuda.conv_lstm.persistent import Recurrence
from kernels.cuda.launch.launch import Runtime
from kernels.cuda.products.strategy import Products
from kernels.specs import Conv3DSpec, ConvLSTMSpec

WORK = {
    "input convolution": ("input_forward", "windowed_input_forward"),
    "recurrence": ("step_forward", "windowed_step_forward", "persistent_forward"),
    "recurrence, backward": ("step_backward", "windowed_step_backward", "persistent_backward"),
    "gradient of the input": ("input_backward", "windowed_input_backward"),
    "gradient of the kernel": (
        "kernel_gradient",
        "windowed_kernel_gradient",
        "warpgroup_kernel_gradient_bf16",
        "warpgroup_kernel_gradient_tf32",
    ),
    "gradient of the recurrent kernel": (
        "recurrent_gradient",
        "windowed_recurrent_gradient",
        "warpgroup_recurrent_gradient_bf16",
        "warpgroup_recurrent_gradient_tf32",
    ),
    "head": ("conv3d_forward", "tap_products", "sum_taps"),
    "gradient of the head": ("kernel_gradient", "sum_kernel_gradient", "bias_gradient", "sum_gradients"),
}
"""The kernels that do it, one way or the other."""

WAYS: tuple[tuple[Recurrence, Products], ...] = (
    ("auto", "auto"),
    ("persistent", "windows"),
    ("steps", "windows"),
    ("steps", "gathered"),
)


def record_ways(part: Part, runtime: Runtime, work: Work, precision: str, measure: Any) -> None:
    """One record for each way and piece of work of the last layer and head; measure: a group of launches -> fields."""
    for recurrence, products in WAYS:
        way = {"precision": precision, "recurrence": recurrence, "products": products}
        try:
            launches = launches_of(runtime, work, precision, recurrence, products)
        except ValueError as error:
            part.record("way", **way, error=str(error)[:200])
            continue
        for name, kernels in WORK.items():
            of_head = [
                launch for launch in launches if launch.source.name.startswith("conv3d") == name.endswith("head")
            ]
            group = [launch for launch in of_head if launch.kernel in kernels]
            part.record("way", **way, work=name, **measure(group))


def launches_of(
    runtime: Runtime, work: Work, precision: str, recurrence: Recurrence, products: Products
) -> list[Launch]:
    """What a forward and a backward pass of both layers launch. Raises ValueError where the way does not fit."""
    recorder = Recorder()
    filters, kernel = work.filters[-1], work.kernels[-1]
    spec = ConvLSTMSpec(work.frames, work.batch, work.height, work.width, filters, filters, kernel, kernel)
    generator = np.random.default_rng(0)
    with recorder.on(runtime):
        backend = CudaBackend(precision=precision, runtime=runtime, recurrence=recurrence, products=products)
        lstm = backend.conv_lstm(spec)
        head = backend.conv3d(Conv3DSpec(spec.T, spec.B, spec.H, spec.W, filters, 1, *HEAD_KERNEL))

    def random(*shape: int) -> Any:
        return backend.from_host(0.1 * generator.standard_normal(shape))

    x, dh = (random(spec.T, spec.B, spec.H, spec.W, filters) for _ in range(2))
    weights, recurrent = (random(kernel, kernel, filters, 4 * filters) for _ in range(2))
    bias = random(4 * filters)
    outputs = (backend.empty(weights.shape), backend.empty(weights.shape), backend.empty(bias.shape))
    head_weights, head_bias = random(*HEAD_KERNEL, filters, 1), random(1)
    recorder.recording = True
    lstm.forward(x, weights, recurrent, bias)
    lstm.backward(dh, x, weights, recurrent, *outputs, need_dstate=False)
    y = head.forward(x, head_weights, head_bias)
    head.backward(y, x, head_weights, head_weights, head_bias)
    return recorder.launches
