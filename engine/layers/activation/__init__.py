"""Layers that are an activation alone."""

from engine.layers.activation.activation import Activation
from engine.layers.activation.elu import ELU
from engine.layers.activation.leaky_relu import LeakyReLU
from engine.layers.activation.relu import ReLU
from engine.layers.activation.softmax import Softmax

__all__ = ["ELU", "Activation", "LeakyReLU", "ReLU", "Softmax"]
