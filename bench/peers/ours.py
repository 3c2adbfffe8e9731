"""The engine itself, behind the same protocol as its peers, in a process of its own like them."""

import numpy as np

import engine
from bench.peers.work import ADADELTA, BATCH_NORM_EPSILON, BATCH_NORM_MOMENTUM, HEAD_KERNEL, Work
from bench.peers.worker import serve


def network_of(
    work: Work, device: str, precision: str = "float32", dtype: str = "float32", gates: str = "hard_sigmoid"
) -> engine.Sequential:
    """The network of a piece of work with its weights, built and compiled; gates: the recurrent activation."""
    network = engine.Sequential(device=device, precision=precision, dtype=dtype)
    for filters, kernel in zip(work.filters, work.kernels, strict=True):
        network.add(
            engine.ConvLSTM2D(
                filters, (kernel, kernel), padding="same", return_sequences=True, recurrent_activation=gates
            )
        )
        network.add(engine.BatchNormalization(momentum=BATCH_NORM_MOMENTUM, epsilon=BATCH_NORM_EPSILON))
    network.add(engine.Conv3D(1, HEAD_KERNEL, activation="sigmoid", padding="same"))
    network.compile(loss="binary_crossentropy", optimizer=engine.Adadelta(**ADADELTA))
    network.build((None, work.height, work.width, work.channels))
    network.set_weights(work.weights())
    return network


class Engine:
    """The network of a piece of work, on the CPU back end. Threads are set by NUMBA_NUM_THREADS."""

    def __init__(self, work: Work, dtype: str = "float32") -> None:
        self.versions = {"engine": engine.__version__}
        self.network = network_of(work, "cpu", dtype=dtype)

    def train_step(self, x: np.ndarray, y: np.ndarray) -> float:
        """See Peer."""
        return self.network.train_on_batch(x, y)

    def forward(self, x: np.ndarray) -> np.ndarray:
        """See Peer."""
        return self.network.predict(x)

    def rollout(self, track: np.ndarray, n_new: int) -> np.ndarray:
        """See Peer: the streaming rollout."""
        return self.network.rollout(track, n_new)


if __name__ == "__main__":
    serve(lambda work, threads, form: Engine(work))
