"""The layers as the exporter sees them: for each class of layer one *Nodes class, in a module below this folder.

A module registers itself with `nodes_for`; all of them are imported here, so that a new one needs no other line.
"""

from importlib import import_module
from pkgutil import walk_packages

from export.layers.frame_call import FrameCall
from export.layers.frame_layer import NODES, FrameLayer, Size, State, nodes_for
from export.layers.layouts import GraphShape
from export.layers.reading import read_call
from export.layers.whole_layer import WHOLE_NODES, WholeLayer, whole_nodes_for

for _module in walk_packages(__path__, f"{__name__}."):
    import_module(_module.name)


__all__ = [
    "NODES",
    "WHOLE_NODES",
    "FrameCall",
    "FrameLayer",
    "GraphShape",
    "Size",
    "State",
    "WholeLayer",
    "nodes_for",
    "read_call",
    "whole_nodes_for",
]
