"""Operations of the network: objects bound to a spec, forward and backward side by side.

A back end makes them (`op = backend.conv_lstm(spec)`) and implements each of these classes; kernels/backend.py has the
factories. Arrays are C-contiguous, of the back end's one floating-point dtype, and time-major.

Memory. A factory allocates every output, saved tensor and scratch buffer, once; the calls that follow allocate nothing.
A returned array belongs to the operation, and its next call of any kind may overwrite it. An operation carries no state
from call to call but what forward saves for the backward that follows it. Arguments are left unchanged, except those
that a method says it writes.

Gradients of weights are written (not added) into arrays that the caller gives, views of one flat buffer.
"""

from kernels.operations.broadcast import Broadcast
from kernels.operations.convolution import Conv3D
from kernels.operations.counts import ThresholdCounts
from kernels.operations.embedding import Lookup
from kernels.operations.layout import Block, Permute, inverse
from kernels.operations.masks import MaskedCopies
from kernels.operations.normalization import BatchNorm, LayerNorm
from kernels.operations.pooling import MaxPooling
from kernels.operations.recurrent import ConvLSTM, LSTMCell
from kernels.operations.resampling import Resampling
from kernels.operations.softmax import Softmax

__all__ = [
    "BatchNorm",
    "Block",
    "Broadcast",
    "Conv3D",
    "ConvLSTM",
    "LSTMCell",
    "LayerNorm",
    "Lookup",
    "MaskedCopies",
    "MaxPooling",
    "Permute",
    "Resampling",
    "Softmax",
    "ThresholdCounts",
    "inverse",
]
