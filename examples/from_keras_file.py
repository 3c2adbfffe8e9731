"""Open a network that Keras saved, go on training it from where its optimizer was, and give it back.

    python examples/from_keras_file.py trained_in_keras.keras --out back_to_keras.keras

Neither Keras nor TensorFlow is needed here, h5py is.
"""

import argparse

import numpy as np

import engine


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", help=".keras or .h5 of any Keras")
    parser.add_argument("--out", default="back_to_keras.keras", help="the file to write (default %(default)s)")
    parser.add_argument("--frames", type=int, default=4, help="frames of the made-up movies (default 4)")
    arguments = parser.parse_args()

    network = engine.load_model(arguments.model)
    network.summary()
    sizes = [size or default for size, default in zip(network.input_shape, (arguments.frames, 8, 8, 1), strict=True)]
    x = np.random.default_rng(0).random((6, *sizes)).astype("float32")
    y = np.clip(np.roll(network.predict(x, verbose=0), 1, axis=2), 0.0, 1.0)  # made up too: what it says, moved a pixel
    before = network.optimizer.iterations
    network.fit(x, y, batch_size=2, epochs=2, verbose=2)
    network.save(arguments.out)
    print(f"{network.optimizer.iterations - before} more updates; {arguments.out} opens with keras.models.load_model")


if __name__ == "__main__":
    main()
