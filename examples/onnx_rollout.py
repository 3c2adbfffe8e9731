"""Export a network as one ONNX file that holds the whole rollout, and run it with onnxruntime alone.

python examples/onnx_rollout.py --out rollout.onnx
"""

import argparse

import numpy as np
import onnxruntime

from engine import BatchNormalization, Conv3D, ConvLSTM2D, Sequential, generate_movies


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", default="rollout.onnx", help="the ONNX file (default %(default)s)")
    parser.add_argument("--frames", type=int, default=6, help="new frames (default 6)")
    arguments = parser.parse_args()

    noisy, shifted = generate_movies(n_samples=20, n_frames=8, seed=0)
    network = Sequential(seed=0)
    network.add(ConvLSTM2D(6, 3, padding="same", return_sequences=True, input_shape=(None, 40, 40, 1)))
    network.add(BatchNormalization(momentum=0.9))
    network.add(Conv3D(1, 3, padding="causal", activation="sigmoid"))
    network.compile(loss="binary_crossentropy", optimizer="adadelta")
    network.fit(noisy, shifted, batch_size=5, verbose=0)
    network.export(arguments.out, graph="rollout")

    # From here on nothing of this project is needed: this is what runs where the network is deployed.
    session = onnxruntime.InferenceSession(arguments.out, providers=["CPUExecutionProvider"])
    feeds = {"movies": noisy[:2, :5], "n_frames": np.array(arguments.frames, np.int64)}
    (frames,) = session.run(["frames"], feeds)

    difference = np.abs(frames - network.rollout(noisy[:2, :5], arguments.frames)).max()
    print(f"frames {frames.shape}; largest difference from the engine's own rollout {difference:.1e}")


if __name__ == "__main__":
    main()
