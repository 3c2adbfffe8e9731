"""Train on movies of one's own: an .npz file in, a model file out, and predictions from the file.

    python examples/own_movies.py movies.npz --model blobs.safetensors

Without a file it makes blobs that drift, so that there is something to look at.
"""

import argparse

import numpy as np

import engine
from engine import Conv3D, ConvLSTM2D, Sequential


def drifting_blobs(movies: int, frames: int, height: int, width: int) -> np.ndarray:
    """Soft blobs that move at a speed of their own: (N,T,H,W,1), from 0 to 1."""
    random = np.random.default_rng(0)
    start, speed = random.uniform(4, 12, (movies, 2)), random.uniform(-1, 1, (movies, 2))
    centres = start[:, None] + np.arange(frames)[:, None] * speed[:, None]  # (N,T,2)
    rows, columns = np.mgrid[:height, :width]
    distance = (rows - centres[..., 0, None, None]) ** 2 + (columns - centres[..., 1, None, None]) ** 2
    return np.exp(-distance / 8.0)[..., None].astype("float32")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("movies", nargs="?", help=".npz with an array `movies` (N,T,H,W,C), scaled to 0 to 1")
    parser.add_argument("--model", default="blobs.safetensors", help="where the network goes (default %(default)s)")
    parser.add_argument("--epochs", type=int, default=3)
    arguments = parser.parse_args()

    movies = np.load(arguments.movies)["movies"] if arguments.movies else drifting_blobs(40, 8, 18, 22)
    # Frame t is the input, frame t + 1 the target. The last axis is the channels, radar and grey films have one.
    inputs, targets = movies[:, :-1], movies[:, 1:]

    network = Sequential(seed=1)
    network.add(
        ConvLSTM2D(8, 3, padding="same", return_sequences=True, input_shape=(None, None, None, movies.shape[-1]))
    )
    network.add(Conv3D(movies.shape[-1], 3, padding="causal", activation="sigmoid"))
    network.compile(loss="mse", optimizer=engine.Adam(learning_rate=0.01, clipnorm=1.0), metrics=["mae"])
    network.fit(inputs, targets, batch_size=4, epochs=arguments.epochs, validation_split=0.2, verbose=2)
    network.save(arguments.model)

    opened = engine.load_model(arguments.model)
    last = opened.predict(inputs[:1], verbose=0)[0, -1]
    error, persistence = (np.square(frame - targets[0, -1]).mean() for frame in (last, inputs[0, -1]))
    print(f"last frame of the first movie: error {error:.5f}; repeating the frame before: {persistence:.5f}")


if __name__ == "__main__":
    main()
