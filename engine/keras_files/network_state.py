"""A network's weights and Adadelta's accumulators, by layer, as files hold them."""

from engine.keras_files.weight_lists import WeightLists
from engine.optimizers import Adadelta
from engine.sequential import Sequential

_GRADIENT, _DELTA = Adadelta().slots


def read_state(network: Sequential) -> WeightLists:
    """What a built network holds now; accumulators only if it is compiled."""
    state = network.state_arrays()
    layers = [[state[f"weights/{weight.name}"] for weight in layer.weights] for layer in network.layers]
    if not isinstance(network.optimizer, Adadelta):
        return WeightLists(layers)
    return WeightLists(
        layers,
        [
            [
                (state[f"optimizer/{_GRADIENT}/{weight.name}"], state[f"optimizer/{_DELTA}/{weight.name}"])
                for weight in layer.trainable_weights
            ]
            for layer in network.layers
        ],
        iterations=network.optimizer.iterations,
    )


def write_state(network: Sequential, weights: WeightLists) -> None:
    """Put weights, and accumulators where both sides have them, into a built network; shapes are checked there."""
    network.set_weights([array for arrays in weights.layers for array in arrays])
    if weights.accumulators is None or not isinstance(network.optimizer, Adadelta):
        return
    state = network.state_arrays()
    for layer, pairs in zip(network.layers, weights.accumulators, strict=True):
        for weight, pair in zip(layer.trainable_weights, pairs, strict=True):
            for slot, array in zip((_GRADIENT, _DELTA), pair, strict=True):
                state[f"optimizer/{slot}/{weight.name}"] = array
    network.load_state_arrays(state)
    network.optimizer.iterations = weights.iterations
