"""Random networks over the arguments of the layers, in Keras and here, from the same weights: largest differences."""

import json
import subprocess
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from bench.peers.keras_comparison.here import hand_in_masks, network_here, split
from bench.peers.keras_comparison.networks import Network, random_network
from bench.peers.process import PeerError, environment
from kernels.arrays import HostArray

BOUND = 1e-4


class Differences:
    """The largest difference seen of each quantity, relative to the largest number of an array if that is above 1."""

    def __init__(self) -> None:
        self.largest: dict[str, tuple[float, int]] = {}

    def see(self, quantity: str, number: int, actual: Any, expected: Any) -> None:
        """One array of network `number`."""
        actual, expected = np.asarray(actual, np.float64), np.asarray(expected, np.float64)
        if actual.shape != expected.shape:
            raise ValueError(f"network {number}: {quantity} has shape {actual.shape}, in Keras {expected.shape}")
        off = np.abs(actual - expected).max(initial=0.0) / max(1.0, np.abs(expected).max(initial=0.0))
        off = float("inf") if np.isnan(off) else float(off)
        if off >= self.largest.get(quantity, (-1.0, 0))[0]:
            self.largest[quantity] = off, number


def run_keras(peer_python: str, numbers: Sequence[int], folder: Path, processes: int) -> None:
    """Let Keras compute the networks that `folder` does not hold yet, in a few processes."""
    folder.mkdir(parents=True, exist_ok=True)
    missing = [number for number in numbers if not list(folder.glob(f"{number}.*"))]
    running = []
    for start in range(min(processes, len(missing))):
        chunk = [str(number) for number in missing[start::processes]]
        command = [peer_python, "-m", "bench.peers.keras_networks", str(folder), *chunk]
        running.append(
            subprocess.Popen(
                command, env=environment(1), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
            )
        )  # fmt: skip
    errors = [process.communicate()[1] for process in running]
    for process, error in zip(running, errors, strict=True):
        if process.returncode:
            raise PeerError(error.strip().splitlines()[-1] if error.strip() else f"status {process.returncode}")


def compare(network: Network, keras: dict[str, HostArray], device: str, dtype: str, seen: Differences) -> None:
    """One network here, against what Keras computed in float64."""

    def fresh() -> Any:
        made = network_here(network.layers, network.movies, network.loss, network.optimizer, device, dtype)
        made.set_weights(split(keras["initial"], made))
        hand_in_masks(made, keras.get("x_masks"), keras.get("h_masks"))
        return made

    def see(quantity: str, actual: Any, expected: Any) -> None:
        seen.see(f"{quantity}, {dtype}", network.number, actual, expected)

    x, y = network.data()
    here = fresh()
    see("prediction", here.predict(x), keras["forward"])
    if "forward_again" in keras:
        see("prediction", here.predict(x), keras["forward_again"])
        here.reset_states()
    loss, gradients = here.loss_and_gradients(x, y)
    see("loss", loss, keras["loss"])
    for weight, expected in zip(here.trainable_weights, split(keras["gradients"], here, trainable=True), strict=True):
        see("gradients", gradients[weight.name], expected)
    here = fresh()
    here.loss_and_gradients(x, y)  # draws the masks that Keras' gradients had
    here.reset_states()
    see("loss", [here.train_on_batch(x, y) for _ in keras["losses"]], keras["losses"])
    for actual, expected in zip(here.get_weights(), split(keras["final"], here), strict=True):
        see("weights after two steps", actual, expected)


def compare_networks(
    peer_python: str, numbers: Sequence[int], device: str, processes: int, folder: Path
) -> dict[str, Any]:
    """Everything, as it is to be kept in the results."""
    run_keras(peer_python, numbers, folder, processes)
    seen, refused, versions = Differences(), {}, set()
    for number in numbers:
        network = random_network(number)
        if (folder / f"{number}.txt").exists():
            refused[number] = (folder / f"{number}.txt").read_text(encoding="utf-8")
            continue
        with np.load(folder / f"{number}.npz", allow_pickle=False) as file:
            keras = dict(file)
        versions.add(str(keras["versions"]))
        for dtype in ("float32",) if device.startswith("cuda") else ("float64", "float32"):
            try:
                compare(network, keras, device, dtype, seen)
            except Exception as error:
                error.add_note(f"network {number}: {json.dumps(asdict(network))}")
                raise
    worst = max(seen.largest.values(), default=(0.0, 0))
    return {
        "what": "Keras in float64; differences relative to an array's largest number where that is above 1",
        "networks": len(numbers) - len(refused),
        "numbers": [min(numbers), max(numbers)],
        "device": device,
        "versions": sorted(versions),
        "refused_by_keras": refused,
        "largest": {what: {"difference": off, "network": n} for what, (off, n) in sorted(seen.largest.items())},
        "bound": BOUND,
        "worst_network": asdict(random_network(worst[1])),
    }
