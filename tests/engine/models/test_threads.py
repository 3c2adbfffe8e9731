"""One network, and networks that share layers, used by several threads at a time."""

import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from engine import Conv3D, ConvLSTM2D, Sequential
from tests.engine.networks import FLOAT64_DEVICES, movies, seed_like, targets

THREADS, ROUNDS = 4, 25
XS = [movies(2, seed=seed) for seed in range(THREADS)]
YS = [targets(x, seed=seed) for seed, x in enumerate(XS)]

pytestmark = pytest.mark.parametrize("device", FLOAT64_DEVICES)


@pytest.fixture(autouse=True)
def switching_often() -> Iterator[None]:
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    yield
    sys.setswitchinterval(before)


def at_once(*works: Callable[[], None]) -> None:
    """Do all of it, each in a thread; an error in one is one here."""
    errors: list[BaseException] = []
    ready = threading.Barrier(len(works))

    def run(work: Callable[[], None]) -> None:
        try:
            ready.wait()
            work()
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=run, args=(work,)) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
        assert not thread.is_alive(), "two threads wait for each other"
    if errors:
        raise errors[0]


def again_and_again(call: Callable[[], Any], expected: Any) -> Callable[[], None]:
    def work() -> None:
        for _ in range(ROUNDS):
            np.testing.assert_equal(call(), expected)

    return work


CALLS: dict[str, Callable[[Sequential, int], Any]] = {
    "predict": lambda network, number: network.predict(XS[number], verbose=0),
    "rollout": lambda network, number: network.rollout(XS[number], 2),
    "evaluate": lambda network, number: network.evaluate(XS[number], YS[number], verbose=0),
    "loss_and_gradients": lambda network, number: network.loss_and_gradients(XS[number], YS[number]),
    "a layer": lambda network, number: network.layers[0](XS[number]),  # type: ignore[operator]
}


@pytest.mark.parametrize("names", [["predict"], ["rollout"], ["loss_and_gradients"], ["a layer"], list(CALLS)])
def test_answers_are_those_of_one_thread(device: str, names: list[str]) -> None:
    network = seed_like(device)
    network.build((None, 7, 6, 1))
    calls = [(CALLS[names[number % len(names)]], number) for number in range(THREADS)]
    expected = [call(network, number) for call, number in calls]
    at_once(
        *(
            again_and_again(lambda call=call, number=number: call(network, number), right)  # type: ignore[misc]
            for (call, number), right in zip(calls, expected, strict=True)
        )
    )


def test_training_is_not_disturbed(device: str) -> None:
    alone, busy = seed_like(device), seed_like(device)
    busy.build()  # which decides the weights that it begins with
    features = Sequential(busy.layers[:2], device=device, dtype="float64")
    x, y = np.concatenate(XS), np.concatenate(YS)
    alone.fit(x, y, batch_size=3, epochs=4, verbose=0)
    done = threading.Event()

    def fit() -> None:
        try:
            busy.fit(x, y, batch_size=3, epochs=4, verbose=0)
        finally:
            done.set()

    def until_done(call: Callable[[], Any]) -> Callable[[], None]:
        def work() -> None:
            while not done.is_set():
                call()

        return work

    at_once(
        fit,
        until_done(lambda: busy.predict(XS[0], verbose=0)),
        until_done(lambda: busy.evaluate(XS[1], YS[1], verbose=0)),
        until_done(lambda: features.predict(XS[2], verbose=0)),
    )
    state = busy.state_arrays()
    for name, array in alone.state_arrays().items():
        np.testing.assert_array_equal(state[name], array, err_msg=name)


def test_weights_are_read_and_set_as_a_whole(device: str) -> None:
    network = seed_like(device)
    ones = [np.ones_like(weight) for weight in network.get_weights()]

    def write() -> None:
        for value in range(4 * ROUNDS):
            network.set_weights([value * array for array in ones])

    def read() -> None:
        for _ in range(4 * ROUNDS):
            found = {float(number) for array in network.get_weights() for number in np.unique(array)}
            assert len(found) == 1

    network.set_weights(ones)
    at_once(write, read)


def test_a_network_is_built_once(device: str) -> None:
    for _ in range(5):
        layer = ConvLSTM2D(3, 3, padding="same", return_sequences=True)
        networks = [Sequential([layer, Conv3D(1, 1, name=f"head{n}")], device=device, seed=0) for n in range(2)]
        for network in networks:
            network.compile("adam", "mse")
        answers: list[Any] = [None] * THREADS

        def ask(number: int, networks: list[Sequential] = networks, answers: list[Any] = answers) -> None:
            answers[number] = networks[number % 2].predict(XS[0], verbose=0)

        at_once(*(lambda number=number: ask(number) for number in range(THREADS)))  # type: ignore[misc]
        for network, pair in zip(networks, (answers[::2], answers[1::2]), strict=True):
            for answer in pair:
                np.testing.assert_array_equal(answer, network.predict(XS[0], verbose=0))
