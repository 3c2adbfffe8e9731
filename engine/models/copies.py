"""copy.deepcopy and pickle of a network: what is on a back end goes through host arrays, and is put on a new one.

Plans and recorded steps hold addresses, so they are never copied; the copy makes its own when it is first used.
"""

from typing import TYPE_CHECKING, Any, NoReturn

if TYPE_CHECKING:
    from engine.models.sequential import Sequential

_ARRAYS = "arrays, and what was trainable"


def state(network: "Sequential") -> dict[str, Any]:
    """All that a copy is made of."""
    kept = network.__dict__ | {"_computation": None, "_identity": None}
    if network.built:
        kept[_ARRAYS] = network.state_arrays(), network.trainable_as_placed
    return kept


def restore(network: "Sequential", kept: dict[str, Any]) -> None:
    """Make an empty object the network that `kept` is of. Raises ValueError: its device is not on this machine."""
    arrays, placed = kept.pop(_ARRAYS, (None, []))
    network.__dict__.update(kept, _identity=object())
    if network.optimizer is not None:
        network.optimizer.claim(network._identity)
    if arrays is None:
        return
    now = [layer.trainable for layer in network.layers]
    _set_trainable(network, placed)  # the optimizer's slots are those of the weights that were trained then
    network.load_state_arrays(arrays)
    _set_trainable(network, now)


def refuse_shallow() -> NoReturn:
    """copy.copy: two networks with one optimizer and one back end's buffers would disturb each other."""
    raise ValueError(
        "copy.copy: expected copy.deepcopy(network), which shares nothing; Sequential(network.layers) shares the layers"
    )


def _set_trainable(network: "Sequential", trainable: list[bool]) -> None:
    for layer, value in zip(network.layers, trainable, strict=True):
        layer.trainable = value
