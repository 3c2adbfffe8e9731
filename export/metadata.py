"""The metadata_props of an exported file: strings, JSON where there is structure.

graph         "sequence", "step" or "rollout"
name          of the network
engine        the version of the engine that wrote it
input_layout  the axes of the frames or movies that go in, and of the states
input_shape   [frames, height, width, channels], null where any size will do
output_channels, gate_order, looks_ahead ("true": predictions of a sequence depend on the next frames, too)
layers        [{"class": ..., "name": ..., ...}, ...]
last_frame_only  "true": the output of a sequence is that of its last frame
states        of a step graph: [{"past": input name, "present": output name, "shape": [...]}, ...]
inputs, outputs  their names
how_to_run    a few lines of Python
"""

import json
from typing import Any

from engine.version import __version__
from export.layers.recurrent.conv_lstm2d import GATE_ORDER
from export.network import Network

_HOW_TO_RUN = {
    "sequence": "predictions = session.run(['predictions'], {'movies': movies})[0]",
    "rollout": "frames = session.run(['frames'], {'movies': movies, 'n_frames': numpy.int64(16)})[0]",
    "step": (
        "Start with zeros for every past.*; per frame run the session, read prediction, and feed each present.* back "
        "as the past.* that `states` pairs it with."
    ),
}


def metadata(source: Any, network: Network, graph: str) -> dict[str, str]:
    """Return the metadata of a graph of the engine network `source`."""
    sizes = [size if isinstance(size, int) else None for size in network.input_shape]
    sizes = [None, *sizes[1:]] if len(sizes) == 4 else sizes
    return {
        "graph": graph,
        "name": network.name,
        "engine": __version__,
        "input_layout": "frame (N,H,W,C); states (N,F,H,W)" if graph == "step" else "movies (N,T,H,W,C)",
        "input_shape": json.dumps(sizes),
        "output_channels": str(network.channels_out),
        "gate_order": GATE_ORDER,
        "last_frame_only": json.dumps(network.last_frame_only),
        "inputs": json.dumps(network.input_names),
        "outputs": json.dumps(network.output_names),
        "looks_ahead": json.dumps(network.looks_ahead),
        "layers": json.dumps([_describe(layer) for layer in source.graph]),
        "states": json.dumps(
            [{"past": s.past, "present": s.present, "shape": s.shape} for s in network.states]
            if graph == "step"
            else []
        ),
        "how_to_run": _HOW_TO_RUN[graph],
    }


def _describe(layer: Any) -> dict[str, Any]:
    config = layer.get_config()
    wanted = ("filters", "kernel_size", "recurrent_activation", "activation", "padding", "epsilon")
    return {"class": type(layer).__name__, "name": layer.name, **{key: config[key] for key in wanted if key in config}}
