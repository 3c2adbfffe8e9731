"""The example's network trained in Keras and here, from the same weights, on the same batches: losses step by step.

In float64 the two are one computation. In float32 each rounds in its own way, and training this network magnifies that
about tenfold a step at first: so each is also compared with float64.
"""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np

import engine
from bench.cpu import EXAMPLE
from bench.peers.process import PeerError, environment
from kernels.arrays import HostArray

FITTED, BATCH = 950, 10
"""Movies that the example trains on: 1000 but for validation_split=.05; 95 steps an epoch."""

PLANNED = 190
"""Steps that a plan is made for at least: two epochs."""

BOUND = 1e-3
"""Largest relative difference of the losses that is allowed in float64."""


def compare_example(peer_python: str, folder: Path, steps: int, exact_steps: int, threads: int) -> dict[str, Any]:
    """Train both until they have `steps` losses in float32 and `exact_steps` in float64, which is ten times as slow.

    Goes on from what `folder` holds; returns what is to be kept.
    """
    folder.mkdir(parents=True, exist_ok=True)
    plan = folder / "plan.npz"
    if not plan.exists():
        write_plan(plan, max(steps, exact_steps, PLANNED))
    with np.load(plan, allow_pickle=False) as file:
        if len(file["rows"]) < max(steps, exact_steps):
            raise ValueError(f"--steps: {plan} holds {len(file['rows'])} steps; give another --work to begin anew")
    losses: dict[str, HostArray] = {}
    versions: dict[str, str] = {}
    for dtype, wanted in (("float64", exact_steps), ("float32", steps)):
        for name, python in (("keras", peer_python), ("ours", sys.executable)):
            print(f"the example's network: {wanted} steps, {name}, {dtype} ...", flush=True)
            arguments = [name, dtype, str(folder), str(wanted), str(threads)]
            done = subprocess.run(
                [python, "-m", "bench.peers.follow", *arguments],
                env=environment(threads), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, check=False,
            )  # fmt: skip
            if done.returncode:
                raise PeerError(done.stderr.strip().splitlines()[-1] if done.stderr.strip() else f"{name} ended")
            result = json.loads((folder / f"{name}-{dtype}.json").read_text(encoding="utf-8"))
            losses[f"{name} {dtype}"] = np.array(result["losses"][:wanted])
            versions |= result["versions"]
    return {
        "what": "binary cross-entropy of each training batch before its update",
        "network": "4 x (ConvLSTM2D 40, 3x3, hard_sigmoid of Keras 2 + BatchNormalization), Conv3D (3,3,3) sigmoid",
        "optimizer": "Adadelta, learning rate 1, rho .95, epsilon 1e-7",
        "batch": BATCH,
        "steps": {"float32": steps, "float64": exact_steps},
        "versions": versions,
        "bound": BOUND,
        "relative_differences": {
            "ours and keras, both float64": _difference(losses["ours float64"], losses["keras float64"]),
            "ours and keras, both float32": _difference(losses["ours float32"], losses["keras float32"]),
            "ours float32 and keras float64": _difference(losses["ours float32"], losses["keras float64"]),
            "keras float32 and keras float64": _difference(losses["keras float32"], losses["keras float64"]),
        },
        "losses": {name: array.tolist() for name, array in losses.items()},
    }


def _difference(actual: HostArray, expected: HostArray) -> dict[str, Any]:
    common = min(len(actual), len(expected))
    actual, expected = actual[:common], expected[:common]
    relative = np.abs(actual - expected) / np.abs(expected)
    outside = np.flatnonzero(relative > BOUND)
    return {
        "steps": len(relative),
        "largest": float(relative.max()),
        "at_step": int(relative.argmax()) + 1,
        "steps_within_bound": int(outside[0]) if len(outside) else len(relative),
    }


def write_plan(path: Path, steps: int) -> None:
    """Movies, the order of batches and initial weights, as the example would draw them."""
    noisy, shifted = engine.generate_movies(1200, 15, seed=0)
    random = np.random.default_rng(0)
    per_epoch = FITTED // BATCH
    rows = [random.permutation(FITTED).reshape(per_epoch, BATCH) for _ in range(-(-steps // per_epoch))]
    network = engine.Sequential(device="reference", seed=0)
    for filters, kernel in zip(EXAMPLE.filters, EXAMPLE.kernels, strict=True):
        network.add(engine.ConvLSTM2D(filters, kernel, padding="same", return_sequences=True))
        network.add(engine.BatchNormalization())
    network.add(engine.Conv3D(1, (3, 3, 3), activation="sigmoid", padding="same"))
    network.build((None, EXAMPLE.height, EXAMPLE.width, EXAMPLE.channels))
    weights = {f"weights_{number:03d}": array for number, array in enumerate(network.get_weights())}
    arrays: dict[str, Any] = {
        "work": np.asarray(EXAMPLE.to_json()),
        "movies": noisy[:FITTED],
        "targets": shifted[:FITTED],
        "rows": np.concatenate(rows)[:steps],
        **weights,
    }
    np.savez(path, **arrays)
