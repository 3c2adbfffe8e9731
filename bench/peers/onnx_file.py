"""An ONNX file in onnxruntime, whoever exported it; the form is the path of the file.

A graph with an input n_frames rolls out by itself; one with an input frame is stepped, states bound; any other rolls
out as the Keras example does, by being called on the growing track.
"""

import numpy as np
import onnxruntime

from bench.peers.worker import serve


class OnnxFile:
    """See Peer. The CPU provider, all optimisations, `threads` threads within an operator."""

    def __init__(self, path: str, threads: int) -> None:
        self.versions = {"onnxruntime": onnxruntime.__version__}
        self.path, self.threads = path, threads
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        self.session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        self.inputs = [value.name for value in self.session.get_inputs()]

    def train_step(self, x: np.ndarray, y: np.ndarray) -> float:
        """See Peer: an exported graph does not train."""
        raise NotImplementedError

    def forward(self, x: np.ndarray) -> np.ndarray:
        """See Peer."""
        result: np.ndarray = self.session.run(None, {self.inputs[0]: x})[0]
        return result

    def rollout(self, track: np.ndarray, n_new: int) -> np.ndarray:
        """See Peer."""
        if "n_frames" in self.inputs:
            frames: np.ndarray = self.session.run(None, {"movies": track, "n_frames": np.array(n_new)})[0]
            return frames
        if "frame" in self.inputs:
            from export import OnnxNetwork

            network = OnnxNetwork(self.path, ["CPUExecutionProvider"], threads=self.threads)
            return network.rollout(track, n_new)
        given = track.shape[1]
        for _ in range(n_new):
            track = np.concatenate([track, self.forward(track)[:, -1:]], axis=1)
        return track[:, given:]


if __name__ == "__main__":
    serve(lambda work, threads, form: OnnxFile(form, threads))
