"""A network's weights and its optimizer's state, by layer, as files hold them."""

from engine.files.keras.weights import WeightLists
from engine.models.sequential import Sequential


def read_state(network: Sequential) -> WeightLists:
    """What a built network holds now; slots only if it is compiled and its optimizer keeps any."""
    state = network.state_arrays()
    layers = [[state[f"weights/{weight.name}"] for weight in layer.weights] for layer in network.layers]
    if network.optimizer is None:
        return WeightLists(layers)
    names = network.optimizer.slots
    slots = [
        [tuple(state[f"optimizer/{name}/{weight.name}"] for name in names) for weight in layer.trainable_weights]
        for layer in network.layers
    ]
    return WeightLists(layers, slots if names else None, iterations=network.optimizer.iterations)


def fitting_slots(network: Sequential, weights: WeightLists) -> bool:
    """Whether the file's optimizer state is one that this network's optimizer goes on from."""
    if network.optimizer is None:
        return False
    count = len(network.optimizer.slots)
    return count == 0 or (
        weights.slots is not None and all(len(slots) == count for layer in weights.slots for slots in layer)
    )


def write_state(network: Sequential, weights: WeightLists) -> None:
    """Put weights, and the optimizer's state where both sides have it, into a built network, which checks shapes."""
    network.set_weights([array for arrays in weights.layers for array in arrays])
    if network.optimizer is None or not fitting_slots(network, weights):
        return
    state = network.state_arrays()
    for layer, of_layer in zip(network.layers, weights.slots or [], strict=weights.slots is not None):
        for weight, slots in zip(layer.trainable_weights, of_layer, strict=True):
            # an SGD without momentum has arrays of it in tf.keras' files, all zero
            for name, array in zip(network.optimizer.slots, slots, strict=False):
                state[f"optimizer/{name}/{weight.name}"] = array
    network.load_state_arrays(state)
    network.optimizer.iterations = weights.iterations
