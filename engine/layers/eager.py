"""A layer called on NumPy arrays, outside of a network."""

from typing import Any

import numpy as np

from engine.layers.weight import Weight, known
from engine.support.validation import finite_movies
from kernels import Backend
from kernels.arrays import HostArray
from kernels.select import choose_device, open_backend


def run_on_arrays(layer: Any, inputs: Any, initial_state: Any, training: bool) -> HostArray | list[HostArray]:
    """Run a layer's forward pass once, on the back end of its network or, without one, on a CPU.

    Args:
        layer: a Layer; built here, with random weights, if it is not.
        inputs: an array (batch, ...), or a list of them.
        initial_state: a list of arrays, or None.
        training: whether dropout drops and statistics are the batch's own; moving averages stay as they are.

    Returns the output, or a list for a layer of several.
    """
    given = list(inputs) if isinstance(inputs, list | tuple) else [inputs]
    arrays = [np.asarray(array) for array in (*given, *(initial_state or ()))]
    arrays = [finite_movies(f"inputs[{number}]", array, array.ndim) for number, array in enumerate(arrays)]
    shapes = [known(array.shape[1:]) for array in arrays]
    with layer.lock:
        random = np.random.default_rng(getattr(layer, "seed", None))
        made = [known(shape) for shape in layer.output_shapes(shapes)]
        layer.build(shapes[0], random)
        backend = backend_of(layer.weights, arrays[0].dtype)
        with backend.lock:
            bound = layer.bind_node(backend, shapes, len(arrays[0]), training)
            bound.keep_state(False)
            if training:
                bound.draw(random)
            outputs = bound.forward([backend.from_host(to_time_major(array)) for array in arrays])
            hosts = [backend.to_host(output) for output in outputs]
    found = [from_time_major(host, shape) for host, shape in zip(hosts, made, strict=True)]
    return found[0] if len(found) == 1 else found


def backend_of(weights: list[Weight], dtype: Any) -> Backend:
    """Where weights are; those of no network are placed on a CPU here."""
    backend = next((weight.backend for weight in weights if weight.backend is not None), None)
    if backend is None:
        backend = open_backend(choose_device("cpu")[0], np.float64 if dtype == np.float64 else np.float32)
        for weight in weights:
            weight.place_alone(backend)
    return backend


def to_time_major(array: HostArray) -> HostArray:
    """A batch (N, *shape), of 1 to 4 sizes, as the back end's array (T,N,H,W,C) has it (see time_major)."""
    five = array.reshape(array.shape[0], *(1,) * (5 - array.ndim), *array.shape[1:])
    return np.ascontiguousarray(five.swapaxes(0, 1))


def from_time_major(array: HostArray, shape: tuple[int, ...]) -> HostArray:
    """The inverse: (T,N,H,W,C) -> a batch (N, *shape)."""
    return np.ascontiguousarray(array.swapaxes(0, 1)).reshape(array.shape[1], *shape)
