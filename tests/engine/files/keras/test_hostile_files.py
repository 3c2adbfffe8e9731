"""Files from strangers: damaged, foreign, or made to take memory, disk or other files. All are refused by name."""

import io
import json
import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

import engine
from engine.files.keras.hdf5 import Hdf5Reader
from tests.engine.files.keras.networks import movies, small_network

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")

MEMORY = 100 * 2**20
"""More than any refusal may take, and less than half of what the files ask for."""


@pytest.fixture
def saved(tmp_path: Path) -> Callable[[str], Path]:
    def save(suffix: str) -> Path:
        path = tmp_path / f"m{suffix}"
        small_network().save(path)
        return path

    return save


def refused(path: Path, says: str) -> None:
    """Opening raises a ValueError that names the file, and takes no more than MEMORY."""
    tracemalloc.start()
    try:
        with pytest.raises(ValueError, match=rf"{path.name}: .*{says}"):
            engine.load_model(path, device="reference")
        assert tracemalloc.get_traced_memory()[1] < MEMORY
    finally:
        tracemalloc.stop()


def rewrite_zip(path: Path, change: Callable[[dict[str, bytes]], None], compression: int = zipfile.ZIP_STORED) -> None:
    with zipfile.ZipFile(path) as file:
        members = {name: file.read(name) for name in file.namelist()}
    change(members)
    with zipfile.ZipFile(path, "w", compression) as file:
        for name, content in members.items():
            file.writestr(name, content)


def edit_config(path: Path, change: Callable[[dict[str, Any]], None]) -> None:
    def edit(members: dict[str, bytes]) -> None:
        config = json.loads(members["config.json"])
        change(config)
        members["config.json"] = json.dumps(config).encode()

    rewrite_zip(path, edit)


def edit_numbers(path: Path, change: Callable[[h5py.File], None]) -> None:
    """Change the HDF5 part of a .keras or .h5."""
    if path.suffix == ".h5":
        with h5py.File(path, "r+") as file:
            change(file)
        return

    def edit(members: dict[str, bytes]) -> None:
        buffer = io.BytesIO(members["model.weights.h5"])
        with h5py.File(buffer, "r+") as file:
            change(file)
        members["model.weights.h5"] = buffer.getvalue()

    rewrite_zip(path, edit)


def replace(file: h5py.File, name: str, **dataset: Any) -> None:
    del file[name]
    file.create_dataset(name, **dataset)


@pytest.mark.parametrize("suffix", [".keras", ".h5"])
def test_truncated_anywhere(saved: Callable[[str], Path], suffix: str, tmp_path: Path) -> None:
    whole = saved(suffix).read_bytes()
    cut = tmp_path / f"cut{suffix}"
    for length in [*range(0, 64, 7), *range(64, len(whole) - 1, 1999)]:
        cut.write_bytes(whole[:length])
        with pytest.raises(ValueError, match=f"cut{suffix}: "):
            engine.load_model(cut, device="reference")


@pytest.mark.parametrize("suffix", [".keras", ".h5"])
def test_bytes_that_changed_are_refused_or_harmless(saved: Callable[[str], Path], suffix: str, tmp_path: Path) -> None:
    whole = bytearray(saved(suffix).read_bytes())
    random, refusals = np.random.default_rng(0), 0
    for _ in range(150):
        changed = whole.copy()
        for place in random.integers(0, len(whole), 20):
            changed[place] = random.integers(256)
        (tmp_path / f"changed{suffix}").write_bytes(changed)
        try:
            engine.load_model(tmp_path / f"changed{suffix}", device="reference")
        except ValueError as error:
            assert str(error).startswith(str(tmp_path))
            refusals += 1
    assert refusals > 10


@pytest.mark.parametrize("name", ["nothing.keras", "nothing.h5", "folder.keras"])
def test_no_file(tmp_path: Path, name: str) -> None:
    (tmp_path / "folder.keras").mkdir()
    refused(tmp_path / name, "there is no such file")


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("a.keras", b"", "damaged, or neither"),
        ("a.h5", b"Not a model, but long enough to look at.", "damaged, or neither"),
        ("a.keras", b"PK\x03\x04 but no more of a zip", "not a whole zip file"),
        ("a.h5", b"\x89HDF\r\n\x1a\n and then nothing", "damaged, or not a Keras file"),
    ],
)
def test_foreign_bytes(tmp_path: Path, name: str, content: bytes, says: str) -> None:
    (tmp_path / name).write_bytes(content)
    refused(tmp_path / name, says)


def test_foreign_zip_and_foreign_hdf5(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.keras", "w") as file:
        file.writestr("readme.txt", "hello")
    refused(tmp_path / "a.keras", "a zip file, but not of Keras")
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["data"] = np.zeros(3)
    refused(tmp_path / "a.h5", "weights where Keras 3 puts them|no architecture")


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda members: members.pop("model.weights.h5"), "expected its weights in model.weights.h5"),
        (lambda members: members.update({"config.json": b"{"}), "Expecting property name"),
        (lambda members: members.update({"config.json": b"[" * 200_000}), "recursion|damaged"),
        (lambda members: members.update({"config.json": b"[]"}), "no class_name"),
        (lambda members: members.update({"config.json": b"\xff\xfe"}), "damaged|Expecting|utf"),
        (lambda members: members.update({"metadata.json": b'{"keras_version": "4.0"}'}), "keras_version"),
        (lambda members: members.update({f"assets/{n}": b"" for n in range(2000)}), "at most 1000 members"),
    ],
)
def test_zip_members_that_are_not_right(saved: Callable[[str], Path], change: Any, says: str) -> None:
    path = saved(".keras")
    rewrite_zip(path, change)
    refused(path, says)


@pytest.mark.parametrize("name", ["config.json", "model.weights.h5"])
def test_a_zip_bomb(saved: Callable[[str], Path], name: str) -> None:
    path = saved(".keras")
    rewrite_zip(path, lambda members: members.update({name: bytes(2**28)}), zipfile.ZIP_DEFLATED)
    assert path.stat().st_size < 4 * 2**20
    refused(path, f"{name}: declares")


def test_a_zip_that_lies_about_its_size(saved: Callable[[str], Path]) -> None:
    path = saved(".keras")
    rewrite_zip(path, lambda members: members.update({"config.json": bytes(2**28)}), zipfile.ZIP_DEFLATED)
    content = path.read_bytes()
    assert content.count((2**28).to_bytes(4, "little")) >= 2
    path.write_bytes(content.replace((2**28).to_bytes(4, "little"), (1000).to_bytes(4, "little")))
    refused(path, "")


def test_a_dataset_larger_than_the_file(saved: Callable[[str], Path]) -> None:
    for suffix, name in (
        (".keras", "layers/conv3d/vars/0"),
        (".h5", "model_weights/conv3d/conv3d/kernel:0"),
        (".keras", "optimizer/vars/5"),
    ):
        for more in ({}, {"chunks": (2**20,), "compression": "gzip"}):
            path = saved(suffix)
            edit_numbers(path, lambda file, name=name, more=more: replace(
                file, name, shape=(2**40,), dtype="f4", **more))  # fmt: skip
            refused(path, "declares 4398046511104 bytes")


def test_the_same_large_dataset_many_times(saved: Callable[[str], Path]) -> None:
    def repeat(file: h5py.File) -> None:
        file["big"] = np.zeros(2**20, "f4")
        for number in range(len(file["optimizer/vars"]), 1000):
            file[f"optimizer/vars/{number}"] = file["big"]

    path = saved(".keras")
    edit_numbers(path, repeat)
    refused(path, "more than a file of")


def test_one_long_text_named_a_million_times() -> None:
    """Elements of variable length may all point at the same text of the file's heap; each would be a copy."""
    buffer = io.BytesIO()
    with h5py.File(buffer, "w", libver="latest") as file:
        file.attrs["long"] = "x" * 2**20
        file.attrs.create("layer_names", ["a"] * 100_000, dtype=h5py.string_dtype())
    reader = Hdf5Reader(buffer.getvalue())
    assert reader.text(reader.root, "long") == "x" * 2**20
    with pytest.raises(ValueError, match="attribute layer_names: declares"):
        reader.names(reader.root, "layer_names")


@pytest.mark.parametrize("size", [0, 2**40, 2**64 - 16, 7 * 2**56 + 10])
def test_texts_whose_sizes_lead_nowhere(saved: Callable[[str], Path], size: int) -> None:
    """libhdf5 itself walks for minutes through such a heap."""
    path = saved(".h5")
    with h5py.File(path, "r+") as file:
        file.attrs["backend"] = "tensorflow"
    content = bytearray(path.read_bytes())
    first = content.index(b"GCOL") + 16
    assert content[first : first + 2] == b"\x01\x00"
    content[first : first + 2] = b"\x00\x00" if size == 0 else b"\x01\x00"
    content[first + 8 : first + 16] = size.to_bytes(8, "little")
    path.write_bytes(content)
    refused(path, "a heap of texts holds an object that does not lie in it")


@pytest.mark.parametrize("suffix", [".keras", ".h5"])
def test_links_are_not_followed(saved: Callable[[str], Path], suffix: str, tmp_path: Path) -> None:
    name = {".keras": "layers/conv3d/vars/0", ".h5": "model_weights/conv3d/conv3d/kernel:0"}[suffix]
    with h5py.File(tmp_path / "secret.h5", "w") as file:
        file["x"] = np.zeros((2, 3, 1, 2, 2), "f4")
    for link in (h5py.ExternalLink(str(tmp_path / "secret.h5"), "x"), h5py.SoftLink("/layers")):
        path = saved(suffix)

        def change(file: h5py.File, link: Any = link) -> None:
            del file[name]
            file[name] = link

        edit_numbers(path, change)
        refused(path, "which is not followed")


def test_numbers_in_other_files_are_not_read(saved: Callable[[str], Path], tmp_path: Path) -> None:
    name = "model_weights/conv3d/conv3d/kernel:0"
    (tmp_path / "secret.bin").write_bytes(bytes(48 * 4))
    path = saved(".h5")
    edit_numbers(path, lambda file: replace(
        file, name, shape=(2, 3, 1, 2, 2), dtype="f4", external=[(str(tmp_path / "secret.bin"), 0, 96)]))  # fmt: skip
    refused(path, "lie in another file")
    layout = h5py.VirtualLayout((2, 3, 1, 2, 2), "f4")
    layout[...] = h5py.VirtualSource(str(tmp_path / "secret.h5"), "x", (2, 3, 1, 2, 2))

    def virtual(file: h5py.File) -> None:
        del file[name]
        file.create_virtual_dataset(name, layout)

    path = saved(".h5")
    edit_numbers(path, virtual)
    refused(path, "lie in another file")


@pytest.mark.parametrize("value", [np.array([b"text"] * 2), np.array([(1, 2.0)], "i4,f4"), np.zeros(2, bool)])
def test_arrays_that_are_not_numbers(saved: Callable[[str], Path], value: Any) -> None:
    path = saved(".keras")
    edit_numbers(path, lambda file: replace(file, "layers/conv3d/vars/1", data=value))
    refused(path, "expected an array of numbers")


def test_an_architecture_larger_than_its_weights(saved: Callable[[str], Path]) -> None:
    """Memory for an architecture is asked for only once the file's arrays are known to fit it."""
    for layer, argument, value in (
        (1, "filters", 10**9),
        (1, "kernel_size", [10**5 + 1, 10**5 + 1]),
        (4, "filters", 10**12),
    ):
        path = saved(".keras")
        edit_config(path, lambda config, at=layer, what=argument, to=value: config["config"]["layers"][at][
            "config"].update({what: to}))  # fmt: skip
        refused(path, "expected weights of shapes")


def test_weights_of_another_network(saved: Callable[[str], Path], tmp_path: Path) -> None:
    network = engine.Sequential(device="reference")
    network.add(engine.Conv3D(2, (1, 3, 3), padding="same", input_shape=(None, 5, 4, 2)))
    for name in (".keras", ".h5"):
        with pytest.raises(ValueError, match=rf"m{name}: "):
            network.load_weights(saved(name))
    assert network.predict(movies()).shape == (2, 3, 5, 4, 2)


@pytest.mark.parametrize("suffix", [".keras", ".h5"])
@pytest.mark.parametrize("marker", ["[]", "{", '{"gates": {"7": "hard_sigmoid"}}', '{"gates": {"0": "relu"}}'])
def test_a_marker_that_makes_no_sense(saved: Callable[[str], Path], suffix: str, marker: str) -> None:
    path = saved(suffix)
    edit_numbers(path, lambda file: file.attrs.update(convlstm_engine=marker))
    refused(path, "")
