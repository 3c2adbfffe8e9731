"""engine.predict: the rollout it writes is the example's loop, and bad input is one line."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from engine import BatchNormalization, Conv3D, ConvLSTM2D, Sequential, predict

MOVIES = np.random.default_rng(4).random((5, 4, 8, 7, 1))


def saved_network(folder: Path, dtype: str = "float32") -> tuple[Sequential, Path]:
    network = Sequential(device="reference", dtype=dtype, seed=6)
    network.add(ConvLSTM2D(3, 3, padding="same", return_sequences=True, input_shape=(None, None, None, 1)))
    network.add(BatchNormalization(momentum=0.5))
    network.add(Conv3D(1, 3, padding="same", activation="sigmoid"))
    network.compile(loss="mse", optimizer="adadelta")
    for _ in range(3):
        network.train_on_batch(MOVIES, MOVIES)
    network.save(folder / "model.safetensors")
    return network, folder / "model.safetensors"


def run(*arguments: object) -> int:
    return predict.main([str(argument) for argument in arguments])


@pytest.mark.parametrize(("dtype", "tolerance"), [("float32", 1e-5), ("float64", 1e-12)])
def test_the_frames_are_those_of_the_growing_track(tmp_path: Path, dtype: str, tolerance: float) -> None:
    network, model = saved_network(tmp_path, dtype)
    np.save(tmp_path / "movies.npy", MOVIES.astype(np.float32))
    out, gif = tmp_path / "frames.npz", tmp_path / "rollout.gif"
    assert run(
        model, "--input", tmp_path / "movies.npy", "--frames", 6, "--out", out, "--gif", gif, "--batch-size", 2,
        "--movie", 4, "--device", "reference",
    ) == 0  # fmt: skip
    with np.load(out, allow_pickle=False) as archive:
        frames = archive["frames"]
    track = MOVIES.astype(np.float32).astype(dtype)
    for _ in range(6):
        track = np.concatenate([track, network.predict(track)[:, -1:]], axis=1)
    assert frames.dtype == np.dtype(dtype)
    np.testing.assert_allclose(frames, track[:, 4:], rtol=0, atol=tolerance)
    assert np.ptp(frames) > 0.01
    with Image.open(gif) as picture:
        assert picture.n_frames == 4 + 6


def test_an_exported_file_predicts_the_same(tmp_path: Path) -> None:
    network, _ = saved_network(tmp_path)
    network.export(tmp_path / "model.onnx", graph="rollout")
    np.save(tmp_path / "movies.npy", MOVIES)
    assert (
        run(tmp_path / "model.onnx", "--input", tmp_path / "movies.npy", "--frames", 5, "--out", tmp_path / "f.npz")
        == 0
    )
    with np.load(tmp_path / "f.npz") as archive:
        np.testing.assert_allclose(archive["frames"], network.rollout(MOVIES, 5), rtol=0, atol=1e-5)


def test_what_it_reads_is_never_overwritten(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _, model = saved_network(tmp_path)
    np.savez(tmp_path / "movies.npz", movies=MOVIES)
    (tmp_path / "linked.npz").hardlink_to(tmp_path / "movies.npz")
    model.rename(tmp_path / "model.gif")  # told apart by content, so any name will do
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    for name in ("movies.npz", "linked.npz"):
        assert run(tmp_path / "model.gif", "--input", tmp_path / "movies.npz", "--out", tmp_path / name) == 2
        assert f"out: {tmp_path / name} is the file that --input names" in capsys.readouterr().err
    movies = ["--input", tmp_path / "movies.npz"]
    assert run(tmp_path / "model.gif", *movies, "--gif", tmp_path / "model.gif") == 2
    assert "is the file that MODEL names" in capsys.readouterr().err
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_its_output_is_an_input(tmp_path: Path) -> None:
    _, model = saved_network(tmp_path)
    np.savez(tmp_path / "movies.npz", movies=(MOVIES[..., 0] * 255).astype(np.uint8))
    first, second = tmp_path / "first.npz", tmp_path / "second.npz"
    device = ("--device", "reference")
    assert run(model, "--input", tmp_path / "movies.npz", "--frames", 2, "--out", first, *device) == 0
    assert run(model, "--input", first, "--frames", 3, "--out", second, *device) == 0
    with np.load(second) as archive:
        assert archive["frames"].shape == (5, 3, 8, 7, 1)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"model": "missing.safetensors"}, "no such file"),
        ({"model": "missing.onnx"}, "no such file"),
        ({"model": "movies.npy"}, "not a whole safetensors file"),
        ({"--input": "missing.npz"}, "no such file"),
        ({"--input": "model.safetensors"}, "not a whole .npy or .npz"),
        ({"--input": "colour.npy"}, "expected 1 channels, got 3"),
        ({"--input": "nan.npy"}, "nan"),
        ({"--input": "flat.npy"}, "expected"),
        ({"--frames": "0"}, "frames"),
        ({"--frames": "x"}, "frames"),
        ({"--batch-size": "0"}, "batch_size"),
        ({"--movie": "5"}, "movie"),
        ({"--movie": "-1"}, "movie"),
        ({"model": "text.onnx"}, "text.onnx"),
        ({"--device": "tpu"}, "device"),
        ({"--device": "cuda:99"}, "device"),
        ({"--out": "frames.txt"}, ".npz"),
        ({"--out": "missing/frames.npz"}, "no folder"),
        ({"--gif": "a.png"}, ".gif"),
        ({"--out": None}, "at least one"),
        ({"--surprise": "1"}, "surprise"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], changes: dict[str, str | None], says: str
) -> None:
    saved_network(tmp_path)
    np.save(tmp_path / "movies.npy", MOVIES)
    np.save(tmp_path / "colour.npy", np.repeat(MOVIES, 3, axis=-1))
    np.save(tmp_path / "nan.npy", np.where(MOVIES > 0.9, np.nan, MOVIES))
    np.save(tmp_path / "flat.npy", MOVIES[0, 0, 0])
    (tmp_path / "text.onnx").write_text("no network here")
    before = sorted(tmp_path.iterdir())
    options = {"model": "model.safetensors", "--input": "movies.npy", "--out": "frames.npz", "--device": "reference"}
    if str(changes.get("model")).endswith(".onnx"):
        del options["--device"]
    options |= changes  # type: ignore[arg-type]
    arguments: list[object] = [tmp_path / options.pop("model")]
    for name, value in options.items():
        if value is not None:
            arguments += [name, tmp_path / value if "." in value else value]
    try:
        code = run(*arguments)
    except SystemExit as exit_from_argparse:
        code = int(exit_from_argparse.code or 0)
    errors = capsys.readouterr().err
    assert code == 2
    assert errors.count("\n") == 1
    assert says in errors
    assert sorted(tmp_path.iterdir()) == before
