"""What a Keras network computes: output, loss, gradients, and some training steps with the weights after them."""

from typing import Any

import numpy as np

from bench.peers.keras_comparison.in_keras import KERAS, keras, tf
from kernels.arrays import HostArray


def use_float64() -> None:
    """Compute in float64 from now on, and forget what was built before."""
    for library in KERAS.values():
        (library.utils if library is keras else library.backend).clear_session()
        library.backend.set_floatx("float64")


def measure(
    version: int,
    model: Any,
    initial: list[HostArray],
    data: tuple[HostArray, HostArray],
    loss: str,
    optimizer: dict[str, Any],
    steps: int,
    reset_at: int | None = None,
    eagerly: bool = True,
) -> dict[str, HostArray]:
    """Everything for one network in float64; make_keras_arguments.py says what the names mean.

    Args:
        version: of Keras, 2 or 3.
        model: built, not compiled.
        initial: its weights.
        data: movies and targets.
        loss, optimizer: a name, and class_name with arguments.
        steps: training steps, all on `data`.
        reset_at: the step before which states are reset.
        eagerly: train without a graph: quick for few steps, and dropout masks can be seen.
    """
    library = KERAS[version]
    x, y = (array.astype(np.float64) for array in data)
    model.set_weights(initial)
    out: dict[str, Any] = {"initial": flat(initial), "forward": np.asarray(model(x, training=False))}
    if any(getattr(layer, "stateful", False) for layer in model.layers):
        out["forward_again"] = np.asarray(model(x, training=False))
    reset_states(model)
    masks = Masks(model)
    out |= _gradients(version, model, x, y, loss)
    model.set_weights(initial)
    reset_states(model)
    arguments = dict(optimizer)
    made = getattr(library.optimizers, arguments.pop("class_name"))(**arguments)
    model.compile(loss=loss, optimizer=made, run_eagerly=eagerly)
    losses = []
    for step in range(steps):
        model.reset_metrics()
        if step == reset_at:
            reset_states(model)
        losses.append(model.train_on_batch(x, y))
    out |= {"losses": np.asarray(losses, np.float64), "final": flat(model.get_weights())}
    return out | masks.arrays(1 + steps)


def _gradients(version: int, model: Any, x: HostArray, y: HostArray, loss: str) -> dict[str, Any]:
    source = tf.constant(x)
    with tf.GradientTape() as tape:
        tape.watch(source)
        each = KERAS[version].losses.get(loss)(y, model(source, training=True))
        total = tf.reduce_mean(each) + tf.add_n([tf.zeros((), tf.float64), *model.losses])
    weights = variables(version, model.trainable_weights)
    gradients, dx = tape.gradient(total, (weights, source))
    # TensorFlow's None is a gradient of zero
    gradients = [tf.zeros_like(w) if g is None else g for w, g in zip(weights, gradients, strict=True)]
    dx = tf.zeros_like(source) if dx is None else dx
    return {"loss": np.asarray(total), "gradients": flat(gradients), "dx": np.asarray(dx)}


def variables(version: int, weights: list[Any]) -> list[Any]:
    """TensorFlow's variables of Keras' weights."""
    return [weight.value if version == 3 else weight for weight in weights]


def flat(arrays: list[Any]) -> HostArray:
    """Arrays one after the other, (P,)."""
    return np.concatenate([np.zeros(0), *(np.asarray(array).reshape(-1) for array in arrays)])


def reset_states(model: Any) -> None:
    """Let stateful layers begin anew."""
    for layer in model.layers:
        if getattr(layer, "stateful", False):
            layer.reset_states() if hasattr(layer, "reset_states") else layer.reset_state()


class Masks:
    """Records where the dropout masks that Keras 3 draws are not zero, by wrapping the methods that draw them."""

    def __init__(self, model: Any) -> None:
        self._kept: dict[str, list[HostArray]] = {"x_masks": [], "h_masks": []}
        for layer in model.layers:
            if getattr(layer, "dropout", 0.0) or getattr(layer, "recurrent_dropout", 0.0):
                self._wrap(layer.cell)

    def arrays(self, calls: int) -> dict[str, HostArray]:
        """(calls, 4, N, ...) of each kind that there is, for so many calls in training mode."""
        assert all(len(masks) in (0, calls) for masks in self._kept.values()), "not one draw of masks a call"
        return {name: np.stack(masks) for name, masks in self._kept.items() if masks}

    def _wrap(self, cell: Any) -> None:
        for kind, kept in zip(("dropout", "recurrent_dropout"), self._kept.values(), strict=True):
            method = getattr(cell, f"get_{kind}_mask")

            def recorded(step_input: Any, method: Any = method, kept: Any = kept, cached: str = f"_{kind}_mask") -> Any:
                fresh = getattr(cell, cached, None) is None
                masks = method(step_input)
                if masks is not None and fresh:
                    kept.append(np.stack([np.asarray(mask) for mask in masks]) != 0.0)
                return masks

            setattr(cell, f"get_{kind}_mask", recorded)
