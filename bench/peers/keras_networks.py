"""Random networks in Keras, in float64: what each computes, as files.

    python -m bench.peers.keras_networks FOLDER NUMBER [NUMBER ...]

FOLDER/NUMBER.npz gets the weights and the results of keras_comparison/measure.py; FOLDER/NUMBER.txt, instead, why
Keras refused the network.
"""

import sys
from pathlib import Path
from typing import Any

import numpy as np

from bench.peers.keras_comparison.in_keras import VERSIONS, convolve_channels_first_on_cpu, sequential
from bench.peers.keras_comparison.measure import measure, use_float64
from bench.peers.keras_comparison.networks import random_network

STEPS = 2


def compute(number: int, folder: Path) -> None:
    """Run one network in its Keras."""
    network = random_network(number)
    use_float64()
    model = sequential(network.layers, network.movies, network.keras)
    assert tuple(model.output_shape) == network.output, f"{number}: {model.output_shape}, not {network.output}"
    initial = network.weights([(weight.name, tuple(weight.shape)) for weight in model.weights])
    results = measure(network.keras, model, initial, network.data(), network.loss, network.optimizer, STEPS)
    arrays: dict[str, Any] = {"versions": np.asarray(VERSIONS[network.keras]), **results}
    np.savez(folder / f"{number}.npz", **arrays)


if __name__ == "__main__":
    where = Path(sys.argv[1])
    convolve_channels_first_on_cpu()
    for given in sys.argv[2:]:
        try:
            compute(int(given), where)
        except (ValueError, RuntimeError) as error:
            (where / f"{given}.txt").write_text(" ".join(str(error).split())[:300])
