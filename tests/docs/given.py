"""What a page takes as given before its first block: files and names that its text speaks of."""

GIVEN = {
    # What the block before, which needs Keras, leaves: this engine's own file of the same network.
    "README.md": """
        import engine, numpy as np
        from engine import BatchNormalization, Conv3D, ConvLSTM2D

        x = (np.random.default_rng(0).random((20, 8, 16, 16, 1)) < 0.1).astype("float32")
        y = np.roll(x, 1, axis=3)
        model = engine.Sequential([
            ConvLSTM2D(8, 3, padding="same", return_sequences=True, dropout=0.1, kernel_regularizer="l2",
                       recurrent_activation="sigmoid", input_shape=(None, 16, 16, 1)),
            BatchNormalization(),
            Conv3D(1, (1, 3, 3), padding="same", activation="sigmoid"),
        ])
        model.compile(loss="binary_crossentropy", optimizer="adam")
        model.fit(x, y, batch_size=5, epochs=1)
        model.save("trained_in_keras.keras")
        np.savez("movies.npz", x=x, y=y, predicted=model.predict(x))
    """,
    "docs/keras.md": """
        import engine, numpy as np
        from engine import Conv3D, ConvLSTM2D

        x = np.random.default_rng(0).random((4, 5, 6, 7, 1))
        y, track = np.roll(x, 1, axis=3), x[0]
        model = engine.Sequential([
            ConvLSTM2D(2, 3, padding="same", return_sequences=True, recurrent_activation="sigmoid",
                       input_shape=(None, 6, 7, 1)),
            Conv3D(1, 1, activation="sigmoid"),
        ])
        model.compile(loss="mse", optimizer="adam")
        model.fit(x, y, epochs=1)
        model.save("trained_in_keras.keras")
    """,
    "docs/own_movies.md": """
        import numpy as np

        np.savez("film.npz", rain=np.random.default_rng(0).integers(0, 256, (92, 256, 256), np.uint8))
    """,
    "docs/onnx.md": """
        import numpy, onnxruntime
        from engine import Conv3D, ConvLSTM2D, Sequential

        x = numpy.random.default_rng(0).random((2, 5, 6, 7, 1)).astype("float32")
        track, movie, movies = x[0], x[0], x
        network = Sequential([
            ConvLSTM2D(2, 3, padding="same", return_sequences=True, input_shape=(None, 6, 7, 1)),
            Conv3D(1, (3, 3, 3), padding="causal", activation="sigmoid"),
        ])
        network.build()
        for graph in ("sequence", "step", "rollout"):
            network.export(f"{graph}.onnx", graph=graph)
    """,
}
"""By page: Python that runs before its blocks."""
