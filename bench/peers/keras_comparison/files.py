"""Files through both programs: what one saves, the other opens, predicts the same, trains on and saves back."""

import tempfile
import warnings
from collections import defaultdict
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

import engine
from bench.peers.keras_comparison.here import network_here
from bench.peers.keras_comparison.in_keras import KERAS, NAMES, convolve_channels_first_on_cpu, sequential
from bench.peers.keras_comparison.measure import reset_states
from bench.peers.keras_comparison.networks import Network, random_network
from kernels.arrays import HostArray

STEPS = 3
BOUND = 1e-5
SUFFIX = {3: ".keras", 2: ".h5"}
WEIGHTS_SUFFIX = {3: ".weights.h5", 2: ".h5"}
HARD = ("hard_sigmoid", "hard_sigmoid_keras3")


class Differences:
    """The largest absolute difference seen of each kind, and in which network."""

    def __init__(self) -> None:
        self.largest: dict[str, tuple[float, int]] = defaultdict(lambda: (0.0, 0))

    def see(self, what: str, number: int, actual: Any, expected: Any) -> None:
        """One array, or several in order, against what they should be."""
        actual, expected = ([v] if isinstance(v, np.ndarray) else v for v in (actual, expected))
        for a, e in zip(actual, expected, strict=True):
            assert a.shape == e.shape, f"network {number}, {what}: {a.shape} is not {e.shape}"
            self.largest[what] = max(self.largest[what], (float(np.abs(a - e).max(initial=0.0)), number))


def compare_files(networks: int) -> bool:
    """All directions for random networks; prints a table; True if every difference is within BOUND."""
    warnings.simplefilter("ignore")
    convolve_channels_first_on_cpu()
    seen = Differences()
    with tempfile.TemporaryDirectory() as folder:
        for number in range(networks):
            network = random_network(number)
            own = with_gates(network, next(iter(NAMES[network.keras])))
            saved_by_keras(own, Path(folder), seen)
            saved_here(own, Path(folder), seen)
            saved_with_the_other_gates(network, Path(folder), seen)
    for what, (difference, number) in sorted(seen.largest.items()):
        bad = "" if bounded(what, difference) else "  too much"
        print(f"{what:80} {difference:.1e}  network {number}{bad}", flush=True)
    return all(bounded(what, difference) for what, (difference, _) in seen.largest.items())


def bounded(what: str, difference: float) -> bool:
    """Whether a difference is as small as it must be."""
    return difference <= BOUND or what.endswith("(by design)")


def with_gates(network: Network, hard: str, only_recurrent: bool = False) -> Network:
    """The network with one of the two hard sigmoids for both, or only for the gates of its ConvLSTM2D."""
    own = next(iter(NAMES[network.keras]))
    layers = []
    for layer in network.layers:
        named = {key: own for key in ("activation", "recurrent_activation") if layer.get(key) in HARD}
        if "recurrent_activation" in layer and (only_recurrent or "recurrent_activation" in named):
            named["recurrent_activation"] = hard
        layers.append({**layer, **named})
    return replace(network, layers=layers)


def in_keras(network: Network) -> Any:
    """Compiled, with random weights."""
    model = sequential(network.layers, network.movies, network.keras)
    model.set_weights(network.weights([(weight.name, tuple(weight.shape)) for weight in model.weights]))
    arguments = dict(network.optimizer)
    optimizer = getattr(KERAS[network.keras].optimizers, arguments.pop("class_name"))(**arguments)
    model.compile(loss=network.loss, optimizer=optimizer)
    return model


def here(network: Network) -> engine.Sequential:
    """Build the network in this engine, on the reference back end."""
    made = network_here(network.layers, network.movies, network.loss, network.optimizer, "reference", "float32")
    made.set_weights(network.weights([(weight.name, weight.shape) for weight in made.weights]))
    return made


def train(model: Any, x: HostArray, y: HostArray) -> None:
    """STEPS steps on either side, from zero states, to which it goes back."""
    begin(model)
    for _ in range(STEPS):
        model.train_on_batch(x, y)
    begin(model)


def begin(model: Any) -> None:
    """Let stateful layers begin anew."""
    model.reset_states() if isinstance(model, engine.Sequential) else reset_states(model)


def predicted(model: Any, x: HostArray) -> HostArray:
    """The output in inference mode, from zero states."""
    begin(model)
    arguments = {} if isinstance(model, engine.Sequential) else {"verbose": 0}
    output = model.predict(x, batch_size=len(x), **arguments)
    begin(model)
    return output


def saved_by_keras(network: Network, folder: Path, seen: Differences) -> None:
    """Keras trains and saves; here it is opened, compared, trained on beside Keras, and saved back."""
    x, y = network.data()
    version, number = network.keras, network.number
    model = in_keras(network)
    train(model, x, y)
    path, back = folder / f"theirs{SUFFIX[version]}", folder / f"back{SUFFIX[version]}"
    weights = folder / f"theirs_weights{WEIGHTS_SUFFIX[version]}"
    model.save(path)
    model.save_weights(weights)
    opened, loaded = engine.load_model(path, device="reference"), here(network)
    loaded.load_weights(weights)
    label = f"Keras {version} {path.suffix} opened here"
    expected = predicted(model, x)
    seen.see(f"{label}: prediction", number, predicted(opened, x), expected)
    only = f"Keras {version} {WEIGHTS_SUFFIX[version]}, weights only, loaded here"
    seen.see(f"{only}: prediction", number, predicted(loaded, x), expected)
    if not network.has("dropout") and not network.has("recurrent_dropout"):
        train(model, x, y)
        train(opened, x, y)
        see_trained(seen, label, network, opened, model)
    opened.save(back)
    reopened = KERAS[version].models.load_model(back)
    seen.see(f"{label}: saved back, Keras' prediction", number, predicted(reopened, x), predicted(opened, x))


def see_trained(seen: Differences, label: str, network: Network, ours: Any, model: Any) -> None:
    """Weights, after STEPS more steps on both sides.

    tf.keras' fused BatchNormalization moves its variance by n/(n-1) times the batch's, n its pixels; Keras 3 and
    the engine do not.
    """
    for weight, actual, expected in zip(ours.weights, ours.get_weights(), model.get_weights(), strict=True):
        corrected = network.keras == 2 and weight.name.endswith("moving_variance")
        what = "moving variance, n/(n-1) (by design)" if corrected else f"weights after {STEPS} more steps"
        seen.see(f"{label}: {what}", network.number, actual, np.asarray(expected))


def saved_here(network: Network, folder: Path, seen: Differences) -> None:
    """Trained and saved here; Keras opens it, predicts and trains on beside the engine."""
    x, y = network.data()
    version, number = network.keras, network.number
    ours = here(network)
    train(ours, x, y)
    path = folder / f"ours{SUFFIX[version]}"
    weights = folder / f"ours_weights{WEIGHTS_SUFFIX[version]}"
    ours.save(path)
    ours.save_weights(weights)
    model, filled = KERAS[version].models.load_model(path), in_keras(network)
    filled.load_weights(weights)
    label = f"ours opened in Keras {version}, {path.suffix}"
    expected = predicted(ours, x)
    seen.see(f"{label}: prediction", number, predicted(model, x), expected)
    only = f"ours, {WEIGHTS_SUFFIX[version]}, weights only, loaded in Keras {version}"
    seen.see(f"{only}: prediction", number, predicted(filled, x), expected)
    # Keras 3 thaws a ConvLSTM2D that was saved with trainable=False
    thawed = version == 3 and any(not layer.get("trainable", True) for layer in network.layers)
    if not network.has("dropout") and not network.has("recurrent_dropout") and not thawed:
        train(model, x, y)
        train(ours, x, y)
        see_trained(seen, label, network, ours, model)


def saved_with_the_other_gates(network: Network, folder: Path, seen: Differences) -> None:
    """Gates that this Keras has not: it must predict the same from scaled weights, and reading here undoes it."""
    other = next(name for name in HARD if name not in NAMES[network.keras])
    network = with_gates(network, other, only_recurrent=True)
    x, y = network.data()
    ours = here(network)
    train(ours, x, y)
    path = folder / f"scaled{SUFFIX[network.keras]}"
    ours.save(path)
    model = KERAS[network.keras].models.load_model(path)
    label = f"ours with the other gates, Keras {network.keras} {path.suffix}"
    seen.see(f"{label}: prediction", network.number, predicted(model, x), predicted(ours, x))
    opened = engine.load_model(path, device="reference")
    gates = [[getattr(layer, "recurrent_activation", None) for layer in made.layers] for made in (opened, ours)]
    assert gates[0] == gates[1], f"network {network.number}"
    seen.see(f"{label}: opened here again, weights", network.number, opened.get_weights(), ours.get_weights())
