"""A thin, named way to write ONNX graphs: every node and value gets the name a reader will look for.

A GraphBuilder collects the nodes and constants of one graph. A body (of Scan) is a builder of its own, so that its
weights are its own constants: onnxruntime moves a convolution into its fast layout only if the weights stand in the
same graph as the node. Names are unique over a graph and its bodies, as ONNX demands.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
from onnx import GraphProto, NodeProto, TensorProto, ValueInfoProto, helper, numpy_helper

Shape = Sequence[int | str]
"""The shape of a value: sizes, or names for those that are known only when the graph runs."""


class GraphBuilder:
    """Nodes, constants, inputs and outputs of one graph, in the order in which they were added.

    Args:
        dtype: of floating-point constants and values: numpy.float32 or numpy.float16.
    """

    def __init__(self, dtype: Any = np.float32) -> None:
        self.dtype = np.dtype(dtype)
        self._taken: set[str] = set()
        self._scopes: list[str] = []
        self._nodes: list[NodeProto] = []
        self._constants: list[TensorProto] = []
        self._inputs: list[ValueInfoProto] = []
        self._outputs: list[ValueInfoProto] = []

    def body(self) -> "GraphBuilder":
        """Return a builder for a graph inside this one, such as the body of a Scan."""
        child = GraphBuilder(self.dtype)
        child._taken = self._taken
        return child

    @contextmanager
    def scope(self, name: str) -> Iterator[None]:
        """Prefix names given inside the `with` block by `name/`."""
        self._scopes.append(name)
        try:
            yield
        finally:
            self._scopes.pop()

    def input(self, name: str, shape: Shape, dtype: Any = None, doc: str = "") -> str:
        """Declare an input; dtype None is the builder's own."""
        self._inputs.append(self._value(self._take(name), shape, dtype, doc))
        return name

    def output(self, name: str, shape: Shape, dtype: Any = None, doc: str = "") -> str:
        """Declare an output; a node must have made the value `name`."""
        self._outputs.append(self._value(name, shape, dtype, doc))
        return name

    def constant(self, name: str, value: Any, dtype: Any = None) -> str:
        """Add a constant; floating-point arrays are cast to dtype (None: the builder's own)."""
        array = np.ascontiguousarray(value) if np.ndim(value) else np.asarray(value)
        if array.dtype.kind == "f":
            array = array.astype(self.dtype if dtype is None else dtype)
        name = self._take("/".join([*self._scopes, name]))
        self._constants.append(numpy_helper.from_array(array, name))
        return name

    def node(self, op: str, *inputs: str, name: str, output: str = "", doc: str = "", **attributes: Any) -> str:
        """Add a node with one output, which has the node's name unless `output` gives the full name it shall have."""
        return self._add(op, inputs, name, [output], doc, attributes)[0]

    def split(self, x: str, axis: int, parts: Sequence[tuple[str, int]], name: str, doc: str = "") -> list[str]:
        """Cut x along an axis into parts (name, size); a name that has a dot in it is the full name of the value."""
        sizes = self.constant(f"{name}_sizes", np.array([size for _, size in parts], np.int64))
        outputs = [part if "." in part else "/".join([*self._scopes, part]) for part, _ in parts]
        return self._add("Split", (x, sizes), name, outputs, doc, {"axis": axis})

    def scan(
        self, body: GraphProto, states: Sequence[str], sequences: Sequence[str], name: str, doc: str = ""
    ) -> list[str]:
        """Run a body over the first axis of the sequences; returns the last states, then the stacked outputs."""
        outputs = [f"{name}/{value.name}_of_all" for value in body.output]
        for number in range(len(states)):
            outputs[number] = f"{name}/{body.output[number].name}_last"
        return self._add(
            "Scan", (*states, *sequences), name, outputs, doc, {"body": body, "num_scan_inputs": len(sequences)}
        )

    def graph(self, name: str, doc: str = "") -> GraphProto:
        """Return the finished graph."""
        return helper.make_graph(self._nodes, name, self._inputs, self._outputs, self._constants, doc_string=doc)

    def _add(
        self, op: str, inputs: Sequence[str], name: str, outputs: Sequence[str], doc: str, attributes: Any
    ) -> list[str]:
        name = "/".join([*self._scopes, name])
        names = [self._take(output or name) for output in outputs]
        self._nodes.append(helper.make_node(op, inputs, names, name=name, doc_string=doc, **attributes))
        return names

    def _take(self, name: str) -> str:
        if name in self._taken:
            raise ValueError(f"name: a value {name!r} is in the graph already")
        self._taken.add(name)
        return name

    def _value(self, name: str, shape: Shape, dtype: Any, doc: str) -> ValueInfoProto:
        kind = helper.np_dtype_to_tensor_dtype(np.dtype(self.dtype if dtype is None else dtype))
        return helper.make_tensor_value_info(name, kind, list(shape), doc_string=doc)
