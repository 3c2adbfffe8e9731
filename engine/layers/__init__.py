"""The layers, by Keras' names, and what a layer of one's own is made of.

A folder holds the layers of one kind, one a file, and its __init__ lists them; what all layers share stands beside the
folders.
"""

from typing import TYPE_CHECKING

from engine.layers import (
    activation,
    convolutional,
    core,
    merging,
    normalization,
    pooling,
    recurrent,
    regularization,
    reshaping,
)
from engine.layers.activation import *  # noqa: F403
from engine.layers.bound_layer import BoundLayer
from engine.layers.convolutional import *  # noqa: F403  # so that a new layer is named in its own folder alone
from engine.layers.core import *  # noqa: F403
from engine.layers.input_layer import Input, InputLayer
from engine.layers.layer import Layer
from engine.layers.merging import *  # noqa: F403
from engine.layers.merging.functions import add as add
from engine.layers.merging.functions import average as average
from engine.layers.merging.functions import concatenate as concatenate
from engine.layers.merging.functions import maximum as maximum
from engine.layers.merging.functions import minimum as minimum
from engine.layers.merging.functions import multiply as multiply
from engine.layers.merging.functions import subtract as subtract
from engine.layers.nested import know_classes
from engine.layers.normalization import *  # noqa: F403
from engine.layers.own_layers import check_class
from engine.layers.pooling import *  # noqa: F403
from engine.layers.recurrent import *  # noqa: F403
from engine.layers.regularization import *  # noqa: F403
from engine.layers.reshaping import *  # noqa: F403
from engine.layers.weight import Weight, WeightSpec
from engine.registry import Registry
from engine.support.missing_names import refuse_missing

__all__ = ["LAYERS", "BoundLayer", "Input", "InputLayer", "Layer", "Weight", "WeightSpec"]
__all__ += activation.__all__
__all__ += convolutional.__all__
__all__ += core.__all__
__all__ += merging.__all__
__all__ += normalization.__all__
__all__ += pooling.__all__
__all__ += recurrent.__all__
__all__ += regularization.__all__
__all__ += reshaping.__all__

LAYERS: Registry[Layer] = Registry("layer", Layer, (globals()[name] for name in __all__[7:]), check=check_class)
"""The layers by Keras' names, and those of one's own that engine.register was given."""
know_classes({"InputLayer": InputLayer})
know_classes(LAYERS)

if not TYPE_CHECKING:  # for which a module with __getattr__ has every name
    __getattr__ = refuse_missing(globals())
