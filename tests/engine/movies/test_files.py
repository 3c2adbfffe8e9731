"""load_movies and load_dataset: what they read, and every file that they refuse."""

import pickle
import zipfile
from pathlib import Path

import numpy as np
import pytest

from engine.movies.files import load_dataset, load_movies, next_frame_pairs

RANDOM = np.random.default_rng(5)
MOVIES = RANDOM.random((3, 4, 5, 6, 2)).astype(np.float32)


def test_npy(tmp_path: Path) -> None:
    np.save(tmp_path / "m.npy", MOVIES)
    loaded = load_movies(tmp_path / "m.npy")
    np.testing.assert_array_equal(loaded, MOVIES)
    assert loaded.dtype == np.float32


@pytest.mark.quick
@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
@pytest.mark.parametrize("key", ["movies", "frames", "whatever"])
def test_npz(tmp_path: Path, save, key: str) -> None:  # type: ignore[no-untyped-def]
    save(tmp_path / "m.npz", **{key: MOVIES})
    np.testing.assert_array_equal(load_movies(str(tmp_path / "m.npz")), MOVIES)


def test_the_only_array_of_a_movie_rank_may_have_any_name(tmp_path: Path) -> None:
    np.savez(tmp_path / "m.npz", times=np.array(["0000", "0005"]), rain=MOVIES, grid=MOVIES[0, 0, :, :, 0])
    np.testing.assert_array_equal(load_movies(tmp_path / "m.npz"), MOVIES)


def test_the_first_known_name_counts(tmp_path: Path) -> None:
    np.savez(tmp_path / "m.npz", times=np.arange(3), frames=MOVIES + 1, movies=MOVIES)
    np.testing.assert_array_equal(load_movies(tmp_path / "m.npz"), MOVIES)


def test_rank_4_gets_a_channel(tmp_path: Path) -> None:
    np.save(tmp_path / "m.npy", MOVIES[..., 0])
    np.testing.assert_array_equal(load_movies(tmp_path / "m.npy"), MOVIES[..., :1])


@pytest.mark.parametrize(
    ("dtype", "full"), [("uint8", 255), ("uint16", 65535), ("bool", 1), ("int64", 1), ("float64", 1), (">f4", 1)]
)
def test_number_types(tmp_path: Path, dtype: str, full: int) -> None:
    array = np.zeros((1, 2, 2, 2), dtype)
    array[0, 1] = full
    np.save(tmp_path / "m.npy", array)
    loaded = load_movies(tmp_path / "m.npy")
    assert loaded.dtype == np.dtype(np.float32)
    assert (loaded[0, 1] == 1).all()
    assert (loaded[0, 0] == 0).all()


def test_targets_are_the_next_frames(tmp_path: Path) -> None:
    np.savez(tmp_path / "m.npz", movies=MOVIES)
    inputs, targets = load_dataset(tmp_path / "m.npz")
    np.testing.assert_array_equal(inputs, MOVIES[:, :-1])
    np.testing.assert_array_equal(targets, MOVIES[:, 1:])


@pytest.mark.parametrize("names", [("noisy", "shifted"), ("inputs", "targets"), ("x", "y")])
def test_explicit_targets(tmp_path: Path, names: tuple[str, str]) -> None:
    np.savez(tmp_path / "m.npz", **{names[0]: MOVIES, names[1]: 1 - MOVIES})
    inputs, targets = load_dataset(tmp_path / "m.npz")
    np.testing.assert_array_equal(inputs, MOVIES)
    np.testing.assert_array_equal(targets, 1 - MOVIES)
    np.testing.assert_array_equal(load_movies(tmp_path / "m.npz"), MOVIES)


def _refused(path: Path, says: str) -> None:
    for load in (load_movies, load_dataset):
        with pytest.raises(ValueError, match=says) as caught:
            load(path)
        assert path.name in str(caught.value)


@pytest.mark.parametrize(
    ("array", "says"),
    [
        (MOVIES[0, 0], r"expected \(N,T,H,W,C\) or \(N,T,H,W\).*leading axis"),
        (MOVIES[0, 0, 0], "expected"),
        (MOVIES[np.newaxis], "expected"),
        (np.float32(3), "expected"),
        (MOVIES[:0], "at least one movie"),
        (MOVIES[:, :0], "at least one movie"),
        (np.where(MOVIES > 0.99, np.nan, MOVIES), "nan at index"),
        (np.where(MOVIES > 0.99, np.inf, MOVIES), "inf at index"),
        (MOVIES.astype(np.float64) * 1e300, "float32 can hold"),
        (MOVIES.astype(str), "numbers"),
        (MOVIES.astype(complex), "numbers"),
        (MOVIES.astype(object), "plain numbers"),
    ],
)
def test_refused_arrays(tmp_path: Path, array: np.ndarray, says: str) -> None:
    with np.errstate(over="ignore"):
        np.save(tmp_path / "m.npy", array, allow_pickle=True)
        _refused(tmp_path / "m.npy", says)
        np.savez(tmp_path / "m.npz", movies=array)
        _refused(tmp_path / "m.npz", says)


def test_missing_and_folder(tmp_path: Path) -> None:
    _refused(tmp_path / "missing.npz", "no such file")
    (tmp_path / "folder.npz").mkdir()
    _refused(tmp_path / "folder.npz", "expected a .npy or .npz file, this is a folder")


@pytest.mark.parametrize(
    "content", [b"", b"a text", b"PK\x03\x04 nothing more", b"\x93NUMPY\x01\x00", b"\x93NUMPY" * 9]
)
def test_foreign(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "foreign.npz").write_bytes(content)
    _refused(tmp_path / "foreign.npz", "not a whole")


def test_pickled(tmp_path: Path) -> None:
    (tmp_path / "pickled.npz").write_bytes(pickle.dumps(MOVIES))
    _refused(tmp_path / "pickled.npz", "not a whole")


def test_truncated_npy_and_npz(tmp_path: Path) -> None:
    np.save(tmp_path / "m.npy", MOVIES)
    np.savez_compressed(tmp_path / "m.npz", movies=MOVIES)
    for name in ("m.npy", "m.npz"):
        whole = (tmp_path / name).read_bytes()
        for length in (3, 7, 90, len(whole) // 2, len(whole) - 1):
            (tmp_path / f"cut-{name}").write_bytes(whole[:length])
            _refused(tmp_path / f"cut-{name}", "not a whole")


def test_one_long_film_is_told_what_it_lacks(tmp_path: Path) -> None:
    np.savez(tmp_path / "m.npz", rain=MOVIES[0, :, :, :, 0], times=np.arange(4))
    _refused(tmp_path / "m.npz", r"it holds rain \(4, 5, 6\), times \(4,\); to predict from one film.*cut it")


def test_a_zip_that_holds_no_arrays(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "z.npz", "w") as archive:
        archive.writestr("readme.txt", "hello")
    _refused(tmp_path / "z.npz", "holds nothing")


def test_a_header_that_promises_too_much(tmp_path: Path) -> None:
    np.save(tmp_path / "m.npy", MOVIES)
    content = (tmp_path / "m.npy").read_bytes().replace(b"(3, 4, 5, 6, 2)", b"(3,9999999,5,9)")
    (tmp_path / "m.npy").write_bytes(content)
    _refused(tmp_path / "m.npy", "not a whole")


def test_many_unknown_names(tmp_path: Path) -> None:
    np.savez(tmp_path / "m.npz", rain=MOVIES, snow=MOVIES)
    _refused(tmp_path / "m.npz", r"rain \(3, 4, 5, 6, 2\), snow")


def test_inputs_and_targets_that_disagree(tmp_path: Path) -> None:
    np.savez(tmp_path / "m.npz", x=MOVIES, y=MOVIES[:, 1:])
    with pytest.raises(ValueError, match="x and y must agree"):
        load_dataset(tmp_path / "m.npz")


def test_one_frame_has_no_next(tmp_path: Path) -> None:
    np.savez(tmp_path / "m.npz", movies=MOVIES[:, :1])
    with pytest.raises(ValueError, match=r"m\.npz.*at least 2 frames"):
        load_dataset(tmp_path / "m.npz")
    with pytest.raises(ValueError, match="at least 2 frames"):
        next_frame_pairs(MOVIES[:, :1])
