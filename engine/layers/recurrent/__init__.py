"""Layers that go through time with a state, and layers that apply others over time."""

from engine.layers.recurrent.bidirectional import Bidirectional
from engine.layers.recurrent.conv_lstm1d import ConvLSTM1D
from engine.layers.recurrent.conv_lstm2d import ConvLSTM2D
from engine.layers.recurrent.lstm import LSTM
from engine.layers.recurrent.time_distributed import TimeDistributed

__all__ = ["LSTM", "Bidirectional", "ConvLSTM1D", "ConvLSTM2D", "TimeDistributed"]
