"""keras.io's next-frame example as it stands today, its imports from engine.keras3 and its sizes shrunk.

Three ConvLSTM2D with relu, kernels 5, 3 and 1, a batch normalization behind each but the last, and a Conv3D over three
frames. The Conv3D sees the frame that it predicts, in Keras' example as here (docs/fidelity.md, The leak).

    python examples/keras_io_next_frame.py
"""

import argparse

from engine import generate_movies, keras3
from engine.keras3 import layers


def build(filters: int) -> keras3.Model:
    """The example's network, with its 64 filters shrunk."""
    inp = layers.Input(shape=(None, 20, 20, 1))
    x = layers.ConvLSTM2D(filters, (5, 5), padding="same", return_sequences=True, activation="relu")(inp)
    x = layers.BatchNormalization()(x)
    x = layers.ConvLSTM2D(filters, (3, 3), padding="same", return_sequences=True, activation="relu")(x)
    x = layers.BatchNormalization()(x)
    x = layers.ConvLSTM2D(filters, (1, 1), padding="same", return_sequences=True, activation="relu")(x)
    x = layers.Conv3D(filters=1, kernel_size=(3, 3, 3), activation="sigmoid", padding="same")(x)
    model = keras3.Model(inp, x)
    model.compile(loss=keras3.losses.BinaryCrossentropy(), optimizer=keras3.optimizers.Adam())
    return model


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--samples", type=int, default=60, help="movies to train on (default 60)")
    parser.add_argument("--epochs", type=int, default=6, help="passes over them (default 6)")
    parser.add_argument("--filters", type=int, default=8, help="of each ConvLSTM2D (default 8; keras.io has 64)")
    arguments = parser.parse_args()

    noisy, shifted = generate_movies(n_samples=arguments.samples + 10, n_frames=8, seed=0)
    x, y = (movies[:, :, 10:30, 10:30] for movies in (noisy.clip(0, 1), shifted))
    model = build(arguments.filters)
    held_out = x[:10], y[:10]
    before = model.evaluate(*held_out, verbose=0)
    callbacks = [
        keras3.callbacks.EarlyStopping(monitor="val_loss", patience=10),
        keras3.callbacks.ReduceLROnPlateau(monitor="val_loss", patience=5),
    ]
    model.fit(
        x[10:], y[10:], batch_size=5, epochs=arguments.epochs, validation_data=held_out, callbacks=callbacks, verbose=2
    )
    print(f"cross-entropy of held-out movies {before:.3f} -> {model.evaluate(*held_out, verbose=0):.3f}")


if __name__ == "__main__":
    main()
