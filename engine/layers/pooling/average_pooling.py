"""AveragePooling1D, AveragePooling2D and AveragePooling3D: the mean of each window."""

from engine.layers.keras_form import KerasForm
from engine.layers.pooling.pooling import POOLING_OF_KERAS_1, AveragePoolingLayer


class AveragePooling1D(AveragePoolingLayer):
    """The mean of each window of steps: (N,L,C) -> (N,L',C).

    Axes in front of the steps are more sequences.

    Args:
        pool_size: of the window, steps; one integer (default 2).
        strides: from window to window, likewise; None (default): pool_size.
        padding: 'valid' (default; whole windows only) or 'same': as many outputs as strides fit into the input, by
            TensorFlow's rule. Padding does not count in a mean.
        data_format: 'channels_last' (default) or 'channels_first', Keras' (N,C,L) in and out.
        name, input_shape, batch_input_shape, trainable: as for every layer (see Layer).
    """

    _default_name = "average_pooling1d"
    rank = 1
    keras_form = KerasForm("AveragePooling1D", groups=("average_pooling1d",), renamed=POOLING_OF_KERAS_1)


class AveragePooling2D(AveragePoolingLayer):
    """The mean of each window of rows and columns: (N,H,W,C) -> (N,H',W',C).

    Movies (N,T,H,W,C) are pooled frame by frame; Keras wants TimeDistributed around it there.

    Args:
        pool_size: of the window, height and width; one integer or two (default 2).
        strides: from window to window, likewise; None (default): pool_size.
        padding: 'valid' (default; whole windows only) or 'same': as many outputs as strides fit into the input, by
            TensorFlow's rule. Padding does not count in a mean.
        data_format: 'channels_last' (default) or 'channels_first', Keras' (N,C,H,W) in and out.
        name, input_shape, batch_input_shape, trainable: as for every layer (see Layer).
    """

    _default_name = "average_pooling2d"
    rank = 2
    keras_form = KerasForm("AveragePooling2D", groups=("average_pooling2d",), renamed=POOLING_OF_KERAS_1)


class AveragePooling3D(AveragePoolingLayer):
    """The mean of each window of frames, rows and columns: (N,T,H,W,C) -> (N,T',H',W',C).

    Args:
        pool_size: of the window, time, height and width; one integer or three (default 2); with 1 in
            time, frames stay apart and can stream.
        strides: from window to window, likewise; None (default): pool_size.
        padding: 'valid' (default; whole windows only) or 'same': as many outputs as strides fit into the input, by
            TensorFlow's rule. Padding does not count in a mean.
        data_format: 'channels_last' (default) or 'channels_first', Keras' (N,C,T,H,W) in and out.
        name, input_shape, batch_input_shape, trainable: as for every layer (see Layer).
    """

    _default_name = "average_pooling3d"
    rank = 3
    keras_form = KerasForm("AveragePooling3D", groups=("average_pooling3d",), renamed=POOLING_OF_KERAS_1)
