"""Save a network or its weights alone, and load weights into a network."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

from engine.files.keras import SUFFIXES, naming, read_weights, write_network, write_weights
from engine.files.safetensors import write_safetensors
from engine.models.describing import describe, describe_state, take_state
from engine.models.network import Network

KIND = "model"


def save(network: Network, path: str | Path) -> None:
    """Write architecture and weights to one file, atomically; see Sequential.save.

    Raises OSError: the file cannot be written; what stood at `path` is then untouched. ValueError: another suffix, or
    Keras' file cannot hold this network.
    """
    check_suffix(path)
    network.build()
    if str(path).lower().endswith(".weights.h5"):
        write_weights(describe_state(network), Path(path))
    elif Path(path).suffix.lower() in SUFFIXES:
        write_network(describe_state(network), Path(path))
    else:
        model_writer(network, path)()


def save_weights(network: Network, path: str | Path) -> None:
    """Write weights alone for Keras; see Sequential.save_weights."""
    write_weights(describe_state(network), Path(path))


def load_weights(network: Network, path: str | Path) -> None:
    """Set all weights from a Keras file; see Sequential.load_weights."""
    path = Path(path)
    shape, described = read_weights(describe(network), path)
    with naming(path):
        network.build(shape)
        take_state(network, described)


def check_suffix(path: str | Path) -> None:
    """Refuse a name that says another format than the file would have, or none: model.onnx, model.pt, model."""
    known = (".safetensors", *SUFFIXES)
    if Path(path).suffix.lower() not in known:
        raise ValueError(
            f"path: expected a name that ends in {', '.join(known)}, got {str(path)!r} (network.export writes .onnx)"
        )


def model_writer(network: Network, path: str | Path) -> Callable[[], None]:
    """Return a function that writes a built network's safetensors file as it is now, even after further training."""
    arrays = dict(zip([name for name, _ in network.graph.named_weights], network.get_weights(), strict=True))
    return partial(write_safetensors, path, KIND, arrays, network.get_config())
