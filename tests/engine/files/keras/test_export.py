"""A Keras file in, ONNX out, with no Keras: what onnxruntime computes is what Keras predicted."""

from pathlib import Path

import numpy as np
import onnxruntime
import pytest

from export.__main__ import main
from tests.paths import FIXTURES

FOLDER = FIXTURES / "keras_files"


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("keras3", "keras3.keras"),
        ("keras3_functional", "keras3_functional.keras"),
        ("keras2", "keras2.h5"),
        ("keras2", "keras1_theano.h5"),
    ],
)
def test_a_keras_file_becomes_onnx(name: str, file: str, tmp_path: Path) -> None:
    assert main([str(FOLDER / file), "--graph", "sequence", "-o", str(tmp_path / "m.onnx")]) == 0
    with np.load(FOLDER / f"{name}.npz", allow_pickle=False) as expected:
        session = onnxruntime.InferenceSession(tmp_path / "m.onnx", providers=["CPUExecutionProvider"])
        (predictions,) = session.run(None, {"movies": expected["x"]})
        np.testing.assert_allclose(predictions, expected["prediction"], rtol=1e-5, atol=1e-5)


def test_a_weights_file_is_refused_in_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(FOLDER / "chunked.h5"), "--graph", "sequence", "-o", str(tmp_path / "m.onnx")]) == 2
    error = capsys.readouterr().err.strip()
    assert len(error.splitlines()) == 1
    assert "weights but no architecture" in error
