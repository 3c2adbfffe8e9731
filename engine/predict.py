"""`python -m engine.predict`: let a trained network run on from movies of any length."""

import argparse
import io
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

from engine.files.atomic import write_atomically
from engine.models.loading import load_model
from engine.movies.files import load_movies
from engine.movies.plots import rollout_images, save_gif
from engine.movies.scores import Rollout, in_batches
from engine.support.command_line import Parser, check_target, run_program
from engine.support.validation import positive_int

_DESCRIPTION = """\
Predict the frames that follow a movie. The network sees all frames of it, then runs
free: each predicted frame is its next input. The cost is one step a frame; the result
is that of predicting the whole growing movie again for every new frame. No ground
truth is needed.
"""

_EPILOG = """\
example:
  python -m engine.predict runs/NAME/model.safetensors --input movies.npz --frames 16 --out frames.npz --gif rollout.gif

The input is a .npy or .npz file: (movies, frames, height, width[, channels]); uint8 is
divided by 255. In an .npz the names movies, frames, noisy, inputs, x are looked for; an
array that is alone may have any name. The output is an .npz with the new frames only,
under the name frames: (movies, N, height, width, channels).
"""


def main(argv: list[str] | None = None) -> int:
    """Run the program; returns the exit code: 0, 1 (a file could not be written), 2 (bad input)."""
    arguments = vars(_parser().parse_args(argv))
    return run_program("predict", lambda: _predict(**arguments))


def _parser() -> argparse.ArgumentParser:
    parser = Parser(
        prog="python -m engine.predict",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("model", metavar="MODEL", help="model.safetensors of a run, or an exported .onnx (needs onnxruntime)")
    add("--input", required=True, metavar="FILE", help="the movies to go on from, .npy or .npz")
    add("--frames", type=int, default=16, metavar="N", help="new frames for each movie (default: 16)")
    add("--out", metavar="FILE", help="write the new frames to this .npz")
    add("--gif", metavar="FILE", help="draw one movie and its new frames")
    add("--movie", type=int, default=0, metavar="N", help="which movie --gif draws, counted from 0 (default: 0)")
    add("--batch-size", type=int, default=32, metavar="N", help="movies at a time (default: 32)")
    add("--device", metavar="DEVICE", help="auto (default), cpu, cuda, cuda:N or reference; not for .onnx")
    return parser


def _predict(
    model: str,
    input: str,
    frames: int,
    out: str | None,
    gif: str | None,
    movie: int,
    batch_size: int,
    device: str | None,
) -> int:
    """Check everything, then predict, then write."""
    positive_int("frames", frames)
    positive_int("batch_size", batch_size)
    for name, target, suffix in (("out", out, ".npz"), ("gif", gif, ".gif")):
        if target is not None:
            check_target(name, Path(target), suffix, {"MODEL": model, "--input": input})
    if out is None and gif is None:
        raise ValueError("out, gif: give at least one of them, else nothing is kept")
    rollout = in_batches(_load_rollout(model, device), batch_size)
    movies = load_movies(input)
    if not 0 <= movie < len(movies):
        raise ValueError(f"movie: expected 0 to {len(movies) - 1}, got {movie}")

    began = time.monotonic()
    predicted = rollout(movies, frames)
    print(f"{len(movies)} movies of {movies.shape[1]} frames, {frames} new ones each: {time.monotonic() - began:.2f} s")
    if out is not None:
        stream = io.BytesIO()
        np.savez_compressed(stream, frames=predicted)
        write_atomically(out, stream.getvalue())
        print(f"{out}: frames {predicted.shape}, {predicted.dtype}")
    if gif is not None:
        save_gif(gif, rollout_images(np.concatenate([movies[movie], predicted[movie]]), seen=movies.shape[1]))
        print(f"{gif}: movie {movie} and its new frames")
    return 0


def _load_rollout(model: str, device: str | None) -> Rollout:
    if not model.endswith(".onnx"):
        return load_model(model, device="auto" if device is None else device).rollout
    if device is not None:
        raise ValueError("device: an .onnx model runs where onnxruntime finds a provider; leave --device out")
    if not Path(model).is_file():
        raise ValueError(f"{model}: there is no such file")
    try:
        from export import OnnxNetwork
    except ImportError as error:
        raise ValueError(
            f"{model}: an .onnx model needs onnxruntime, pip install 'convlstm-engine[cpu]' ({error})"
        ) from None
    network: Any = OnnxNetwork(model)
    return network.rollout


if __name__ == "__main__":
    sys.exit(main())
