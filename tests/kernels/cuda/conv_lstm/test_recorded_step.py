"""A training step asks for no memory and waits for nothing: it is recorded once and replayed, as CUDA graphs are."""

from typing import Any

import numpy as np

from kernels.cuda import CudaBackend
from kernels.losses import LossSpec
from kernels.specs import BatchNormSpec, Conv3DSpec, ConvLSTMSpec
from kernels.updates import UpdateSpec

T, B, H, W, F = 2, 2, 5, 7, 4


class Step:
    """ConvLSTM, BatchNorm, Conv3D, loss, backward, Adadelta: one step on operations and buffers that are made once."""

    def __init__(self, backend: CudaBackend) -> None:
        self.backend = backend
        generator = np.random.default_rng(0)
        shapes: dict[str, tuple[int, ...]] = {
            "kernel": (3, 3, 1, 4 * F),
            "recurrent_kernel": (3, 3, F, 4 * F),
            "bias": (4 * F,),
            "gamma": (F,),
            "beta": (F,),
            "head": (3, 3, 3, F, 1),
            "head_bias": (1,),
        }
        sizes = [int(np.prod(shape)) for shape in shapes.values()]
        self.flat = backend.from_host(generator.standard_normal(sum(sizes)) * 0.3)
        self.flat_gradient = backend.empty((sum(sizes),))
        ends = np.cumsum(sizes)
        self.weights = self._views(self.flat, shapes, ends)
        self.gradients = self._views(self.flat_gradient, shapes, ends)
        self.accumulators = [backend.zeros((sum(sizes),)) for _ in range(2)]
        self.learning_rate = backend.from_host(np.ones(1))
        self.moving = [backend.zeros((F,)), backend.from_host(np.ones(F))]
        self.x = backend.from_host(generator.random((T, B, H, W, 1)))
        self.y = backend.from_host(generator.random((T, B, H, W, 1)))
        self.loss = backend.empty((1,), np.float64)
        self.dlogits = backend.empty((T, B, H, W, 1))
        self.lstm = backend.conv_lstm(ConvLSTMSpec(T, B, H, W, 1, F, 3, 3))
        self.norm = backend.batch_norm(BatchNormSpec(T, B, H, W, F))
        self.head = backend.conv3d(Conv3DSpec(T, B, H, W, F, 1, 3, 3, 3))

    @staticmethod
    def _views(flat: Any, shapes: dict[str, tuple[int, ...]], ends: np.ndarray) -> dict[str, Any]:
        starts = [0, *ends[:-1]]
        items = zip(shapes.items(), starts, ends, strict=True)
        return {name: flat[start:end].reshape(shape) for (name, shape), start, end in items}

    def __call__(self) -> None:
        b, w, g = self.backend, self.weights, self.gradients
        h, _ = self.lstm.forward(self.x, w["kernel"], w["recurrent_kernel"], w["bias"])
        normal = self.norm.forward(h, w["gamma"], w["beta"], *self.moving, momentum=0.9)
        logits = self.head.forward(normal, w["head"], w["head_bias"])
        loss = LossSpec("binary_crossentropy", from_logits=True)
        b.loss(loss)(logits, self.y, None, self.loss, self.dlogits)
        dy = self.head.backward(self.dlogits, normal, w["head"], g["head"], g["head_bias"])
        dh = self.norm.backward(dy, h, w["gamma"], g["gamma"], g["beta"])
        lstm_gradients = (g["kernel"], g["recurrent_kernel"], g["bias"])
        weights = (w["kernel"], w["recurrent_kernel"])
        self.lstm.backward(dh, self.x, *weights, *lstm_gradients, need_dx=False, need_dstate=False)
        update = b.update(UpdateSpec("adadelta", {"rho": 0.95, "epsilon": 1e-7}))
        update(self.flat, self.flat_gradient, self.accumulators, self.learning_rate)


def test_a_replayed_step_learns_as_a_called_one(backend: CudaBackend) -> None:
    called, replayed = Step(backend), Step(backend)
    for _ in range(4):
        called()
    replayed()  # binds every kernel
    graph = backend.runtime.capture(replayed)  # the runtime refuses allocation and waiting here
    for _ in range(3):
        graph.replay()
    np.testing.assert_array_equal(backend.to_host(replayed.flat), backend.to_host(called.flat))
    np.testing.assert_array_equal(backend.to_host(replayed.loss), backend.to_host(called.loss))
    assert np.isfinite(backend.to_host(called.flat)).all()
