"""OnnxNetwork: an exported file with the face of a network, predict and rollout, over onnxruntime."""

import json
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from engine.graph.checks import spread
from engine.graph.rollout import growing_rollout
from engine.support.validation import finite_movies, positive_int
from export.step_stream import StepStream
from kernels.arrays import HostArray

_PREFERRED = ("CUDAExecutionProvider", "CPUExecutionProvider")

_log = logging.getLogger("export")


class OnnxNetwork:
    """A network from an ONNX file that this package wrote, run by onnxruntime.

    Args:
        path: of the file.
        providers: names of onnxruntime's execution providers, in order of preference; None (default) takes CUDA where
            onnxruntime has it and it works, else the CPU. Providers named here are demanded: no silent fallback.
        threads: of the CPU provider; None (default) leaves it to onnxruntime.

    Attributes:
        graph: "sequence", "step" or "rollout".
        name: of the network.
        input_shape: (None, height, width, channels), None where any size will do.
        description: one line for people: what runs where, and why.

    Raises ValueError: no such file, not a file of this package, a provider is not there, or onnxruntime is not.
    """

    def __init__(self, path: str | Path, providers: Sequence[str] | None = None, threads: int | None = None) -> None:
        onnxruntime = _onnxruntime()
        if not Path(path).is_file():
            raise ValueError(f"path: expected an ONNX file, got {str(path)!r}, which is no file")
        available = onnxruntime.get_available_providers()
        for provider in providers or ():
            if provider not in available:
                raise ValueError(f"providers: onnxruntime here has {', '.join(available)}, got {provider!r}")
        wanted = list(providers) if providers else [name for name in _PREFERRED if name in available]
        options = onnxruntime.SessionOptions()
        if threads is not None:
            options.intra_op_num_threads = positive_int("threads", threads)
        try:
            self.session = onnxruntime.InferenceSession(str(path), options, providers=wanted)
        except Exception as error:
            raise ValueError(f"path: onnxruntime cannot load {str(path)!r}: {str(error).splitlines()[0]}") from None
        self.provider: str = self.session.get_providers()[0]
        if providers and self.provider != wanted[0]:
            raise ValueError(
                f"providers: {wanted[0]!r} is in onnxruntime but does not work here, got {self.provider!r}"
            )
        about = self.session.get_modelmeta().custom_metadata_map
        if about.get("graph") not in ("sequence", "step", "rollout"):
            raise ValueError(f"path: {str(path)!r} was not written by this exporter: its metadata names no graph")
        self.graph, self.name = about["graph"], about["name"]
        self.input_shape: tuple[int | None, ...] = tuple(json.loads(about["input_shape"]))
        self.input_names: list[str] = json.loads(about.get("inputs", '["movies"]'))
        self.output_names: list[str] = json.loads(about.get("outputs", '["predictions"]'))
        self._looks_ahead = json.loads(about["looks_ahead"])
        self._last_frame_only = json.loads(about.get("last_frame_only", "false"))
        self._channels_out = int(about["output_channels"])
        self._states = json.loads(about["states"])
        reason = "asked for" if providers else "the first that works of " + ", ".join(wanted)
        self.description = f"onnxruntime {onnxruntime.__version__}, {self.provider} ({reason}), {self.graph} graph"
        _log.info(self.description)

    def predict(self, x: Any) -> Any:
        """Predict: x (N,T,H,W,C) -> the network's output for every frame, (N,T,H,W,K) float32.

        For several inputs x is a list of arrays, or a dict by their names; several outputs come as a list. A step graph
        is run frame by frame, which is exact unless the network looks ahead.

        Raises ValueError: x does not fit; or the file holds a rollout graph, or a step graph of a network that looks
        ahead.
        """
        if self.graph == "sequence" and self._is_whole:
            return self._run_whole(x)
        movies = self._checked("x", x)
        if self.graph == "rollout":
            raise ValueError("predict: this file holds the rollout graph; export graph='sequence' for predictions")
        if self.graph == "sequence":
            return self._run("predictions", {"movies": movies})
        if self._looks_ahead:
            raise ValueError(
                "predict: an output of this network depends on later frames, and a step graph has none; export "
                "graph='sequence', or use rollout"
            )
        stream = self._stream(movies)
        frames = [stream.step(movies[:, t]) for t in range(movies.shape[1])]
        return frames[-1] if self._last_frame_only else np.stack(frames, axis=1)

    def rollout(self, track: HostArray, n_frames: int) -> HostArray:
        """Predict the n_frames frames that follow a track, each from those before.

        A rollout graph does it in one call, a step graph in one call per frame; a sequence graph is called on the
        growing track.

        Args:
            track: (T,H,W,C), or (N,T,H,W,C) for several.
            n_frames: how many new frames, at least 1.

        Returns (n_frames,H,W,C), or (N,n_frames,H,W,C), float32.
        """
        n_frames = positive_int("n_frames", n_frames)
        array = np.asarray(track)
        movies = self._checked("track", array[np.newaxis] if array.ndim == 4 else array)
        if self._channels_out != movies.shape[-1]:
            raise ValueError(
                f"rollout: the output has {self._channels_out} channels and the input {movies.shape[-1]}; an output "
                "frame can be the next input only if they agree"
            )
        frames = self._rollout(movies, n_frames)
        return frames[0] if array.ndim == 4 else frames

    def _rollout(self, movies: HostArray, n_frames: int) -> HostArray:
        if self.graph == "rollout":
            return self._run("frames", {"movies": movies, "n_frames": np.array(n_frames, np.int64)})
        if self.graph == "sequence":
            return growing_rollout(self.predict, movies, n_frames)
        stream = self._stream(movies)
        for t in range(movies.shape[1]):
            prediction = stream.step(movies[:, t])
        new = [prediction]
        while len(new) < n_frames:
            new.append(stream.step(new[-1]))
        return np.stack(new, axis=1)

    def _run(self, output: str, feeds: dict[str, HostArray]) -> HostArray:
        result: HostArray = self.session.run([output], feeds)[0]
        return result

    @property
    def _is_whole(self) -> bool:
        """Whether the graph is of anything else than movies in and predictions out."""
        return len(self.input_names) > 1 or len(self.output_names) > 1 or len(self.input_shape) != 4

    def _run_whole(self, x: Any) -> Any:
        given = spread("x", x, self.input_names, "input")
        feeds = {name: np.asarray(array, np.float32) for name, array in zip(self.input_names, given, strict=True)}
        try:
            made = self.session.run(self.output_names, feeds)
        except Exception as error:
            raise ValueError(f"x: onnxruntime cannot run these: {str(error).splitlines()[0]}") from None
        return made[0] if len(made) == 1 else made

    def _stream(self, movies: HostArray) -> StepStream:
        movies_, _, height, width, _ = movies.shape
        device = "cuda" if self.provider == "CUDAExecutionProvider" else "cpu"
        return StepStream(self.session, self._states, {"N": movies_, "H": height, "W": width}, device)

    def _checked(self, name: str, value: Any) -> HostArray:
        movies = finite_movies(name, value)
        for axis, expected, got in zip(
            ("frames", "height", "width", "channels"), self.input_shape, movies.shape[1:], strict=True
        ):
            if expected is not None and expected != got:
                raise ValueError(f"{name}: expected {expected} {axis}, got {got} (shape {movies.shape})")
        return np.ascontiguousarray(movies, dtype=np.float32)


def _onnxruntime() -> Any:
    try:
        import onnxruntime
    except ImportError as error:
        raise ValueError(
            f"onnxruntime: expected it to be installed, got {error}; pip install 'convlstm-engine[cpu]', or [cuda13]"
        ) from None
    return onnxruntime
