"""`python -m bench keras`: networks are the same at every call and what they claim to be; differences are seen."""

import json
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest

from bench.__main__ import main as bench_main
from bench.keras_example import write_plan
from bench.keras_networks import Differences, compare
from bench.peers.keras_comparison.here import network_here
from bench.peers.keras_comparison.networks import Network, random_network


def here(network: Network):
    return network_here(network.layers, network.movies, network.loss, network.optimizer, "reference", "float64")


def test_a_number_always_means_the_same_network() -> None:
    assert json.dumps(asdict(random_network(17))) == json.dumps(asdict(random_network(17)))
    assert len({json.dumps(asdict(random_network(number))["layers"]) for number in range(50)}) == 50


@pytest.mark.parametrize("number", range(40))
def test_the_engine_takes_the_network_and_gives_the_shape_that_it_claims(number: int) -> None:
    network = random_network(number)
    made = here(network)
    assert made.predict(network.data()[0]).shape == network.output
    assert made.trainable_weights


def test_a_wrong_gradient_is_seen() -> None:
    network = next(n for n in map(random_network, range(40)) if not n.has("dropout") and not n.has("recurrent_dropout"))
    made, (x, y) = here(network), network.data()
    initial = np.concatenate([weight.reshape(-1) for weight in made.get_weights()])
    loss, gradients = made.loss_and_gradients(x, y)
    found = {
        "initial": initial,
        "forward": made.predict(x),
        "loss": np.array(loss),
        "gradients": np.concatenate([gradient.reshape(-1) for gradient in gradients.values()]),
        "losses": np.array([made.train_on_batch(x, y) for _ in range(2)]),
    }
    found["final"] = np.concatenate([weight.reshape(-1) for weight in made.get_weights()])
    seen = Differences()
    compare(network, found, "reference", "float64", seen)
    assert all(off < 1e-12 for off, _ in seen.largest.values())
    found["gradients"][0] += 0.25
    compare(network, found, "reference", "float64", seen)
    assert seen.largest["gradients, float64"] == (pytest.approx(0.25, rel=1e-6), network.number)


def test_nan_is_the_largest_difference() -> None:
    seen = Differences()
    seen.see("loss", 3, np.array([np.nan]), np.array([1.0]))
    assert seen.largest["loss"] == (np.inf, 3)


def test_the_example_is_planned_as_it_is_trained(tmp_path: Path) -> None:
    write_plan(tmp_path / "plan.npz", 97)
    with np.load(tmp_path / "plan.npz", allow_pickle=False) as plan:
        rows = plan["rows"]
        assert plan["movies"].shape == plan["targets"].shape == (950, 15, 40, 40, 1)
    assert rows.shape == (97, 10)
    assert sorted(rows[:95].reshape(-1)) == list(range(950))


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--section", "speed"], "--section: expected one of 'networks', 'example', got 'speed'"),
        (["--networks", "0"], "--networks: expected an integer of at least 1, got 0"),
        (["--save", "a/b"], "--save: expected a plain name"),
    ],
)
def test_a_wrong_argument_is_one_line(arguments: list[str], says: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert bench_main(["keras", *arguments]) == 2
    assert says in capsys.readouterr().err
