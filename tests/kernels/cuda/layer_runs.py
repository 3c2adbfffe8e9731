"""One forward and backward pass of a layer on any back end, as named host arrays: what the tests here compare."""

from typing import Any

import numpy as np

from kernels import Backend
from kernels.reference import ReferenceBackend
from kernels.specs import BatchNormSpec, Conv3DSpec, ConvLSTMSpec

Array = np.ndarray[Any, Any]
Results = dict[str, Array]


def random_arrays(seed: int, shapes: dict[str, tuple[int, ...]]) -> dict[str, Array]:
    """Normal numbers by name, representable in float32; weights (kernels) scaled by their fan-in."""
    generator = np.random.default_rng(seed)
    arrays = {name: generator.standard_normal(shape) for name, shape in shapes.items()}
    for name in arrays:
        if name.endswith("kernel"):
            arrays[name] /= np.sqrt(np.prod(shapes[name][:-1]))
    return {name: array.astype(np.float32) for name, array in arrays.items()}


def run_conv_lstm(
    backend: Backend,
    spec: ConvLSTMSpec,
    with_state: bool = True,
    seed: int = 0,
    weight_scale: float = 1.0,
    bias: Array | None = None,
) -> Results:
    """h, c and the six gradients. weight_scale: of both kernels; bias: (4F) in place of a random one."""
    frame, gates = (spec.B, spec.H, spec.W), 4 * spec.F
    host = random_arrays(
        seed,
        {
            "x": (spec.T, *frame, spec.C),
            "kernel": (spec.kh, spec.kw, spec.C, gates),
            "recurrent_kernel": (spec.kh, spec.kw, spec.F, gates),
            "bias": (gates,),
            "h0": (*frame, spec.F),
            "c0": (*frame, spec.F),
            "dh": (spec.T, *frame, spec.F),
        },
    )
    host |= {name: host[name] * np.float32(weight_scale) for name in ("kernel", "recurrent_kernel")}
    if bias is not None:
        host["bias"] = bias
    device = {name: backend.from_host(array) for name, array in host.items()}
    states = {name: device[name] if with_state else None for name in ("h0", "c0")}
    weights = ("kernel", "recurrent_kernel", "bias")
    op = backend.conv_lstm(spec)
    h, c = op.forward(device["x"], *(device[name] for name in weights), **states)
    results = {"h": backend.to_host(h), "c": backend.to_host(c)}
    gradients = {f"d{name}": backend.from_host(np.full(host[name].shape, np.nan)) for name in weights}
    dx, dh0, dc0 = op.backward(
        device["dh"], device["x"], device["kernel"], device["recurrent_kernel"], *gradients.values(), **states
    )
    gradients |= {"dx": dx, "dh0": dh0, "dc0": dc0}
    return results | {name: backend.to_host(array) for name, array in gradients.items()}


def run_conv3d(backend: Backend, spec: Conv3DSpec, seed: int = 0) -> Results:
    """y, dx, dkernel and dbias."""
    movie = (spec.T, spec.B, spec.H, spec.W)
    shapes = {
        "x": (*movie, spec.C),
        "kernel": (spec.kt, spec.kh, spec.kw, spec.C, spec.K),
        "bias": (spec.K,),
        "dy": (*movie, spec.K),
    }
    device = {name: backend.from_host(array) for name, array in random_arrays(seed, shapes).items()}
    op = backend.conv3d(spec)
    y = backend.to_host(op.forward(device["x"], device["kernel"], device["bias"]))
    dkernel, dbias = backend.empty(shapes["kernel"]), backend.empty(shapes["bias"])
    dx = op.backward(device["dy"], device["x"], device["kernel"], dkernel, dbias)
    return {"y": y} | {n: backend.to_host(a) for n, a in (("dx", dx), ("dkernel", dkernel), ("dbias", dbias))}


def run_batch_norm(backend: Backend, spec: BatchNormSpec, seed: int = 0) -> Results:
    """y, the moving averages, dx, dgamma, dbeta, and y in inference."""
    movie, channels = (spec.T, spec.B, spec.H, spec.W, spec.C), (spec.C,)
    names = ("gamma", "beta", "moving_mean", "moving_variance")
    host = random_arrays(seed, {"x": movie, "dy": movie, **dict.fromkeys(names, channels)})
    host["x"] = 3.0 + 0.5 * host["x"]
    host["moving_variance"] = np.abs(host["moving_variance"])
    device = {name: backend.from_host(array) for name, array in host.items()}
    op = backend.batch_norm(spec)
    parameters = [device[name] for name in names]
    y = backend.to_host(op.forward(device["x"], *parameters, momentum=0.9))
    dgamma, dbeta = backend.empty(channels), backend.empty(channels)
    dx = op.backward(device["dy"], device["x"], device["gamma"], dgamma, dbeta)
    arrays = {"dx": dx, "dgamma": dgamma, "dbeta": dbeta, **{name: device[name] for name in names[2:]}}
    results = {"y": y} | {name: backend.to_host(array) for name, array in arrays.items()}
    inference = op.inference(device["x"], *parameters)
    return results | {"inference": backend.to_host(inference)}


def oracle() -> ReferenceBackend:
    """float64 NumPy."""
    return ReferenceBackend(np.float64)


def errors(actual: Results, expected: Results) -> dict[str, float]:
    """||actual - expected|| / ||expected|| of each array; an expected zero must be met exactly.

    A NaN is infinitely far off: a NaN itself would lose every comparison, and so never be the largest error.
    """
    result = {}
    for name, array in expected.items():
        assert actual[name].shape == array.shape, name
        size = np.linalg.norm(array)
        difference = np.linalg.norm(actual[name].astype(np.float64) - array)
        error = float(difference / size if size else (0.0 if difference == 0.0 else np.inf))
        result[name] = np.inf if np.isnan(error) else error
    return result
