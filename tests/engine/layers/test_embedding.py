"""Embedding: which numbers it takes, where it stands, and what it refuses."""

from typing import Any

import numpy as np
import pytest

from engine import Dense, Embedding, Flatten, Sequential

NUMBERS = np.arange(14).reshape(2, 7) % 5


def network(**arguments: Any) -> Sequential:
    layers = [Embedding(5, 3, input_shape=(7,), **arguments), Flatten(), Dense(1)]
    built = Sequential(layers, device="reference", seed=1)
    built.compile(loss="mse", optimizer="sgd")
    return built


def test_integers_and_whole_floats_read_the_same_rows() -> None:
    built = network()
    table = built.get_weights()[0]
    rows = Sequential(built.layers[:1], device="reference").predict(NUMBERS)
    np.testing.assert_array_equal(rows, table[NUMBERS])
    np.testing.assert_array_equal(built.predict(NUMBERS), built.predict(NUMBERS.astype(np.float32)))


@pytest.mark.parametrize(
    ("change", "message"),
    [(5, "from 0 to 4 for embedding, got 0 to 5$"), (-1, "got -1 to 4$"), (0.5, "got 0 to 4 with fractions")],
)
def test_other_numbers_are_refused_at_the_door(change: float, message: str) -> None:
    built, wrong = network(), NUMBERS.astype(float)
    wrong[1, 3] = change
    for work in (built.predict, built.predict_on_batch, lambda x: built.fit(x, np.zeros((2, 1)), verbose=0)):
        with pytest.raises(ValueError, match=f"x: expected whole numbers .*{message}"):
            work(wrong)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"input_dim": 0, "output_dim": 2}, "input_dim"),
        ({"input_dim": 3, "output_dim": 2.5}, "output_dim"),
        ({"input_dim": 3, "output_dim": 2, "mask_zero": True}, "mask_zero: expected False.*skips the steps of a mask"),
    ],
)
def test_wrong_arguments(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Embedding(**arguments)


def test_more_rows_than_float32_counts_and_too_many_axes_are_refused() -> None:
    with pytest.raises(ValueError, match="expected numbers of 2 to 4 axes"):
        Embedding(5, 3).output_shape((2, 3, 4, 5))
    layer = Embedding(2**24 + 1, 1, embeddings_initializer="zeros")
    with pytest.raises(ValueError, match="float32 holds whole numbers up to"):
        Sequential([layer], device="reference").predict(np.zeros((1, 2)))
