"""The whole engine on device="cuda": what it learns and predicts there is what the reference learns and predicts."""

import json
from pathlib import Path

import numpy as np
import pytest

import engine
from engine import BatchNormalization, Conv3D, ConvLSTM2D, Sequential
from kernels.cuda import CudaBackend
from tests.engine.train.run_helpers import assert_same_end, run, write_config

STEPS = 10


def small_network(device: str, precision: str = "float32") -> Sequential:
    """The example's architecture in small."""
    dtype = "float64" if device == "reference" else "float32"
    network = Sequential(device=device, dtype=dtype, seed=7, precision=precision)
    network.add(ConvLSTM2D(4, (3, 3), padding="same", return_sequences=True, input_shape=(None, None, None, 1)))
    network.add(BatchNormalization())
    network.add(ConvLSTM2D(3, (3, 5), padding="same", return_sequences=True, recurrent_activation="sigmoid"))
    network.add(BatchNormalization())
    network.add(Conv3D(1, (3, 3, 3), activation="sigmoid", padding="same"))
    network.compile(loss="binary_crossentropy", optimizer="adadelta")
    return network


def movies() -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(0)
    x = (generator.random((4, 4, 7, 6, 1)) > 0.7).astype(np.float32)
    return x, np.roll(x, 1, axis=1)


@pytest.mark.usefixtures("simulated_device")
@pytest.mark.parametrize(("precision", "tolerance"), [("float32", 2e-5), ("tf32", 2e-3), ("bfloat16", 1e-2)])
def test_ten_steps_equal_the_reference(precision: str, tolerance: float) -> None:
    x, y = movies()
    networks = [small_network("cuda", precision), small_network("reference")]
    losses = np.array([[network.train_on_batch(x, y) for _ in range(STEPS)] for network in networks])
    assert isinstance(networks[0].backend, CudaBackend)
    np.testing.assert_allclose(losses[0], losses[1], rtol=tolerance)
    assert losses[0, -1] < losses[0, 0], "nothing was learned"
    for name, actual, expected in zip(
        (weight.name for weight in networks[0].weights), *(n.get_weights() for n in networks), strict=True
    ):
        error = np.linalg.norm(actual - expected) / max(np.linalg.norm(expected), 1e-3)
        assert error < 10 * tolerance, f"{name}: {error:.1e}"


@pytest.mark.usefixtures("simulated_device")
def test_fit_predict_rollout_and_model_file(tmp_path: Path) -> None:
    x, y = movies()
    networks = [small_network("cuda"), small_network("reference")]
    histories = [n.fit(x, y, batch_size=3, epochs=2, validation_split=0.25, verbose=0) for n in networks]
    for key, expected in histories[1].history.items():
        np.testing.assert_allclose(histories[0].history[key], expected, rtol=1e-4, err_msg=key)
    outputs = [(n.predict(x, batch_size=3), n.rollout(x[0, :3], 3), n.evaluate(x, y)) for n in networks]
    for actual, expected in zip(*outputs, strict=True):
        np.testing.assert_allclose(actual, expected, atol=1e-4)
    networks[0].save(tmp_path / "model.safetensors")
    loaded = engine.load_model(tmp_path / "model.safetensors", device="cuda")
    np.testing.assert_array_equal(loaded.predict(x), networks[0].predict(x))


@pytest.mark.usefixtures("fast_simulated_device")
def test_the_program_trains_stops_and_resumes(tmp_path: Path) -> None:
    """python -m engine.train on the device, ending with the same bits whether it was stopped between or not."""
    config = write_config(tmp_path, 'device = "cuda"\nsamples = 8\n')
    assert run("--config", config, "--epochs", 2, "--out", tmp_path / "whole") == 0
    assert run("--config", config, "--epochs", 1, "--out", tmp_path / "parts") == 0
    assert run("--resume", tmp_path / "parts", "--epochs", 2) == 0
    assert_same_end(tmp_path / "whole", tmp_path / "parts")
    assert json.loads((tmp_path / "whole" / "config.json").read_text())["settings"]["device"] == "cuda:0"
    assert (tmp_path / "whole" / "model.onnx").stat().st_size > 0
