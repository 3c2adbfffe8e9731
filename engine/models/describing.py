"""Describe a network for files, and put what a description holds into a network."""

from dataclasses import replace

from engine.graph.description import Description
from engine.models.network import Network


def describe(network: Network) -> Description:
    """Describe architecture and compile arguments, without weights."""
    placement = network.placement
    losses = None if placement.objective is None else list(placement.objective.losses)
    loss = losses[0] if losses is not None and len(losses) == 1 else losses
    weights = None if placement.objective is None else list(placement.objective.loss_weights)
    weights = weights if weights is not None and any(weight != 1.0 for weight in weights) else None
    metrics = [] if placement.objective is None else [list(of_output) for of_output in placement.objective.metrics]
    return Description(
        network.name, placement.dtype.name, network.graph, loss, weights, placement.optimizer, metrics=metrics
    )


def describe_state(network: Network) -> Description:
    """Describe a network with its weights and its optimizer's state as they are now; builds it if need be."""
    state = network.placement.build().state_arrays()
    described = describe(network)
    names = {id(weight): name for name, weight in network.graph.named_weights}
    weights = [[state[f"weights/{names[id(weight)]}"] for weight in layer.weights] for layer in network.graph]
    optimizer = described.optimizer
    if optimizer is None:
        return replace(described, weights=weights)
    slots = [
        [
            tuple(state[f"optimizer/{slot}/{names[id(weight)]}"] for slot in optimizer.slots)
            for weight in layer.trainable_weights
        ]
        for layer in network.graph
    ]
    return replace(
        described, weights=weights, slots=slots if optimizer.slots else None, iterations=optimizer.iterations
    )


def take_state(network: Network, described: Description) -> None:
    """Put a description's weights into a network, and the optimizer's state if the optimizer can resume from it.

    described.optimizer is the network's own. Raises ValueError: a shape does not fit.
    """
    names = {id(weight): name for name, weight in network.graph.named_weights}
    given = {
        id(weight): array
        for layer, arrays in zip(network.graph, described.weights, strict=True)
        for weight, array in zip(layer.weights, arrays, strict=True)
    }
    network.set_weights([given[id(weight)] for weight in network.weights])
    optimizer = described.optimizer
    if optimizer is None or not described.resumes:
        return
    computation = network.placement.computation
    state = computation.state_arrays()
    for layer, of_layer in zip(network.graph, described.slots or [], strict=described.slots is not None):
        for weight, arrays in zip(layer.trainable_weights, of_layer, strict=True):
            # an SGD without momentum has arrays of it in tf.keras' files, all zero
            for slot, array in zip(optimizer.slots, arrays, strict=False):
                state[f"optimizer/{slot}/{names[id(weight)]}"] = array
    computation.load_state_arrays(state)
    optimizer.iterations = described.iterations
