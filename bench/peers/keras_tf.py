"""Keras 3 on TensorFlow, with the example's own calls.

Training is train_on_batch of a compiled model, jit_compile=False; inference has two
forms: "predict_on_batch", or "function", a tf.function around the model, without Keras' loop. The rollout is
the example's: predict the growing track for every new frame.
"""

import os

os.environ["KERAS_BACKEND"] = "tensorflow"
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from typing import Any

import keras
import numpy as np
import tensorflow as tf

from bench.peers.work import ADADELTA, BATCH_NORM_EPSILON, BATCH_NORM_MOMENTUM, HEAD_KERNEL, Work
from bench.peers.worker import serve


def hard_sigmoid_keras2(x: Any) -> Any:
    """Keras 2's gate; Keras 3 has another function under the name hard_sigmoid."""
    return keras.ops.clip(0.2 * x + 0.5, 0.0, 1.0)


class KerasTensorFlow:
    """See Peer."""

    def __init__(self, work: Work, threads: int, form: str) -> None:
        self.versions = {"keras": keras.__version__, "tensorflow": tf.__version__}
        tf.config.threading.set_intra_op_parallelism_threads(threads)
        model = keras.Sequential([keras.Input((None, work.height, work.width, work.channels))])
        for filters, kernel in zip(work.filters, work.kernels, strict=True):
            model.add(
                keras.layers.ConvLSTM2D(
                    filters,
                    (kernel, kernel),
                    padding="same",
                    return_sequences=True,
                    recurrent_activation=hard_sigmoid_keras2,
                )
            )
            model.add(keras.layers.BatchNormalization(momentum=BATCH_NORM_MOMENTUM, epsilon=BATCH_NORM_EPSILON))
        model.add(keras.layers.Conv3D(1, HEAD_KERNEL, activation="sigmoid", padding="same"))
        model.compile(loss="binary_crossentropy", optimizer=keras.optimizers.Adadelta(**ADADELTA), jit_compile=False)
        model.set_weights(work.weights())
        self.model, self.form = model, form
        self.function = tf.function(lambda x: model(x, training=False))

    def train_step(self, x: np.ndarray, y: np.ndarray) -> float:
        """See Peer."""
        self.model.reset_metrics()
        return float(self.model.train_on_batch(x, y))

    def forward(self, x: np.ndarray) -> np.ndarray:
        """See Peer."""
        if self.form == "function":
            return self.function(x).numpy()
        return self.model.predict_on_batch(x)

    def rollout(self, track: np.ndarray, n_new: int) -> np.ndarray:
        """See Peer: the example's loop, as it stands there."""
        given = track.shape[1]
        for _ in range(n_new):
            new_position = self.model.predict(track, verbose=0)
            track = np.concatenate((track, new_position[:, -1:]), axis=1)
        return track[:, given:]


if __name__ == "__main__":
    serve(KerasTensorFlow)
