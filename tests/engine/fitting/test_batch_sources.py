"""fit and evaluate on generators, iterables and sequences of batches: as on arrays, and what is refused."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from engine import Concatenate, Conv3D, Input, Model, Sequential
from engine.callbacks import Callback
from tests.engine.networks import movies, seed_like, targets

X = movies(5)
Y = targets(X)
WEIGHTS = np.random.default_rng(3).random(5)
ROWS = [slice(0, 2), slice(2, 4), slice(4, 5)]


def batches(weighted: bool = False) -> list[Any]:
    return [(X[rows], Y[rows], WEIGHTS[rows]) if weighted else (X[rows], Y[rows]) for rows in ROWS]


def forever() -> Iterator[Any]:
    while True:
        yield from batches()


class Batches:
    """Like keras.utils.Sequence."""

    def __init__(self) -> None:
        self.ends = 0

    def __len__(self) -> int:
        return len(ROWS)

    def __getitem__(self, index: int) -> Any:
        return batches()[index]

    def on_epoch_end(self) -> None:
        self.ends += 1


class OnlyIterable:
    """Like a tf.data.Dataset or a DataLoader."""

    def __iter__(self) -> Iterator[Any]:
        return iter(batches())


def fitted(*data: Any, **arguments: Any) -> tuple[dict[str, list[float]], Sequential]:
    network = seed_like("reference")
    network.compile("adam", "binary_crossentropy", metrics=["mse"])
    return network.fit(*data, verbose=0, **arguments).history, network


def assert_same(one: tuple[Any, Sequential], other: tuple[Any, Sequential]) -> None:
    assert one[0] == other[0]
    for array, twin in zip(one[1].get_weights(), other[1].get_weights(), strict=True):
        np.testing.assert_array_equal(array, twin)


@pytest.mark.parametrize(
    ("make", "steps"),
    [(batches, None), (Batches, None), (OnlyIterable, None), (OnlyIterable, 3), (forever, 3)],
    ids=["list", "sequence", "iterable", "iterable with steps", "generator"],
)
def test_batches_train_as_arrays_do(make: Any, steps: int | None) -> None:
    on_arrays = fitted(X, Y, batch_size=2, epochs=2, shuffle=False, validation_data=(X[:3], Y[:3]))
    data = make()
    on_batches = fitted(
        data, epochs=2, shuffle=False, steps_per_epoch=steps,
        validation_data=[(X[:2], Y[:2]), (X[2:3], Y[2:3])],
    )  # fmt: skip
    assert_same(on_arrays, on_batches)
    if isinstance(data, Batches):
        assert data.ends == 2


def test_sample_weights_come_with_batches() -> None:
    on_arrays = fitted(X, Y, batch_size=2, epochs=2, shuffle=False, sample_weight=WEIGHTS)
    assert_same(on_arrays, fitted(batches(weighted=True), epochs=2, shuffle=False))
    assert on_arrays[0] != fitted(X, Y, batch_size=2, epochs=2, shuffle=False)[0]
    network = on_arrays[1]
    assert network.evaluate(batches(weighted=True)) == network.evaluate(X, Y, batch_size=2, sample_weight=WEIGHTS)
    assert network.evaluate(forever(), steps=3) == network.evaluate(X, Y, batch_size=2)


def test_epochs_of_so_many_steps_go_on_where_the_last_one_stopped() -> None:
    six = [batches()[number % 3] for number in range(6)]
    history, network = fitted(iter(six), epochs=3, steps_per_epoch=2)
    whole, twin = fitted(iter(six), epochs=1)
    assert len(history["loss"]) == 3 and network.iterations == twin.iterations == 6
    for array, other in zip(network.get_weights(), twin.get_weights(), strict=True):
        np.testing.assert_array_equal(array, other)
    assert np.isfinite(whole["loss"]).all()


def test_validation_with_steps_begins_anew_each_epoch() -> None:
    history, _ = fitted(X, Y, epochs=2, validation_data=OnlyIterable(), validation_steps=2, shuffle=False)
    other, _ = fitted(X, Y, epochs=2, validation_data=(X[:4], Y[:4]), shuffle=False)
    np.testing.assert_allclose(history["val_loss"], other["val_loss"], rtol=1e-12)


def test_validation_freq_and_initial_epoch() -> None:
    history, network = fitted(X, Y, epochs=5, initial_epoch=1, validation_split=0.4, validation_freq=2)
    assert network.history is not None and network.history.epoch == [1, 2, 3, 4]
    assert len(history["loss"]) == 4 and len(history["val_loss"]) == 2
    listed, _ = fitted(X, Y, epochs=4, validation_split=0.4, validation_freq=[1, 4])
    assert len(listed["val_loss"]) == 2


def test_data_that_run_out_end_training_with_a_warning() -> None:
    with pytest.warns(UserWarning, match="the data ran out after 1 batches of epoch 2"):
        history, network = fitted(iter(batches()), epochs=4, steps_per_epoch=2)
    assert len(history["loss"]) == 2 and network.iterations == 3


def test_movies_of_different_sizes_in_one_epoch() -> None:
    other = movies(2, frames=3, height=9, width=4)
    history, _ = fitted([(X[:3], Y[:3]), (other, targets(other))], epochs=2)
    assert np.isfinite(history["loss"]).all()


def test_more_steps_than_there_was_room_for_at_first() -> None:
    small = movies(1, frames=1, height=2, width=2)

    class Count(Callback):
        seen = 0

        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            assert batch == self.seen
            self.seen += 1

    count = Count()
    history, _ = fitted(((small, targets(small)) for _ in range(70)), epochs=1, callbacks=count)
    assert count.seen == 70 and len(history["loss"]) == 1


@pytest.mark.parametrize(
    ("match", "data", "arguments"),
    [
        ("y: x gives batches", batches(), {"y": Y}),
        ("batch_size: x gives batches", batches(), {"batch_size": 2}),
        ("sample_weight: x gives batches", batches(), {"sample_weight": WEIGHTS}),
        ("x: an iterator ends after one epoch", iter(batches()), {"epochs": 2}),
        ("steps_per_epoch: it is for batches that are iterated", X, {"y": Y, "steps_per_epoch": 2}),
        ("steps_per_epoch: expected", forever(), {"steps_per_epoch": 0}),
        ("y: expected targets, got None", X, {}),
        ("validation_split: it is for arrays", batches(), {"validation_split": 0.5}),
        ("validation_data: expected", X, {"y": Y, "validation_data": 3}),
        (r"validation_data\[1\]: expected shape", X, {"y": Y, "validation_data": (X, Y[:2])}),
        ("validation_data: an iterator ends", X, {"y": Y, "validation_data": iter(batches())}),
        ("initial_epoch: expected", X, {"y": Y, "initial_epoch": 2}),
        ("validation_freq: expected", X, {"y": Y, "validation_freq": 0}),
        ("callbacks: expected", X, {"y": Y, "callbacks": [3]}),
    ],
)  # fmt: skip
def test_bad_arguments_are_named_before_any_work(match: str, data: Any, arguments: dict[str, Any]) -> None:
    network = seed_like("reference")
    network.compile("sgd", "mse")
    before = network.get_weights()
    with pytest.raises(ValueError, match=match):
        network.fit(data, verbose=0, **arguments)
    assert network.iterations == 0
    for was, now in zip(before, network.get_weights(), strict=True):
        np.testing.assert_array_equal(now, was)


def test_a_bad_batch_is_named_when_it_comes() -> None:
    network = seed_like("reference")
    for bad, match in (((X, Y[:2]), "y: expected shape"), ((X,), "x: expected batches"), (None, "x: expected batches")):
        with pytest.raises(ValueError, match=match):
            network.fit((item for item in [(X, Y), bad]), verbose=0)
    with pytest.raises(ValueError, match="x: expected at least one batch"):
        network.evaluate(item for item in ())


def two_inputs() -> Model:
    first, second = Input((None, 4, 5, 1), name="first"), Input((None, 4, 5, 1), name="second")
    model = Model([first, second], Conv3D(1, 1)(Concatenate()([first, second])), device="reference", seed=1)
    model.compile("sgd", "mse")
    return model


def test_lists_of_two_arrays_are_no_batches() -> None:
    a, b, y = np.random.default_rng(0).random((3, 4, 2, 4, 5, 1), dtype=np.float32)
    one, other = two_inputs(), two_inputs()
    history = one.fit([a, b], y, batch_size=4, validation_data=([a, b], y), verbose=0).history
    assert history["loss"] == [pytest.approx(other.train_on_batch([a, b], y))]
    assert history["val_loss"] == [pytest.approx(other.evaluate({"first": a, "second": b}, y, verbose=0))]
    named = two_inputs().fit({"first": a, "second": b}, y, batch_size=4, verbose=0).history
    assert named["loss"] == history["loss"]
    in_batches = two_inputs().fit([([a, b], y)], verbose=0).history
    assert in_batches["loss"] == [pytest.approx(history["loss"][0])]
