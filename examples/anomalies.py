"""Find odd frames: an autoencoder that has learned what is usual reconstructs the unusual badly.

Every frame is made small by a strided convolution, a ConvLSTM2D looks at the frames before, and a transposed
convolution draws the frame anew. It is trained on squares that move; the movie to be judged has some frames with
something else.

    python examples/anomalies.py
"""

import argparse

import numpy as np

from engine import Adam, Conv2D, Conv2DTranspose, ConvLSTM2D, Input, Sequential, TimeDistributed

SIZE = 16


def squares(count: int, frames: int, seed: int) -> np.ndarray:
    """Movies (N,T,H,W,1) of one square each, which moves by up to one pixel a frame."""
    random = np.random.default_rng(seed)
    movies = np.zeros((count, frames, SIZE, SIZE, 1), np.float32)
    for movie in movies:
        start, step = random.integers(0, SIZE, 2), random.integers(-1, 2, 2)
        for t, frame in enumerate(movie):
            rows, columns = ((start[axis] + t * step[axis] + np.arange(5)) % SIZE for axis in range(2))
            frame[np.ix_(rows, columns)] = 1.0
    return movies


def build(filters: int) -> Sequential:
    network = Sequential(seed=0)
    network.add(Input((None, SIZE, SIZE, 1)))
    network.add(TimeDistributed(Conv2D(filters, 3, strides=2, padding="same", activation="relu")))
    network.add(ConvLSTM2D(filters, 3, padding="same", recurrent_activation="sigmoid", return_sequences=True))
    network.add(TimeDistributed(Conv2DTranspose(1, 4, strides=2, padding="same", activation="sigmoid")))
    network.compile(optimizer=Adam(0.01), loss="mse")
    return network


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--samples", type=int, default=150, help="movies to train on (default 150)")
    parser.add_argument("--epochs", type=int, default=15, help="passes over them (default 15)")
    parser.add_argument("--filters", type=int, default=8)
    arguments = parser.parse_args()

    usual = squares(arguments.samples, frames=6, seed=0)
    network = build(arguments.filters)
    network.fit(usual, usual, batch_size=10, epochs=arguments.epochs, verbose=2)

    [movie] = squares(1, frames=20, seed=7)
    odd = [6, 13, 14]
    movie[odd] = np.indices((SIZE, SIZE)).sum(axis=0)[..., np.newaxis] % 2  # a chequered frame
    errors = ((network.predict(movie[np.newaxis], verbose=0)[0] - movie) ** 2).mean(axis=(1, 2, 3))
    for t, error in enumerate(errors):
        print(f"frame {t:2}  error {error:.4f} {'#' * int(150 * error)}")
    found = sorted(int(t) for t in np.argsort(errors)[-len(odd) :])
    print(f"odd frames {odd}, worst reconstructed {found}")


if __name__ == "__main__":
    main()
