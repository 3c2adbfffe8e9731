"""The Keras example, call by call, with only its imports changed and its sizes reduced."""

import numpy as np

from engine import BatchNormalization, Conv3D, ConvLSTM2D, Sequential, generate_movies


def test_the_example_runs_as_it_was_written() -> None:
    seq = Sequential()
    seq.add(ConvLSTM2D(filters=4, kernel_size=(3, 3),
                       input_shape=(None, 40, 40, 1),
                       padding='same', return_sequences=True))  # fmt: skip
    seq.add(BatchNormalization())

    seq.add(ConvLSTM2D(filters=4, kernel_size=(3, 3),
                       padding='same', return_sequences=True))  # fmt: skip
    seq.add(BatchNormalization())

    seq.add(Conv3D(filters=1, kernel_size=(3, 3, 3),
                   activation='sigmoid',
                   padding='same', data_format='channels_last'))  # fmt: skip
    seq.compile(loss='binary_crossentropy', optimizer='adadelta')  # fmt: skip

    noisy_movies, shifted_movies = (movies.astype(float) for movies in generate_movies(n_samples=24))
    history = seq.fit(noisy_movies[:20], shifted_movies[:20], batch_size=10,
                      epochs=2, validation_split=0.05)  # fmt: skip
    assert history.history["loss"][1] < history.history["loss"][0]

    which = 22
    track = noisy_movies[which][:7, ::, ::, ::]
    for _ in range(3):
        new_pos = seq.predict(track[np.newaxis, ::, ::, ::, ::])
        new = new_pos[::, -1, ::, ::, ::]
        track = np.concatenate((track, new), axis=0)

    assert track.shape == (10, 40, 40, 1)
    assert 0 <= track[7:].min() < track[7:].max() <= 1
    np.testing.assert_allclose(seq.rollout(noisy_movies[which][:7], 3), track[7:], atol=1e-5)
