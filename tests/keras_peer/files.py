"""Files through both programs: what one saves, the other opens, predicts the same, trains on and saves back."""

import tempfile
import warnings
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np

import engine
from tests.keras_peer.networks import GATES, KERAS, Array, Network, random_network

STEPS = 3
BOUND = 1e-5
SUFFIX = {3: ".keras", 2: ".h5"}
WEIGHTS_SUFFIX = {3: ".weights.h5", 2: ".h5"}


class Differences:
    """The largest absolute difference seen of each kind."""

    def __init__(self) -> None:
        self.largest: dict[str, float] = defaultdict(float)

    def see(self, what: str, actual: Any, expected: Any) -> None:
        """One array, or several in order, against what they should be."""
        actual, expected = ([v] if isinstance(v, np.ndarray) else v for v in (actual, expected))
        for a, e in zip(actual, expected, strict=True):
            assert a.shape == e.shape, f"{what}: {a.shape} is not {e.shape}"
            self.largest[what] = max(self.largest[what], float(np.abs(a - e).max()))


def compare_files(networks: int) -> bool:
    """All directions for random networks; prints a table; True if every difference is within BOUND."""
    warnings.simplefilter("ignore")
    good = True
    with tempfile.TemporaryDirectory() as folder:
        for version in (3, 2):
            seen = Differences()
            other = {3: "hard_sigmoid", 2: "hard_sigmoid_keras3"}[version]
            for number in range(networks):
                network = random_network(number, list(GATES[version]))
                saved_by_keras(network, version, Path(folder), seen)
                saved_here(network, version, Path(folder), seen)
                saved_with_the_other_gates(random_network(number, [other]), version, Path(folder), seen)
            for what, difference in seen.largest.items():
                print(f"{what:72} {difference:.1e}{'' if bounded(what, difference) else '  too much'}", flush=True)
                good &= bounded(what, difference)
    return good


def bounded(what: str, difference: float) -> bool:
    """Whether a difference is as small as it must be."""
    return difference <= BOUND or what.endswith("(by design)")


def saved_by_keras(network: Network, version: int, folder: Path, seen: Differences) -> None:
    """Keras trains and saves; here it is opened, compared, trained on beside Keras, and saved back."""
    x, y = network.data()
    model = network.in_keras(version)
    train(model, x, y)
    path, back = folder / f"theirs{SUFFIX[version]}", folder / f"back{SUFFIX[version]}"
    weights = folder / f"theirs_weights{WEIGHTS_SUFFIX[version]}"
    model.save(path)
    model.save_weights(weights)
    opened, loaded = engine.load_model(path, device="reference"), network.here()
    loaded.load_weights(weights)
    label = f"Keras {version} {path.suffix} opened here"
    predicted = model.predict(x, verbose=0)
    seen.see(f"{label}: prediction", opened.predict(x), predicted)
    only = f"Keras {version} {WEIGHTS_SUFFIX[version]}, weights only, loaded here"
    seen.see(f"{only}: prediction", loaded.predict(x), predicted)
    seen.see(f"{label}: accumulators", accumulators(opened), keras_accumulators(model))
    train(model, x, y)
    for _ in range(STEPS):
        opened.train_on_batch(x, y)
    see_trained(seen, label, version, opened, model)
    opened.save(back)
    reopened = KERAS[version].models.load_model(back)
    seen.see(f"{label}: saved back, Keras' prediction", reopened.predict(x, verbose=0), opened.predict(x))


def see_trained(seen: Differences, label: str, version: int, network: engine.Sequential, model: Any) -> None:
    """Weights, after STEPS more steps on both sides.

    tf.keras' fused BatchNormalization moves its variance by n/(n-1) times the batch's, n its pixels; Keras 3 and
    the engine do not.
    """
    for weight, actual, expected in zip(network.weights, network.get_weights(), model.get_weights(), strict=True):
        corrected = version == 2 and weight.name.endswith("moving_variance")
        what = "moving variance, n/(n-1) (by design)" if corrected else f"weights after {STEPS} more steps"
        seen.see(f"{label}: {what}", actual, np.asarray(expected))


def saved_here(network: Network, version: int, folder: Path, seen: Differences) -> None:
    """Trained and saved here; Keras opens it, predicts and trains on beside the engine."""
    x, y = network.data()
    ours = network.here()
    for _ in range(STEPS):
        ours.train_on_batch(x, y)
    path = folder / f"ours{SUFFIX[version]}"
    weights = folder / f"ours_weights{WEIGHTS_SUFFIX[version]}"
    ours.save(path)
    ours.save_weights(weights)
    model, filled = KERAS[version].models.load_model(path), network.in_keras(version)
    filled.load_weights(weights)
    label = f"ours opened in Keras {version}, {path.suffix}"
    predicted = ours.predict(x)
    seen.see(f"{label}: prediction", model.predict(x, verbose=0), predicted)
    only = f"ours, {WEIGHTS_SUFFIX[version]}, weights only, loaded in Keras {version}"
    seen.see(f"{only}: prediction", filled.predict(x, verbose=0), predicted)
    seen.see(f"{label}: accumulators", keras_accumulators(model), accumulators(ours))
    if version == 2 and network.gates() == {"sigmoid"}:
        three = KERAS[3].models.load_model(path)
        seen.see("ours opened in Keras 3, .h5 with sigmoid gates: prediction", three.predict(x, verbose=0), predicted)
    train(model, x, y)
    for _ in range(STEPS):
        ours.train_on_batch(x, y)
    see_trained(seen, label, version, ours, model)


def saved_with_the_other_gates(network: Network, version: int, folder: Path, seen: Differences) -> None:
    """Gates that this Keras has not: it must predict the same from scaled weights, and reading here undoes it."""
    x, y = network.data()
    ours = network.here()
    for _ in range(STEPS):
        ours.train_on_batch(x, y)
    path, again = folder / f"scaled{SUFFIX[version]}", folder / f"scaled_again{SUFFIX[version]}"
    ours.save(path)
    model = KERAS[version].models.load_model(path)
    label = f"ours with the other gates, Keras {version} {path.suffix}"
    seen.see(f"{label}: prediction", model.predict(x, verbose=0), ours.predict(x))
    opened = engine.load_model(path, device="reference")
    assert opened.get_config()["layers"] == ours.get_config()["layers"]
    seen.see(f"{label}: opened here again, weights", opened.get_weights(), ours.get_weights())
    train(model, x, y)
    for _ in range(STEPS):
        ours.train_on_batch(x, y)
    seen.see(f"{label}: {STEPS} more steps in Keras (by design)", model.predict(x, verbose=0), ours.predict(x))
    model.save(again)
    resaved = engine.load_model(again, device="reference")
    seen.see(f"{label}: saved by Keras, opened here", resaved.predict(x), model.predict(x, verbose=0))


def train(model: Any, x: Array, y: Array) -> None:
    """STEPS steps in Keras."""
    for _ in range(STEPS):
        model.train_on_batch(x, y)


def keras_accumulators(model: Any) -> list[Array]:
    """Gradient accumulators, then those of updates, in the order of the trainable weights."""
    optimizer = model.optimizer
    if hasattr(optimizer, "get_slot"):  # tf.keras' optimizers before 2.11
        trained = model.trainable_weights
        return [optimizer.get_slot(v, slot).numpy() for slot in ("accum_grad", "accum_var") for v in trained]
    return [np.asarray(v) for v in (*optimizer._accumulated_grads, *optimizer._accumulated_delta_vars)]


def accumulators(network: engine.Sequential) -> list[Array]:
    """The same here."""
    state = network.state_arrays()
    slots = ("accumulated_gradient", "accumulated_delta")
    return [state[f"optimizer/{slot}/{weight.name}"] for slot in slots for weight in network.trainable_weights]
