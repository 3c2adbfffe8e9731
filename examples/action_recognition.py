"""Action recognition: which way does the square go? A ConvLSTM, pooling, and a softmax over directions.

python examples/action_recognition.py
"""

import argparse

import numpy as np

from engine import Adam, ConvLSTM2D, Dense, Dropout, Flatten, MaxPooling3D, Sequential, TimeDistributed

DIRECTIONS = {"up": (-1, 0), "down": (1, 0), "left": (0, -1), "right": (0, 1)}
SIZE, FRAMES = 12, 6


def squares(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Movies (N,T,H,W,1) of one square each, somewhat noisy, and the number of its direction (N,1)."""
    random = np.random.default_rng(seed)
    labels = random.integers(0, len(DIRECTIONS), (count, 1))
    movies = random.normal(0.0, 0.1, (count, FRAMES, SIZE, SIZE, 1)).astype(np.float32)
    steps = np.array(list(DIRECTIONS.values()))
    for movie, label in zip(movies, labels[:, 0], strict=True):
        start = random.integers(0, SIZE, 2)
        for t, frame in enumerate(movie):
            rows, columns = ((start[axis] + t * steps[label, axis] + np.arange(3)) % SIZE for axis in range(2))
            frame[np.ix_(rows, columns)] += 1.0
    return movies, labels


def build(filters: int) -> Sequential:
    network = Sequential(seed=0)
    network.add(
        ConvLSTM2D(
            filters, 3, padding="same", recurrent_activation="sigmoid", return_sequences=True,
            input_shape=(FRAMES, SIZE, SIZE, 1),
        )
    )  # fmt: skip
    network.add(MaxPooling3D((1, 2, 2)))
    network.add(TimeDistributed(Dropout(0.2)))
    network.add(Flatten())
    network.add(Dense(len(DIRECTIONS), activation="softmax"))
    network.compile(optimizer=Adam(0.005), loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    return network


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--samples", type=int, default=200, help="movies to train on (default 200)")
    parser.add_argument("--epochs", type=int, default=15, help="passes over them (default 15)")
    parser.add_argument("--filters", type=int, default=8)
    arguments = parser.parse_args()

    network = build(arguments.filters)
    network.fit(*squares(arguments.samples, seed=0), batch_size=10, epochs=arguments.epochs, verbose=2)
    movies, labels = squares(100, seed=1)
    guesses = network.predict(movies, verbose=0).argmax(axis=-1)
    names = list(DIRECTIONS)
    for number in range(4):
        print(f"movie {number} goes {names[labels[number, 0]]}, taken for {names[guesses[number]]}")
    print(f"held-out movies told right, of 100 (25 by chance): {(guesses == labels[:, 0]).sum()}")


if __name__ == "__main__":
    main()
