"""How Keras' files know a layer: everything about it that is Keras' habit and not the layer's mathematics."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

Config = dict[str, Any]


@dataclass(frozen=True)
class KerasForm:
    """A layer's declaration for files of Keras (engine/files/keras), which read it and know no class by itself.

    Attributes:
        class_name: in Keras 2 and 3.
        groups: names of the layer's group in Keras 3's HDF5 tree; the first is written, all are read.
        module: of the class, as Keras 3 describes it.
        former_names: class names in Keras 1.
        cell: where Keras keeps the weights in a cell: the path of the cell's group, and the cell's name.
        defaults: by Keras' major version, what an argument is that a file leaves out, where it is another than here.
        since: by argument, the major version that it came with.
        implied: arguments that Keras 2.3 has not, with the value that it computes with.
        ignored: arguments of Keras that the layer has not, without effect on its output.
        refused: arguments of Keras that the layer has not or that a chain of layers cannot have: the value that a file
            must not hold.
        nullable: arguments whose None is a choice, and not what a file says for the default.
        renamed: Keras 1's names of arguments that the engine calls otherwise.
        renamed_in_2: those of Keras 1 and 2, which Keras 3 calls as the engine does.
        only: Keras 1's arguments of which one value is offered.
        first_of_gates: for a layer whose gates are side by side in one array, which Keras 1 kept as an array for each:
            the number of each gate's first array there, in today's order.
        kernel_of_keras_1: by data_format, the axes of Keras 1's first array in today's order, where it had another;
            those that are left out have size 1.
        gate_argument: the argument that names the gates' activation, whose weights a file for another Keras may have to
            scale (engine/files/keras/gates.py); None: there are no gates.
        scaled_gates: for each gate, whether its activation is that one.
        one_frame_size: whether Keras 3 builds the layer for one height and width only.
        merge_mode: of Keras 1's layer Merge, the mode in which it is this layer.
        inner: names of the attributes that are layers inside this one, in the order of their weights, which nest in
            its own.
        inner_arguments: names of the arguments that are layers, whose class and arguments nest in its own.
        absorbs: by the class of a Keras layer that may stand before this one and is a part of it here: a function from
            both layers' arguments to those of one; None where they are no such pair, and stay two layers.
    """

    class_name: str
    groups: tuple[str, ...]
    module: str = "keras.layers"
    former_names: tuple[str, ...] = ()
    cell: tuple[str, str] | None = None
    defaults: Mapping[int, Config] = field(default_factory=dict)
    since: Mapping[str, int] = field(default_factory=dict)
    implied: Mapping[str, Any] = field(default_factory=dict)
    ignored: tuple[str, ...] = ()
    refused: Mapping[str, Any] = field(default_factory=dict)
    nullable: tuple[str, ...] = ()
    renamed: Mapping[str, str] = field(default_factory=dict)
    renamed_in_2: Mapping[str, str] = field(default_factory=dict)
    only: Mapping[str, Any] = field(default_factory=dict)
    first_of_gates: tuple[int, ...] = ()
    kernel_of_keras_1: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    gate_argument: str | None = None
    scaled_gates: tuple[bool, ...] = ()
    one_frame_size: bool = False
    absorbs: Mapping[str, Callable[[Config, Config], Config | None]] = field(default_factory=dict)
    merge_mode: str = ""
    inner: tuple[str, ...] = ()
    inner_arguments: tuple[str, ...] = ()
