"""A network's architecture as Keras' JSON; engine/models/loading.py reads it."""

import json

from engine.files.keras.describe import describe as describe_for_keras
from engine.files.keras.gates import gates_of, ratio
from engine.models.describing import describe
from engine.models.network import Network


def to_json(network: Network, keras: int) -> str:
    """The architecture as Keras of this major version, 2 or 3, writes it; see TrainedNetwork.to_json."""
    if keras not in (2, 3):
        raise ValueError(f"keras: expected 2 or 3, got {keras!r}")
    described = describe(network)
    for layer in described.layers:
        if ratio(gates_of(layer), keras) != 1.0:
            raise ValueError(
                f"keras: layer {layer.name!r} has gates {gates_of(layer)!r}, and Keras {keras} computes another "
                f"function under the name hard_sigmoid; pass keras={5 - keras}, or save a file, whose weights make up "
                "for it"
            )
    config = describe_for_keras(described, keras)
    config.pop("compile_config", None)
    if keras == 2:
        config |= {"keras_version": "2.3.1", "backend": "tensorflow"}
    return json.dumps(config)
