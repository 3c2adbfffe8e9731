"""The recurrence of one ConvLSTM layer, timed both ways: all frames in one launch, and one launch a frame."""

from typing import Any, get_args

import numpy as np

from bench.cuda.launches import Launch, Recorder
from bench.cuda.part import Part
from bench.peers.work import Work
from kernels.cuda import CudaBackend
from kernels.cuda.launch import Runtime
from kernels.cuda.persistent import Recurrence
from kernels.specs import ConvLSTMSpec

DIRECTIONS = {
    "step_forward": "forward",
    "persistent_forward": "forward",
    "step_backward": "backward",
    "persistent_backward": "backward",
}
"""The kernels of a recurrence; the products over all frames are the same for both ways."""

FORCED: tuple[Recurrence, ...] = tuple(name for name in get_args(Recurrence) if name != "auto")


def record_recurrences(part: Part, runtime: Runtime, work: Work, precision: str, measure: Any) -> None:
    """One record for each way and direction in the last layer of `work`; measure: a group of launches -> fields."""
    for recurrence in FORCED:
        try:
            launches = recurrent_launches(runtime, work, precision, recurrence)
        except ValueError as error:
            part.record("recurrence", precision=precision, recurrence=recurrence, error=str(error)[:200])
            continue
        for direction in ("forward", "backward"):
            group = [launch for launch in launches if DIRECTIONS.get(launch.kernel) == direction]
            part.record("recurrence", precision=precision, recurrence=recurrence, direction=direction, **measure(group))


def recurrent_launches(runtime: Runtime, work: Work, precision: str, recurrence: Recurrence) -> list[Launch]:
    """What a forward and a backward pass of the layer launch. Raises ValueError where the recurrence does not fit."""
    recorder = Recorder()
    filters, kernel = work.filters[-1], work.kernels[-1]
    spec = ConvLSTMSpec(work.frames, work.batch, work.height, work.width, filters, filters, kernel, kernel)
    generator = np.random.default_rng(0)
    with recorder.on(runtime):
        backend = CudaBackend(precision=precision, runtime=runtime, recurrence=recurrence)
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
