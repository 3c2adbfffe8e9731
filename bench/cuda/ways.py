"""The work of one ConvLSTM layer, timed in every way the back end knows: recurrences in one launch or one a frame,
products with windows in shared memory or gathered.
"""

from typing import Any

import numpy as np

from bench.cuda.launches import Launch, Recorder
from bench.cuda.part import Part
from bench.peers.work import Work
from kernels.cuda import CudaBackend
from kernels.cuda.launch import Runtime
from kernels.cuda.persistent import Recurrence
from kernels.cuda.product_tiles import Products
from kernels.specs import ConvLSTMSpec

WORK = {
    "input convolution": ("input_forward", "windowed_input_forward"),
    "recurrence": ("step_forward", "windowed_step_forward", "persistent_forward"),
    "recurrence, backward": ("step_backward", "windowed_step_backward", "persistent_backward"),
    "gradient of the input": ("input_backward", "windowed_input_backward"),
    "gradient of the kernel": ("kernel_gradient", "windowed_kernel_gradient"),
    "gradient of the recurrent kernel": ("recurrent_gradient", "windowed_recurrent_gradient"),
}
"""The kernels that do it, one way or the other."""

WAYS: tuple[tuple[Recurrence, Products], ...] = (
    ("persistent", "windows"),
    ("steps", "windows"),
    ("steps", "gathered"),
)


def record_ways(part: Part, runtime: Runtime, work: Work, precision: str, measure: Any) -> None:
    """One record for each way and piece of work in the last layer of `work`; measure: a group of launches -> fields."""
    for recurrence, products in WAYS:
        way = {"precision": precision, "recurrence": recurrence, "products": products}
        try:
            launches = launches_of_layer(runtime, work, precision, recurrence, products)
        except ValueError as error:
            part.record("way", **way, error=str(error)[:200])
            continue
        for name, kernels in WORK.items():
            group = [launch for launch in launches if launch.kernel in kernels]
            part.record("way", **way, work=name, **measure(group))


def launches_of_layer(
    runtime: Runtime, work: Work, precision: str, recurrence: Recurrence, products: Products
) -> list[Launch]:
    """What a forward and a backward pass of the layer launch. Raises ValueError where the way does not fit."""
    recorder = Recorder()
    filters, kernel = work.filters[-1], work.kernels[-1]
    spec = ConvLSTMSpec(work.frames, work.batch, work.height, work.width, filters, filters, kernel, kernel)
    generator = np.random.default_rng(0)
    with recorder.on(runtime):
        backend = CudaBackend(precision=precision, runtime=runtime, recurrence=recurrence, products=products)
        plan = backend.conv_lstm_plan(spec)

    def random(*shape: int) -> Any:
        return backend.from_host(0.1 * generator.standard_normal(shape))

    x, dh = (random(spec.T, spec.B, spec.H, spec.W, filters) for _ in range(2))
    weights, recurrent = (random(kernel, kernel, filters, 4 * filters) for _ in range(2))
    bias = random(4 * filters)
    outputs = (backend.empty(weights.shape), backend.empty(weights.shape), backend.empty(bias.shape))
    recorder.recording = True
    backend.conv_lstm_forward(plan, x, weights, recurrent, bias)
    plan.backward(dh, x, weights, recurrent, *outputs, h0=None, c0=None, need_dx=True, need_dstate=False)
    return recorder.launches
