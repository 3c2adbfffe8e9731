"""An encoder whose states begin a forecaster, as one Model: the frames after a movie, all in one go.

The encoder reads the movie and keeps its last h and c; the forecaster begins with them and sees nothing but the last
frame, again and again (Shi et al. 2015). The gradient reaches the encoder through the states alone.

    python examples/encoder_forecaster.py
"""

import argparse

import numpy as np

from engine import Adam, Conv3D, ConvLSTM2D, Input, Model

SIZE, SEEN, AHEAD = 16, 5, 4


def squares(count: int, seed: int) -> np.ndarray:
    """Movies (N,T,H,W,1) of a square that moves over the edge and comes back on the other side."""
    random = np.random.default_rng(seed)
    movies = np.zeros((count, SEEN + AHEAD, SIZE, SIZE, 1), np.float32)
    for movie in movies:
        start, step = random.integers(0, SIZE, 2), random.choice([-1, 1], 2)
        for t, frame in enumerate(movie):
            rows, columns = ((start[axis] + t * step[axis] + np.arange(4)) % SIZE for axis in range(2))
            frame[np.ix_(rows, columns)] = 1.0
    return movies


def build(filters: int) -> Model:
    def recurrent(**arguments: bool) -> ConvLSTM2D:
        return ConvLSTM2D(filters, 5, padding="same", recurrent_activation="sigmoid", **arguments)

    seen, last = Input((SEEN, SIZE, SIZE, 1)), Input((AHEAD, SIZE, SIZE, 1))
    _, h, c = recurrent(return_state=True)(seen)
    frames = recurrent(return_sequences=True)(last, initial_state=[h, c])
    model = Model([seen, last], Conv3D(1, (1, 3, 3), padding="same", activation="sigmoid")(frames), seed=0)
    model.compile(optimizer=Adam(0.01), loss="binary_crossentropy")
    return model


def inputs(movies: np.ndarray) -> list[np.ndarray]:
    """What the encoder reads, and the last frame of it for each frame ahead."""
    return [movies[:, :SEEN], np.repeat(movies[:, SEEN - 1 : SEEN], AHEAD, axis=1)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--samples", type=int, default=150, help="movies to train on (default 150)")
    parser.add_argument("--epochs", type=int, default=12, help="passes over them (default 12)")
    parser.add_argument("--filters", type=int, default=12)
    arguments = parser.parse_args()

    model, movies, unseen = build(arguments.filters), squares(arguments.samples, 0), squares(40, 1)
    model.fit(inputs(movies), movies[:, SEEN:], batch_size=10, epochs=arguments.epochs, verbose=2)
    truth, given = unseen[:, SEEN:], inputs(unseen)
    for name, frames in (("the model", model.predict(given, verbose=0)), ("repeating the last frame", given[1])):
        errors = np.square(frames - truth).mean(axis=(0, 2, 3, 4))
        print(f"mean squared error of {name}, by lead:", " ".join(f"{error:.3f}" for error in errors))


if __name__ == "__main__":
    main()
