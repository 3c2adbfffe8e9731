"""Movies from files: .npy and .npz in, float32 (N,T,H,W,C) out, and next-frame targets."""

import zipfile
import zlib
from pathlib import Path

import numpy as np

from engine.support.validation import finite_movies
from kernels.arrays import HostArray

INPUT_AND_TARGET_KEYS = (("noisy", "shifted"), ("inputs", "targets"), ("x", "y"))
"""Names in an .npz that hold inputs and explicit targets; the first pair that is there counts."""

MOVIE_KEYS = ("movies", "frames", "noisy", "inputs", "x")
"""Names in an .npz that hold movies; the first that is there counts. An array that is the only one in the file, or the
only one with 4 or 5 axes, may have any name."""

_ONE_FILM = "; to predict from one film (T,H,W) give it a leading axis of 1, to train cut it (docs/own_movies.md)"

_FULL_SCALE = {np.dtype(np.uint8): 255.0, np.dtype(np.uint16): 65535.0}


def load_movies(path: str | Path) -> HostArray:
    """Read movies from a .npy file, or from an .npz file under the first of MOVIE_KEYS (or its only name).

    The array is (N,T,H,W,C) or (N,T,H,W), which gets one channel. uint8 and uint16 are pixel values and are divided by
    255 and 65535; every other number type is taken as it is.

    Returns float32 (N,T,H,W,C). Raises ValueError: the file is missing, truncated, of another kind or pickled; it has
    no such name; or its array has another rank, is empty, holds no numbers, or holds NaN or infinity.
    """
    arrays = _read(path)
    return _as_movies(f"{path}", arrays[_movie_key(path, arrays)])


def load_dataset(path: str | Path) -> tuple[HostArray, HostArray]:
    """Read inputs and targets for next-frame prediction, float32 (N,T,H,W,C) both.

    If the file holds one of INPUT_AND_TARGET_KEYS, it is taken as it stands. Else the movies (as load_movies reads
    them) give both: next_frame_pairs. Raises ValueError as load_movies does, and if the two disagree.
    """
    arrays = _read(path)
    for input_key, target_key in INPUT_AND_TARGET_KEYS:
        if input_key in arrays and target_key in arrays:
            inputs = _as_movies(f"{path}: {input_key}", arrays[input_key])
            targets = _as_movies(f"{path}: {target_key}", arrays[target_key])
            if inputs.shape != targets.shape:
                raise ValueError(
                    f"{path}: {input_key} and {target_key} must agree for next-frame prediction, "
                    f"got shapes {inputs.shape} and {targets.shape}"
                )
            return inputs, targets
    try:
        return next_frame_pairs(_as_movies(f"{path}", arrays[_movie_key(path, arrays)]))
    except ValueError as error:
        raise ValueError(f"{error}" if str(path) in f"{error}" else f"{path}: {error}") from None


def next_frame_pairs(movies: HostArray) -> tuple[HostArray, HostArray]:
    """Inputs movies[:, :-1] and targets movies[:, 1:]: (N,T,H,W,C) -> twice (N,T-1,H,W,C). T is at least 2."""
    if movies.shape[1] < 2:
        raise ValueError(f"movies: next-frame prediction needs at least 2 frames, got shape {movies.shape}")
    return movies[:, :-1], movies[:, 1:]


def _read(path: str | Path) -> dict[str, HostArray]:
    """All arrays of a .npy (under the name "") or .npz file, told apart by how the file begins."""
    path = Path(path)
    if path.is_dir():
        raise ValueError(f"{path}: expected a .npy or .npz file, this is a folder")
    if not path.is_file():
        raise ValueError(f"{path}: there is no such file")
    try:
        with path.open("rb") as file:
            beginning = file.read(6)
        if beginning == b"\x93NUMPY":
            return {"": np.load(path, allow_pickle=False)}
        if beginning[:4] != b"PK\x03\x04":
            raise ValueError("it does not begin like a .npy or .npz file")
        with np.load(path, allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in archive.files}
        return {name: array for name, array in arrays.items() if isinstance(array, np.ndarray)}
    except (ValueError, OSError, EOFError, KeyError, MemoryError, zipfile.BadZipFile, zlib.error) as error:
        raise ValueError(f"{path}: not a whole .npy or .npz file of plain numbers ({error})") from None


def _movie_key(path: str | Path, arrays: dict[str, HostArray]) -> str:
    for key in MOVIE_KEYS:
        if key in arrays:
            return key
    possible = [name for name, array in arrays.items() if array.ndim in (4, 5)]
    if len(possible) == 1 or len(arrays) == 1:
        return (possible or list(arrays))[0]
    names = ", ".join(f"{name} {array.shape}" for name, array in sorted(arrays.items())) or "nothing"
    hint = _ONE_FILM if not possible and any(array.ndim == 3 for array in arrays.values()) else ""
    raise ValueError(
        f"{path}: expected one array (N,T,H,W,C) or (N,T,H,W), or one named {', '.join(MOVIE_KEYS)}; "
        f"it holds {names}{hint}"
    )


def _as_movies(name: str, array: HostArray) -> HostArray:
    if array.ndim not in (4, 5):
        hint = _ONE_FILM if array.ndim == 3 else ""
        raise ValueError(f"{name}: expected (N,T,H,W,C) or (N,T,H,W), got shape {array.shape}{hint}")
    movies = finite_movies(name, array[..., np.newaxis] if array.ndim == 4 else array)
    scaled = movies.astype(np.float32)
    if movies.dtype in _FULL_SCALE:
        scaled /= np.float32(_FULL_SCALE[movies.dtype])
    elif not np.isfinite(scaled).all():
        raise ValueError(f"{name}: expected numbers that float32 can hold, got up to {np.abs(movies).max():g}")
    return scaled
