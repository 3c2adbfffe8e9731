"""Train, save, load and export with what the recipes of docs/adding/ add; run by test_adding.py in its copy.

A network of Conv3D layers, whose kernels compile soonest.
"""

import os
import sys
from pathlib import Path
from typing import Any

import numpy as np

import engine
from bench.cuda.device import Device
from engine import Conv3D, Sequential
from engine.layers import LAYERS
from export import OnnxNetwork
from kernels.cuda.simulator.runtime import SimRuntime
from tests.docs.blocks import blocks

FRAME = (None, 5, 7, 1)


def network(device: str) -> Sequential:
    """A network that uses everything that was added."""
    made = Sequential(device=device, seed=3)
    made.add(Conv3D(2, (1, 3, 3), padding="same", activation="hard_silu", input_shape=FRAME))
    made.add(LAYERS["Scale"](start=0.5))
    made.add(Conv3D(1, (2, 1, 3), padding="causal"))
    made.compile(loss="charbonnier", optimizer="lion")
    return made


def main(folder: Path) -> None:
    """Assert that it works everywhere."""
    os.chdir(folder)
    space: dict[str, Any] = {}
    for block in blocks("docs/adding/layer.md", "python"):  # a layer of one's own, registered
        exec(block.text, space)
    random = np.random.default_rng(0)
    x = random.standard_normal((2, 3, *FRAME[1:])).astype(np.float32)
    y = random.standard_normal(x.shape).astype(np.float32)
    trained = {}
    for device in ("reference", "cpu", "cuda"):
        with Device(rehearse=True, runtime=SimRuntime(checked=False)).engine():
            made = network(device)
            loss, gradients = made.loss_and_gradients(x, y)
            assert all(np.abs(gradient).max() > 1e-6 for gradient in gradients.values()), device
            losses = made.fit(x, y, batch_size=1, epochs=4, verbose=0).history["loss"]
            assert losses[-1] < losses[0], device
            trained[device] = [loss, *gradients.values(), made.predict(x)]
    for device in ("cpu", "cuda"):
        for found, expected in zip(trained[device], trained["reference"], strict=True):
            np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-4, err_msg=device)

    made = network("reference")
    made.fit(x, y, batch_size=1, epochs=1, verbose=0)
    for suffix in (".safetensors", ".keras", ".h5"):
        made.save(folder / f"model{suffix}")
        loaded = engine.load_model(folder / f"model{suffix}", device="reference")
        assert loaded.get_config() == made.get_config(), suffix
        np.testing.assert_array_equal(loaded.predict(x), made.predict(x))
        if suffix != ".safetensors":
            assert loaded.optimizer.get_config() == made.optimizer.get_config(), suffix
    for graph in ("sequence", "step", "rollout"):
        made.export(folder / "model.onnx", graph=graph)
        onnx = OnnxNetwork(folder / "model.onnx")
        np.testing.assert_allclose(onnx.rollout(x[0], 2), made.rollout(x[0], 2), atol=1e-5)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
