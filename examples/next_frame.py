"""Train a small next-frame predictor on moving squares and let it run on: the classic Keras example, shrunk.

python examples/next_frame.py --gif rollout.gif
"""

import argparse

import numpy as np

from engine import BatchNormalization, Conv3D, ConvLSTM2D, Sequential, generate_movies
from engine.movies.plots import animation_images, save_gif


def build() -> Sequential:
    """Two ConvLSTM layers and a head that cannot see the frame it is to predict."""
    network = Sequential(seed=0)
    network.add(ConvLSTM2D(12, 3, padding="same", return_sequences=True, input_shape=(None, 40, 40, 1)))
    # Few steps of training: the moving averages must forget where they began sooner than Keras' momentum of 0.99 does.
    network.add(BatchNormalization(momentum=0.9))
    network.add(ConvLSTM2D(12, 3, padding="same", return_sequences=True))
    network.add(BatchNormalization(momentum=0.9))
    # padding="same" would show output t the input frame t + 1, which is the target (docs/fidelity.md, The leak).
    network.add(Conv3D(1, 3, padding="causal", activation="sigmoid"))
    network.compile(loss="binary_crossentropy", optimizer="adadelta")
    return network


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--samples", type=int, default=120, help="movies to train on (default 120)")
    parser.add_argument("--epochs", type=int, default=2, help="passes over them (default 2)")
    parser.add_argument("--gif", help="write the rollout beside the truth here")
    arguments = parser.parse_args()

    noisy, shifted = generate_movies(n_samples=arguments.samples + 1, n_frames=12, seed=0)
    network = build()
    network.fit(noisy[1:], shifted[1:], batch_size=5, epochs=arguments.epochs, verbose=2)

    seen = 7
    predicted = network.rollout(noisy[0, :seen], n_frames=5)  # each frame from those before, predicted ones too
    truth = shifted[0, seen - 1 : seen - 1 + len(predicted)]
    for number, (frame, true) in enumerate(zip(predicted, truth, strict=True), start=1):
        print(f"new frame {number}: mean squared error {((frame - true) ** 2).mean():.4f}")
    if arguments.gif:
        track = np.concatenate([noisy[0, :seen], predicted])
        save_gif(arguments.gif, animation_images(track, noisy[0], seen))


if __name__ == "__main__":
    main()
