"""MaxPooling1D, MaxPooling2D and MaxPooling3D: the largest number of each window."""

from engine.layers.keras_form import KerasForm
from engine.layers.pooling.pooling import POOLING_OF_KERAS_1, MaxPoolingLayer


class MaxPooling1D(MaxPoolingLayer):
    """The largest number of each window of steps: (N,L,C) -> (N,L',C).

    Axes in front of the steps are more sequences.

    Args:
        pool_size: of the window, steps; one integer (default 2).
        strides: from window to window, likewise; None (default): pool_size.
        padding: 'valid' (default; whole windows only) or 'same': as many outputs as strides fit into the input, by
            TensorFlow's rule. Padding is never the largest; of equal numbers the first gets the gradient.
        data_format: 'channels_last' (default) or 'channels_first', Keras' (N,C,L) in and out.
        name, input_shape, batch_input_shape, trainable: as for every layer (see Layer).
    """

    _default_name = "max_pooling1d"
    rank = 1
    keras_form = KerasForm("MaxPooling1D", groups=("max_pooling1d",), renamed=POOLING_OF_KERAS_1)


class MaxPooling2D(MaxPoolingLayer):
    """The largest number of each window of rows and columns: (N,H,W,C) -> (N,H',W',C).

    Movies (N,T,H,W,C) are pooled frame by frame; Keras wants TimeDistributed around it there.

    Args:
        pool_size: of the window, height and width; one integer or two (default 2).
        strides: from window to window, likewise; None (default): pool_size.
        padding: 'valid' (default; whole windows only) or 'same': as many outputs as strides fit into the input, by
            TensorFlow's rule. Padding is never the largest; of equal numbers the first gets the gradient.
        data_format: 'channels_last' (default) or 'channels_first', Keras' (N,C,H,W) in and out.
        name, input_shape, batch_input_shape, trainable: as for every layer (see Layer).
    """

    _default_name = "max_pooling2d"
    rank = 2
    keras_form = KerasForm("MaxPooling2D", groups=("max_pooling2d",), renamed=POOLING_OF_KERAS_1)


class MaxPooling3D(MaxPoolingLayer):
    """The largest number of each window of frames, rows and columns: (N,T,H,W,C) -> (N,T',H',W',C).

    Args:
        pool_size: of the window, time, height and width; one integer or three (default 2); with 1 in
            time, frames stay apart and can stream.
        strides: from window to window, likewise; None (default): pool_size.
        padding: 'valid' (default; whole windows only) or 'same': as many outputs as strides fit into the input, by
            TensorFlow's rule. Padding is never the largest; of equal numbers the first gets the gradient.
        data_format: 'channels_last' (default) or 'channels_first', Keras' (N,C,T,H,W) in and out.
        name, input_shape, batch_input_shape, trainable: as for every layer (see Layer).
    """

    _default_name = "max_pooling3d"
    rank = 3
    keras_form = KerasForm("MaxPooling3D", groups=("max_pooling3d",), renamed=POOLING_OF_KERAS_1)
