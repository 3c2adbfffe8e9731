"""Activations that ONNX has no operator for before opset 20, or none at all, as several nodes."""

import math
from collections.abc import Callable, Mapping

from export.graph_builder import GraphBuilder
from kernels.activations import GELU_TANH_CUBE, GELU_TANH_SCALE

Composed = Callable[[GraphBuilder, str, Mapping[str, float]], str]
"""(graph, z, parameters) -> y."""


def _silu(graph: GraphBuilder, z: str, parameters: Mapping[str, float]) -> str:
    return graph.node("Mul", z, graph.node("Sigmoid", z, name="gate"), name="silu")


def _gelu(graph: GraphBuilder, z: str, parameters: Mapping[str, float]) -> str:
    scaled = graph.node("Mul", z, graph.constant("inverse_root", math.sqrt(0.5)), name="scaled")
    twice = graph.node("Add", graph.node("Erf", scaled, name="erf"), graph.constant("one", 1.0), name="twice_the_share")
    share = graph.node("Mul", twice, graph.constant("half", 0.5), name="share", doc="of a normal distribution below")
    return graph.node("Mul", z, share, name="gelu")


def _gelu_tanh(graph: GraphBuilder, z: str, parameters: Mapping[str, float]) -> str:
    square = graph.node("Mul", z, z, name="square")
    bent = graph.node("Mul", square, graph.constant("cube", GELU_TANH_CUBE), name="bent")
    factor = graph.node("Add", bent, graph.constant("one", 1.0), name="factor")
    scale = graph.constant("twice_the_scale", 2.0 * GELU_TANH_SCALE)
    score = graph.node("Mul", graph.node("Mul", z, factor, name="sum"), scale, name="score")
    return graph.node("Mul", z, graph.node("Sigmoid", score, name="gate"), name="gelu")


def _clipped_relu(graph: GraphBuilder, z: str, parameters: Mapping[str, float]) -> str:
    limit, slope, threshold = (parameters[name] for name in ("max_value", "negative_slope", "threshold"))
    zero = graph.constant("zero", 0.0)
    y = graph.node("Max", z, zero, name="above_zero")
    if not math.isinf(limit):
        y = graph.node("Min", y, graph.constant("max_value", limit), name="below_max_value")
    if slope == threshold == 0.0:
        return y
    edge = graph.constant("threshold", threshold)
    below = zero
    if slope > 0.0:
        distance = graph.node("Sub", z, edge, name="distance")
        below = graph.node("Mul", distance, graph.constant("negative_slope", slope), name="leak")
    return graph.node("Where", graph.node("Less", z, edge, name="is_below"), below, y, name="clipped_relu")


COMPOSED: dict[str, Composed] = {
    "silu": _silu,
    "gelu": _gelu,
    "gelu_tanh": _gelu_tanh,
    "clipped_relu": _clipped_relu,
}
"""By name in kernels.activations.ACTIVATIONS: those whose entry names no operator."""
