"""Networks that together use every argument of every layer; what the tests of arguments share."""

from collections.abc import Callable
from copy import deepcopy
from typing import Any

import numpy as np

from engine import (
    AlphaDropout,
    AveragePooling1D,
    AveragePooling3D,
    BatchNormalization,
    Conv1D,
    Conv1DTranspose,
    Conv2D,
    Conv2DTranspose,
    Conv3D,
    Conv3DTranspose,
    ConvLSTM2D,
    Cropping1D,
    Cropping2D,
    Cropping3D,
    Dense,
    DepthwiseConv1D,
    DepthwiseConv2D,
    Flatten,
    GaussianDropout,
    GaussianNoise,
    GlobalAveragePooling3D,
    GlobalMaxPooling3D,
    LayerNormalization,
    MaxPooling1D,
    MaxPooling2D,
    MaxPooling3D,
    Permute,
    RepeatVector,
    Reshape,
    SeparableConv1D,
    SeparableConv2D,
    Sequential,
    SpatialDropout2D,
    SpatialDropout3D,
    UpSampling1D,
    UpSampling2D,
    UpSampling3D,
    ZeroPadding1D,
    ZeroPadding2D,
    ZeroPadding3D,
)
from engine.layers import Layer

Array = np.ndarray[Any, Any]
Layers = Callable[[], list[Layer]]

MOVIE = (3, 6, 7, 4)
"""Frames, height, width, channels of the cases' input."""


def _conv_lstm(**arguments: Any) -> Layers:
    defaults: dict[str, Any] = {"filters": 3, "kernel_size": 3, "padding": "same", "return_sequences": True}
    return lambda: [ConvLSTM2D(**defaults | arguments)]


def _conv3d(**arguments: Any) -> Layers:
    return lambda: [Conv3D(**{"filters": 4, "kernel_size": (2, 3, 3), "padding": "same"} | arguments)]


def _pooled(*layers: Layer) -> Layers:
    return lambda: [Conv3D(3, (1, 2, 2), activation="tanh"), *map(deepcopy, layers), Dense(2)]


def _normalized(**arguments: Any) -> Layers:
    return lambda: [ConvLSTM2D(3, 3, padding="same", return_sequences=True), BatchNormalization(**arguments)]


CASES: dict[str, Layers] = {
    "strides": _conv_lstm(strides=(2, 3)),
    "strides-valid": _conv_lstm(strides=2, padding="valid", kernel_size=(3, 2)),
    "valid": _conv_lstm(padding="valid", kernel_size=(2, 3)),
    "even": _conv_lstm(kernel_size=(2, 4)),
    "dilation": _conv_lstm(dilation_rate=(2, 1)),
    "dilation-valid": _conv_lstm(dilation_rate=2, padding="valid"),
    "channels_first": _conv_lstm(data_format="channels_first", kernel_size=(3, 1)),
    "channels_first-strides": _conv_lstm(data_format="channels_first", strides=2, go_backwards=True),
    "relu": _conv_lstm(activation="relu", recurrent_activation="sigmoid"),
    "linear": _conv_lstm(activation=None, recurrent_activation="tanh"),
    "sigmoid": _conv_lstm(activation="sigmoid", recurrent_activation="relu"),
    "hard_sigmoid": _conv_lstm(activation="hard_sigmoid", recurrent_activation="hard_sigmoid_keras3"),
    "no_bias": _conv_lstm(use_bias=False),
    "no_bias-composed": _conv_lstm(use_bias=False, activation="relu"),
    "last_frame": _conv_lstm(return_sequences=False),
    "last_frame-composed": _conv_lstm(return_sequences=False, strides=2, data_format="channels_first"),
    "backwards": _conv_lstm(go_backwards=True),
    "backwards-last": _conv_lstm(go_backwards=True, return_sequences=False, activation="linear"),
    "dropout": _conv_lstm(dropout=0.3),
    "recurrent_dropout": _conv_lstm(recurrent_dropout=0.4, activation="relu"),
    "both-dropouts": _conv_lstm(dropout=0.3, recurrent_dropout=0.2, strides=2, padding="valid", go_backwards=True),
    "regularizers": _conv_lstm(
        kernel_regularizer={"class_name": "L2", "config": {"l2": 0.1}},
        recurrent_regularizer="l1",
        bias_regularizer="l1_l2",
    ),
    "stateful": _conv_lstm(stateful=True),
    "stateful-composed": _conv_lstm(stateful=True, padding="valid", activation="relu"),
    "norm-first": lambda: [BatchNormalization(axis=2), Conv3D(2, 1)],
    "norm-time": _normalized(axis=1),
    "norm-rows": _normalized(axis=[2], center=False),
    "norm-columns": _normalized(axis=-2, scale=False),
    "norm-frozen": _normalized(trainable=False),
    "norm-last-frame": lambda: [ConvLSTM2D(3, 3), BatchNormalization(axis=1, gamma_regularizer="l2")],
    "conv3d-strides": _conv3d(strides=(2, 1, 2)),
    "conv3d-valid": _conv3d(padding="valid", activation="hard_sigmoid"),
    "conv3d-causal": _conv3d(padding="causal", dilation_rate=(2, 1, 1), activation="relu"),
    "conv3d-groups": _conv3d(groups=2, kernel_size=(1, 2, 3)),
    "conv3d-no_bias": _conv3d(use_bias=False, activation="tanh"),
    "conv3d-channels_first": _conv3d(data_format="channels_first", filters=2, kernel_size=3, padding="valid", groups=1),
    "layer_norm": lambda: [Conv2D(3, 1), LayerNormalization(gamma_regularizer="l2", beta_constraint="max_norm")],
    "layer_norm-frames": lambda: [Conv2D(3, 1), LayerNormalization(axis=[2, 3, 4], epsilon=0.1, center=False)],
    "layer_norm-time": lambda: [Conv2D(3, 1), LayerNormalization(axis=(-4, -1), scale=False)],
    "alpha_dropout": lambda: [Conv2D(3, 1), AlphaDropout(0.3, noise_shape=(None, 1, None, None, None))],
    "gaussian_dropout": lambda: [Conv2D(3, 1), GaussianDropout(0.3)],
    "gaussian_noise": lambda: [Conv2D(3, 1), GaussianNoise(0.5), Conv2D(2, 1, activation="tanh")],
    "spatial_dropout3d": lambda: [Conv2D(3, 1), SpatialDropout3D(0.4)],
    "spatial_dropout3d-first": lambda: [Conv2D(3, 1), SpatialDropout3D(0.4, "channels_first")],
    "spatial_dropout2d": lambda: [ConvLSTM2D(3, 3), SpatialDropout2D(0.4), Conv2D(2, 1, activation="tanh")],
    "conv2d-valid": lambda: [Conv2D(3, (2, 3), activation="tanh")],
    "conv2d-strides": lambda: [Conv2D(4, 3, strides=(2, 1), padding="same", groups=2, kernel_constraint="max_norm")],
    "conv2d-channels_first": lambda: [Conv2D(2, (3, 2), data_format="channels_first", dilation_rate=2, use_bias=False)],
    "depthwise": lambda: [DepthwiseConv2D((3, 2), strides=(1, 2), depth_multiplier=2, depthwise_regularizer="l2")],
    "depthwise-channels_first": lambda: [DepthwiseConv1D(2, data_format="channels_first", activation="tanh")],
    "separable": lambda: [SeparableConv2D(3, 3, padding="same", pointwise_constraint="non_neg", activation="sigmoid")],
    "separable-steps": lambda: [SeparableConv1D(3, 2, dilation_rate=2, depth_multiplier=2, use_bias=False)],
    "transposed": lambda: [Conv2DTranspose(3, (3, 2), strides=(2, 1), activation="tanh", bias_regularizer="l2")],
    "transposed-steps": lambda: [Conv1DTranspose(2, 3, strides=3, padding="same", output_padding=1, use_bias=False)],
    "transposed-movies": lambda: [Conv3DTranspose(2, (2, 3, 3), strides=(2, 1, 2), padding="same")],
    "conv1d-causal": lambda: [Conv1D(3, 2, padding="causal", dilation_rate=3, activation="relu")],
    "dense": lambda: [Dense(3, "sigmoid", kernel_regularizer="l2", bias_regularizer="l1")],
    "max_pooling": _pooled(MaxPooling3D(2, strides=1, padding="same"), MaxPooling2D((3, 2), padding="same")),
    "average_pooling": _pooled(AveragePooling3D((2, 1, 3), strides=(1, 2, 2)), AveragePooling1D(2, padding="same")),
    "pooling-channels_first": _pooled(
        MaxPooling2D(2, data_format="channels_first"), AveragePooling3D((2, 2, 1), data_format="channels_first")
    ),
    "up_sampling": _pooled(UpSampling3D((1, 2, 1)), UpSampling2D((1, 2), interpolation="bicubic"), UpSampling1D(2)),
    "up_sampling-channels_first": _pooled(
        UpSampling3D(2, data_format="channels_first"),
        UpSampling2D(2, data_format="channels_first", interpolation="lanczos3"),
    ),
    "global_pooling": _pooled(GlobalAveragePooling3D(keepdims=True), MaxPooling1D(1)),
    "global_pooling-to_numbers": _pooled(GlobalMaxPooling3D()),
    "padding": lambda: [ZeroPadding3D(((1, 0), (0, 2), (1, 1))), Conv3D(2, 1), ZeroPadding3D(((0, 0), (1, 0), (0, 3)))],
    "padding-channels_first": lambda: [ZeroPadding3D(((1, 0), (0, 2), (1, 1)), "channels_first"), Conv3D(2, 1)],
    "cropping": lambda: [Conv3D(2, 1), Cropping3D(((1, 0), (0, 2), (1, 1)))],
    "reshape": lambda: [Conv3D(2, 1), Reshape((-1, 7, 4)), Cropping2D((1, (0, 2))), Conv2D(2, 2), ZeroPadding2D()],
    "permute": lambda: [Conv3D(2, 1), Permute((2, 4, 1, 3)), Conv3D(2, 1)],
    "sequences": lambda: [Dense(2), Reshape((21, -1)), Cropping1D((1, 0)), ZeroPadding1D(2), Permute((2, 1)), Dense(2)],
    "flatten": lambda: [Conv3D(2, 1), Flatten(), Dense(3), RepeatVector(2), Dense(2)],
    "flatten-channels_first": lambda: [Conv3D(2, 1), Flatten("channels_first"), Dense(3)],
    "conv3d-regularized": _conv3d(kernel_regularizer="l2", bias_regularizer="l1"),
}  # fmt: skip


def network(case: str, device: str, dtype: str = "float64", seed: int = 4) -> Sequential:
    """The case's network, built and compiled with mse, its biases and statistics anything but zero and one."""
    layers = CASES[case]()
    layers[0].input_shape = MOVIE
    built = Sequential(layers, device=device, dtype=dtype, seed=seed)
    built.compile(loss="mse", optimizer="adadelta")
    built.build()
    random = np.random.default_rng(9)
    for weight in built.weights:
        if len(weight.shape) == 1:
            weight.assign(weight.to_host() + random.uniform(0.1, 0.4, weight.shape))
    return built


def batch(built: Sequential, seed: int = 0, movies: int = 2) -> tuple[Array, Array]:
    """Movies and targets for a case's network."""
    random = np.random.default_rng(seed)
    return random.standard_normal((movies, *MOVIE)), random.standard_normal((movies, *built.output_shape(MOVIE)))
