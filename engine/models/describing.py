"""Describe a network for files, and put what a description holds into a network."""

from dataclasses import replace

from engine.graph.description import Description
from engine.models.network import Network


def describe(network: Network) -> Description:
    """The architecture and what compile was given, without numbers."""
    placement = network.placement
    loss = None if placement.objective is None else placement.objective.loss
    return Description(network.name, placement.dtype.name, network.layers, loss, placement.optimizer)


def describe_state(network: Network) -> Description:
    """The whole network as it is now; it is built if it is not yet."""
    state = network.placement.build().state_arrays()
    described = describe(network)
    weights = [[state[f"weights/{weight.name}"] for weight in layer.weights] for layer in network.layers]
    optimizer = described.optimizer
    if optimizer is None:
        return replace(described, weights=weights)
    slots = [
        [
            tuple(state[f"optimizer/{slot}/{weight.name}"] for slot in optimizer.slots)
            for weight in layer.trainable_weights
        ]
        for layer in network.layers
    ]
    return replace(
        described, weights=weights, slots=slots if optimizer.slots else None, iterations=optimizer.iterations
    )


def take_state(network: Network, described: Description) -> None:
    """Put weights, and the optimizer's state where it can go on from it, into a network, which checks shapes.

    described.optimizer is the network's own.
    """
    network.set_weights([array for arrays in described.weights for array in arrays])
    optimizer = described.optimizer
    if optimizer is None or not described.resumes:
        return
    computation = network.placement.computation
    state = computation.state_arrays()
    for layer, of_layer in zip(network.layers, described.slots or [], strict=described.slots is not None):
        for weight, arrays in zip(layer.trainable_weights, of_layer, strict=True):
            # an SGD without momentum has arrays of it in tf.keras' files, all zero
            for slot, array in zip(optimizer.slots, arrays, strict=False):
                state[f"optimizer/{slot}/{weight.name}"] = array
    computation.load_state_arrays(state)
    optimizer.iterations = described.iterations
