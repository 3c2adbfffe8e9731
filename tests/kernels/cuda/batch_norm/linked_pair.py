"""A ConvLSTM and the BatchNormalization behind it on any back end, linked or not, as named host arrays."""

from typing import Any

import numpy as np

from kernels import Backend
from kernels.specs import BatchNormSpec, ConvLSTMSpec
from tests.kernels.cuda.layer_runs import Array, Results, random_arrays

WEIGHTS = ("kernel", "recurrent_kernel", "bias", "gamma", "beta")


def inputs(spec: ConvLSTMSpec) -> dict[str, Array]:
    """What a pair needs, by name; dy is representable in bfloat16, so that every precision is given the same."""
    frame, gates, channels = (spec.B, spec.H, spec.W), 4 * spec.F, (spec.F,)
    host = random_arrays(
        0,
        {
            "x": (spec.T, *frame, spec.C),
            "kernel": (spec.kh, spec.kw, spec.C, gates),
            "recurrent_kernel": (spec.kh, spec.kw, spec.F, gates),
            "bias": (gates,),
            "h0": (*frame, spec.F),
            "c0": (*frame, spec.F),
            "gamma": channels,
            "beta": channels,
            "dy": (spec.T, *frame, spec.F),
        },
    )
    return host | {"gamma": host["gamma"] + 2, "dy": widened(narrowed(host["dy"]))}


def narrowed(array: Array) -> Array:
    """The upper halves of float32 numbers: bfloat16, rounded towards zero."""
    return (np.ascontiguousarray(array, np.float32).view(np.uint32) >> 16).astype(np.uint16)


def widened(array: Array) -> Array:
    """bfloat16 as float32; other arrays as they are."""
    return (array.astype(np.uint32) << 16).view(np.float32) if array.dtype == np.uint16 else array


class Pair:
    """Both operations, bound to inputs. Between them and behind them arrays are narrow."""

    def __init__(self, backend: Backend, spec: ConvLSTMSpec, host: dict[str, Array], linked: bool = True) -> None:
        self.backend, self.linked = backend, linked
        self.lstm = backend.conv_lstm(ConvLSTMSpec(**{**spec.__dict__, "narrow_y": True}))
        norm = BatchNormSpec(spec.T, spec.B, spec.H, spec.W, spec.F, epsilon=1e-6, narrow_x=True, narrow_y=True)
        self.norm = backend.batch_norm(norm, self.lstm if linked else None)
        self.device = {name: backend.from_host(array) for name, array in host.items()}
        self.gradients = {name: backend.from_host(np.full(host[name].shape, np.nan)) for name in WEIGHTS}
        self.averages = {name: backend.zeros((spec.F,)) for name in ("mean", "variance")}

    def forward(self) -> Results:
        """h, y, and the mean and variance that y was normalised by."""
        on, backend = self.device, self.backend
        weights = (on[name] for name in WEIGHTS[:3])
        self.h, _ = self.lstm.forward(on["x"], *weights, on["h0"], on["c0"])
        y = self.norm.forward(self.h, on["gamma"], on["beta"], *self.averages.values(), 0.0)
        results = {"h": self.h, "y": y, **self.averages}
        return {name: widened(backend.to_host(array)) for name, array in results.items()}

    def norm_backward(self) -> Any:
        """The dh that the ConvLSTM is to be given."""
        on, dy = self.device, self.device["dy"]
        if self.h.dtype == np.uint16:
            dy = self.backend.from_host(narrowed(self.backend.to_host(dy)), np.uint16)
        gradients = self.gradients["gamma"], self.gradients["beta"]
        return self.norm.backward(dy, self.h, on["gamma"], *gradients)

    def backward(self, dh: Any) -> Results:
        """All gradients, from that of h."""
        on = self.device
        weights = on["kernel"], on["recurrent_kernel"]
        gradients = [self.gradients[name] for name in WEIGHTS[:3]]
        states = self.lstm.backward(
            dh, on["x"], *weights, *gradients, h0=on["h0"], c0=on["c0"]
        )  # fmt: skip
        named = dict(zip(("x", "h0", "c0"), states, strict=True)) | self.gradients
        return {f"d{name}": widened(self.backend.to_host(array)) for name, array in named.items()}


def run_pair(backend: Backend, spec: ConvLSTMSpec, linked: bool = True) -> Results:
    """Forward and backward on inputs(spec)."""
    pair = Pair(backend, spec, inputs(spec), linked)
    return pair.forward() | pair.backward(pair.norm_backward())
