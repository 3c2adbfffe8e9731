"""Layers that go through time with a state."""

from engine.layers.recurrent.conv_lstm2d import ConvLSTM2D
from engine.layers.recurrent.time_distributed import TimeDistributed

__all__ = ["ConvLSTM2D", "TimeDistributed"]
