"""GlobalAveragePooling1D, GlobalAveragePooling2D and GlobalAveragePooling3D: the mean of all."""

from engine.layers.keras_form import KerasForm
from engine.layers.pooling.global_pooling import GlobalAveragePoolingLayer


class GlobalAveragePooling1D(GlobalAveragePoolingLayer):
    """The mean of each channel over all steps: (N,L,C) -> (N,C).

    Args:
        data_format: 'channels_last' (default) or 'channels_first', Keras' (N,C,L) in.
        keepdims: whether the axes stay, with one position each: (N,1,C), or the channels first (default: False).
        name, input_shape, batch_input_shape, trainable: as for every layer (see Layer).
    """

    _default_name = "global_average_pooling1d"
    rank = 1
    keras_form = KerasForm("GlobalAveragePooling1D", groups=("global_average_pooling1d",), implied={"keepdims": False})


class GlobalAveragePooling2D(GlobalAveragePoolingLayer):
    """The mean of each channel over all rows and columns: (N,H,W,C) -> (N,C).

    Args:
        data_format: 'channels_last' (default) or 'channels_first', Keras' (N,C,H,W) in.
        keepdims: whether the axes stay, with one position each: (N,1,1,C), or the channels first (default: False).
        name, input_shape, batch_input_shape, trainable: as for every layer (see Layer).
    """

    _default_name = "global_average_pooling2d"
    rank = 2
    keras_form = KerasForm("GlobalAveragePooling2D", groups=("global_average_pooling2d",), implied={"keepdims": False})


class GlobalAveragePooling3D(GlobalAveragePoolingLayer):
    """The mean of each channel over all frames, rows and columns: (N,T,H,W,C) -> (N,C).

    Args:
        data_format: 'channels_last' (default) or 'channels_first', Keras' (N,C,T,H,W) in.
        keepdims: whether the axes stay, with one position each: (N,1,1,1,C), or the channels first (default: False).
        name, input_shape, batch_input_shape, trainable: as for every layer (see Layer).
    """

    _default_name = "global_average_pooling3d"
    rank = 3
    keras_form = KerasForm("GlobalAveragePooling3D", groups=("global_average_pooling3d",), implied={"keepdims": False})
