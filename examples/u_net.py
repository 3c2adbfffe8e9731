"""A U-Net with a ConvLSTM at the bottom: which of two squares moves, pixel by pixel.

The convolutions see a frame at a time and cannot tell; the ConvLSTM at the bottom can, and the skip brings back the
edges that pooling took away (Ronneberger et al. 2015).

    python examples/u_net.py
"""

import argparse

import numpy as np

from engine import Adam, Concatenate, Conv2D, ConvLSTM2D, Input, MaxPooling3D, Model, UpSampling3D

SIZE, FRAMES = 16, 6


def squares(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Movies (N,T,H,W,1) of a square that moves and one that stands still, and masks of the one that moves."""
    random = np.random.default_rng(seed)
    movies = np.zeros((count, FRAMES, SIZE, SIZE, 1), np.float32)
    masks = np.zeros_like(movies)
    for movie, mask in zip(movies, masks, strict=True):
        row, column = random.integers(0, SIZE - 4, 2)
        movie[:, row : row + 4, column : column + 4] = 1.0
        start, step = random.integers(0, SIZE, 2), random.choice([-1, 1], 2)
        for t, frame in enumerate(mask):
            rows, columns = ((start[axis] + t * step[axis] + np.arange(4)) % SIZE for axis in range(2))
            frame[np.ix_(rows, columns)] = 1.0
        movie[mask > 0] = 1.0
    return movies, masks


def build(filters: int) -> Model:
    movie = Input((FRAMES, SIZE, SIZE, 1))
    fine = Conv2D(filters, 3, padding="same", activation="relu")(movie)  # frame by frame
    coarse = MaxPooling3D((1, 2, 2))(fine)
    bottom = ConvLSTM2D(2 * filters, 3, padding="same", recurrent_activation="sigmoid", return_sequences=True)(coarse)
    joined = Concatenate()([UpSampling3D((1, 2, 2))(bottom), fine])
    joined = Conv2D(filters, 3, padding="same", activation="relu")(joined)
    model = Model(movie, Conv2D(1, 1, activation="sigmoid")(joined), seed=0)
    model.compile(optimizer=Adam(0.005), loss="binary_crossentropy")
    return model


def overlap(found: np.ndarray, truth: np.ndarray) -> float:
    """Intersection over union of two masks."""
    return float((found & truth).sum() / (found | truth).sum())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--samples", type=int, default=100, help="movies to train on (default 100)")
    parser.add_argument("--epochs", type=int, default=12, help="passes over them (default 12)")
    parser.add_argument("--filters", type=int, default=8)
    arguments = parser.parse_args()

    model = build(arguments.filters)
    model.fit(*squares(arguments.samples, seed=0), batch_size=10, epochs=arguments.epochs, verbose=2)
    movies, masks = squares(30, seed=1)
    found = model.predict(movies, verbose=0) > 0.5
    print(f"overlap, from the third frame on, of all that is bright {overlap(movies[:, 2:] > 0, masks[:, 2:] > 0):.2f}")
    print(f"overlap, from the third frame on, of what the network marks {overlap(found[:, 2:], masks[:, 2:] > 0):.2f}")


if __name__ == "__main__":
    main()
