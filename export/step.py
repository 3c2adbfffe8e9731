"""The step graph: one frame and the states in, the prediction of the next frame and the states out.

    frame (N,H,W,C), past.<layer>.<state> (N,F,H,W), ... -> prediction (N,H,W,K), present.<layer>.<state>, ...

No control flow and no shape arithmetic, so it runs where loops do not: CUDA graphs, WebGPU, static quantization. The
states are zeros before the first frame; then each present becomes the past of the next call.
"""

import numpy as np
from onnx import GraphProto

from export.boundary import declare_past, declare_present, from_graph_dtype, to_graph_dtype
from export.graph_builder import GraphBuilder
from export.network import Network


def step_graph(network: Network, graph: GraphBuilder) -> GraphProto:
    """Write the step graph; ValueError if the network cannot run frame by frame."""
    network.check_frame_by_frame("step")
    size = network.size
    frame = graph.input("frame", ("N", *size, network.channels), np.float32, "the newest frame of each movie")
    declare_past(graph, network.states)
    x = graph.node("Transpose", to_graph_dtype(graph, frame), name="frame_channels_first", perm=[0, 3, 1, 2])
    y = network.frame(graph, x)
    from_graph_dtype(graph, y, [0, 2, 3, 1], "prediction", "(N,K,H,W) -> (N,H,W,K)")
    graph.output("prediction", ("N", *network.size_out, network.channels_out), np.float32, "the frame that follows")
    declare_present(graph, network.states)
    return graph.graph(network.name, "One frame in, the next frame out; feed each present.* back as past.*")
