"""JAX with lax.scan, jitted, NHWC: `python -m bench.peers.jax_scan REQUEST`, see bench/peers/device_worker.py.

A layer's input convolution runs for all frames before its scan, the recurrent one inside it. A rollout is one program:
a scan over the frames that carries the states of all layers.
"""

import os

os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from bench.peers.device_worker import CHECKED_STEPS, Request, serve
from bench.peers.work import ADADELTA, BATCH_NORM_EPSILON, BATCH_NORM_MOMENTUM, Work

PRECISIONS = {"float32": lax.Precision.HIGHEST, "tf32": lax.Precision.DEFAULT, "bfloat16": lax.Precision.DEFAULT}


def convolve(x: jax.Array, kernel: jax.Array, precision: str) -> jax.Array:
    """'same' convolution of channels-last x with Keras' kernel, in 2 or 3 dimensions; float32 out."""
    letters = "HW" if x.ndim == 4 else "THW"
    if precision == "bfloat16":
        x, kernel = x.astype(jnp.bfloat16), kernel.astype(jnp.bfloat16)
    y = lax.conv_general_dilated(
        x, kernel, (1,) * len(letters), "SAME",
        dimension_numbers=(f"N{letters}C", f"{letters}IO", f"N{letters}C"), precision=PRECISIONS[precision],
    )  # fmt: skip
    return y.astype(jnp.float32)


def cell(z: jax.Array, c: jax.Array) -> tuple[jax.Array, jax.Array]:
    """z (B,H,W,4F), c (B,H,W,F) -> the next h, c."""
    z_i, z_f, z_g, z_o = jnp.split(z, 4, -1)
    i, f, o = (jnp.clip(0.2 * gate + 0.5, 0.0, 1.0) for gate in (z_i, z_f, z_o))
    c = f * c + i * jnp.tanh(z_g)
    return o * jnp.tanh(c), c


def conv_lstm(x: jax.Array, layer: dict[str, jax.Array], precision: str) -> jax.Array:
    """x (T,B,H,W,C) -> h (T,B,H,W,F)."""
    z = convolve(x.reshape(-1, *x.shape[2:]), layer["kernel"], precision) + layer["bias"]

    def step(state: tuple[jax.Array, jax.Array], z_t: jax.Array) -> tuple[tuple[jax.Array, jax.Array], jax.Array]:
        h, c = state
        h, c = cell(z_t + convolve(h, layer["recurrent_kernel"], precision), c)
        return (h, c), h

    zeros = jnp.zeros((*x.shape[1:4], layer["recurrent_kernel"].shape[2]))
    return lax.scan(step, (zeros, zeros), z.reshape(*x.shape[:2], *z.shape[1:]))[1]


def normalize(x: jax.Array, layer: dict[str, jax.Array], mean: jax.Array, variance: jax.Array) -> jax.Array:
    """Channels-last BatchNormalization with the given statistics."""
    return (x - mean) * lax.rsqrt(variance + BATCH_NORM_EPSILON) * layer["gamma"] + layer["beta"]


def logits_of(params: Any, moving: Any, movies: jax.Array, precision: str, training: bool) -> tuple[jax.Array, Any]:
    """movies (B,T,H,W,C) -> logits (B,T,H,W,1) and the moved statistics."""
    x, moved = movies.swapaxes(0, 1), []
    for layer, (moving_mean, moving_variance) in zip(params["layers"], moving, strict=True):
        x = conv_lstm(x, layer, precision)
        if training:
            mean, variance = jnp.mean(x, (0, 1, 2, 3)), jnp.var(x, (0, 1, 2, 3))
            m = BATCH_NORM_MOMENTUM
            moved.append((m * moving_mean + (1 - m) * mean, m * moving_variance + (1 - m) * variance))
        else:
            mean, variance = moving_mean, moving_variance
        x = normalize(x, layer, mean, variance)
    return convolve(x.swapaxes(0, 1), params["head"], precision) + params["head_bias"], moved


@partial(jax.jit, static_argnums=5, donate_argnums=(0, 1, 2))
def train_step(params: Any, moving: Any, slots: Any, x: jax.Array, y: jax.Array, precision: str) -> Any:
    """One Adadelta update; returns the new params, moving, slots and the loss before it."""

    def loss_of(params: Any) -> tuple[jax.Array, Any]:
        z, moved = logits_of(params, moving, x, precision, training=True)
        return jnp.mean(jnp.maximum(z, 0) - z * y + jnp.log1p(jnp.exp(-jnp.abs(z)))), moved

    (loss, moved), gradients = jax.value_and_grad(loss_of, has_aux=True)(params)
    rho, epsilon = ADADELTA["rho"], ADADELTA["epsilon"]

    def update(w: jax.Array, g: jax.Array, slot: tuple[jax.Array, jax.Array]) -> Any:
        a, d = slot
        a = rho * a + (1 - rho) * g**2
        u = g * jnp.sqrt(d + epsilon) / jnp.sqrt(a + epsilon)
        return w - ADADELTA["learning_rate"] * u, (a, rho * d + (1 - rho) * u**2)

    leaves, tree = jax.tree.flatten(params)
    updated = [update(*each) for each in zip(leaves, jax.tree.leaves(gradients), slots, strict=True)]
    return tree.unflatten([w for w, _ in updated]), moved, [slot for _, slot in updated], loss


@partial(jax.jit, static_argnums=3)
def forward(params: Any, moving: Any, x: jax.Array, precision: str) -> jax.Array:
    """Inference: (B,T,H,W,C) -> (B,T,H,W,1)."""
    return jax.nn.sigmoid(logits_of(params, moving, x, precision, training=False)[0])


@partial(jax.jit, static_argnums=(3, 4))
def rollout(params: Any, moving: Any, track: jax.Array, n_new: int, precision: str) -> jax.Array:
    """track (B,T,H,W,C) -> the n_new frames that follow. The head sees the frame before, the frame, and zeros."""
    batch, frames, *size = track.shape
    zeros = [jnp.zeros((batch, *size[:2], layer["recurrent_kernel"].shape[2])) for layer in params["layers"]]

    def step(carry: Any, t: jax.Array) -> Any:
        states, before, last = carry
        x = jnp.where(t < frames, lax.dynamic_index_in_dim(track, jnp.minimum(t, frames - 1), 1, keepdims=False), last)
        following = []
        for (h, c), layer, (mean, variance) in zip(states, params["layers"], moving, strict=True):
            z = convolve(x, layer["kernel"], precision) + layer["bias"]
            following.append(cell(z + convolve(h, layer["recurrent_kernel"], precision), c))
            x = normalize(following[-1][0], layer, mean, variance)
        z = convolve(before, params["head"][0], precision) + convolve(x, params["head"][1], precision)
        y = jax.nn.sigmoid(z + params["head_bias"])
        return (following, x, y), y

    carry = ([(zero, zero) for zero in zeros], zeros[-1], track[:, 0])
    ys = lax.scan(step, carry, jnp.arange(frames + n_new - 1))[1]
    return ys[frames - 1 :].swapaxes(0, 1)


class JaxTask:
    """See Task."""

    made = 0

    def __init__(self, request: Request, work: Work, precision: str) -> None:
        JaxTask.made = self.number = JaxTask.made + 1
        if not request.rehearse and jax.default_backend() != "gpu":
            raise RuntimeError(f"JAX found no GPU, only {jax.default_backend()}")
        self.work, self.precision = work, precision
        arrays = [jnp.asarray(array) for array in work.weights()]
        names = ("kernel", "recurrent_kernel", "bias", "gamma", "beta")
        groups = [arrays[start : start + 7] for start in range(0, len(arrays) - 2, 7)]
        self.params: Any = {
            "layers": [dict(zip(names, group[:5], strict=True)) for group in groups],
            "head": arrays[-2],
            "head_bias": arrays[-1],
        }
        self.moving: Any = [tuple(group[5:]) for group in groups]
        self.slots: Any = [(jnp.zeros_like(w), jnp.zeros_like(w)) for w in jax.tree.leaves(self.params)]
        self.x, self.y = (jnp.asarray(array) for array in work.movies())
        self.output: Any = None

    def check(self) -> np.ndarray:
        """See Task."""
        outputs = []
        for _ in range(CHECKED_STEPS if self.work.kind == "train" else 1):
            self.queue()
            outputs.append(np.asarray(self.output))
        return np.stack(outputs) if self.work.kind == "train" else outputs[0]

    def queue(self) -> None:
        """See Task."""
        if self.work.kind == "train":
            self.params, self.moving, self.slots, self.output = train_step(
                self.params, self.moving, self.slots, self.x, self.y, self.precision
            )
        elif self.work.kind == "forward":
            self.output = forward(self.params, self.moving, self.x, self.precision)
        else:
            self.output = rollout(self.params, self.moving, self.x, self.work.n_new, self.precision)

    def wait(self) -> None:
        """See Task."""
        jax.block_until_ready((self.params, self.output))

    def peak_bytes(self) -> int:
        """See Task: of the process's first task only, since JAX cannot reset it and later ones might show that peak."""
        if self.number > 1:
            return 0
        return int((jax.devices()[0].memory_stats() or {}).get("peak_bytes_in_use", 0))


if __name__ == "__main__":
    serve("JAX", {"jax": jax.__version__}, JaxTask)
