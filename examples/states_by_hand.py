"""Hand an encoder's states to a forecaster that runs free, and differentiate the pair by hand.

The encoder reads the movie; its last h and c say where things are and how they move. The forecaster begins there and
makes its frames from them alone. A Model does the same (encoder_forecaster.py); here each call is seen.

    python examples/states_by_hand.py
"""

import argparse

import numpy as np

from engine import ConvLSTM2D


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--filters", type=int, default=6)
    arguments = parser.parse_args()

    random = np.random.default_rng(0)
    seen = random.random((2, 5, 10, 12, 1)).astype("float32")  # (N,T,H,W,C): what the encoder reads
    start = np.zeros((2, 3, 10, 12, arguments.filters), "float32")  # the forecaster has no input but its states

    encoder = ConvLSTM2D(arguments.filters, 3, padding="same", return_state=True, name="encoder")
    forecaster = ConvLSTM2D(arguments.filters, 3, padding="same", return_sequences=True, name="forecaster")
    last, h, c = encoder(seen, training=True)
    frames = forecaster(start, initial_state=[h, c], training=True)
    print(f"states {h.shape}, {c.shape} -> frames {frames.shape}")

    # Backwards in the opposite order: the forecaster's gradient of its initial states is the encoder's of its last.
    behind = forecaster.backward(2 * frames / frames.size)  # of the mean square of all frames
    ahead = encoder.backward(np.zeros_like(last), dstate=behind.dstate)
    for name, gradient in {**behind.weights, **ahead.weights}.items():
        print(f"{name:36} {gradient.shape!s:16} norm {np.linalg.norm(gradient):.2e}")


if __name__ == "__main__":
    main()
