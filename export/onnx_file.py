"""Export a network to an ONNX file: the chosen graph, checked, with metadata, written whole or not at all."""

from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import ModelProto, helper

from engine.files.atomic import write_atomically
from engine.support.validation import one_of, positive_int
from engine.version import __version__
from export.graph_builder import GraphBuilder
from export.metadata import metadata
from export.network import read_network
from export.rollout import rollout_graph
from export.sequence import sequence_graph
from export.step import step_graph

GRAPHS = {"sequence": sequence_graph, "step": step_graph, "rollout": rollout_graph}

DEFAULT_OPSET = 18
"""The newest opset that onnxruntime 1.18 to 1.24 run with every optimisation: from 21 on (control flow) and 22 on
(convolutions) the operators have new versions, which those releases do not all have fast kernels for."""

OLDEST_OPSET, NEWEST_OPSET = 15, 24


def build_model(
    network: Any,
    graph: str = "sequence",
    opset: int | None = None,
    float16: bool = False,
    dynamic_size: bool = False,
) -> ModelProto:
    """Return the ONNX model of a built network; arguments and errors as for export_network."""
    one_of("graph", graph, GRAPHS)
    opset = DEFAULT_OPSET if opset is None else opset
    opset = positive_int("opset", one_of("opset", opset, range(OLDEST_OPSET, NEWEST_OPSET + 1)))
    for weight in network.weights:
        if not np.isfinite(weight.to_host()).all():
            raise ValueError(f"network: {weight.name} holds NaN or infinity, of which it would predict nothing else")
    described = read_network(network, dynamic_size)
    builder = GraphBuilder(np.float16 if float16 else np.float32)
    opsets = [helper.make_opsetid("", opset)]
    model = helper.make_model(
        GRAPHS[graph](described, builder),
        opset_imports=opsets,
        ir_version=helper.find_min_ir_version_for(opsets),
        producer_name="convlstm-engine",
        producer_version=__version__,
        doc_string=f"{described.name}: the {graph} graph of a ConvLSTM network",
    )
    helper.set_model_props(model, metadata(network, described, graph))
    onnx.checker.check_model(model, full_check=True)
    return onnx.shape_inference.infer_shapes(model, check_type=True, strict_mode=True, data_prop=True)


def export_network(
    network: Any,
    path: str | Path,
    graph: str = "sequence",
    opset: int | None = None,
    float16: bool = False,
    dynamic_size: bool = False,
) -> None:
    """Write a network as an ONNX file, atomically.

    Args:
        network: a built engine.Sequential.
        path: of the file, which ends in .onnx.
        graph: "sequence": movies (N,T,H,W,C) -> predictions (N,T,H,W,K). "step": frame and states -> prediction and
            states. "rollout": movies, n_frames -> frames (N,n_frames,H,W,C).
        opset: 15 to 24; None is 18, which onnxruntime 1.18 and later run with every optimisation.
        float16: weights and arithmetic in float16 (default False); frames stay float32 at the door, states do not.
        dynamic_size: leave height and width open even where the network has them fixed (default False).

    Raises ValueError: an argument is wrong, or the network has no such graph (see docs/onnx.md). OSError: the file
    cannot be written.
    """
    if Path(path).suffix.lower() != ".onnx":
        raise ValueError(f"path: expected a name that ends in .onnx, got {str(path)!r}")
    model = build_model(network, graph, opset, float16, dynamic_size)
    write_atomically(path, model.SerializeToString(deterministic=True))
