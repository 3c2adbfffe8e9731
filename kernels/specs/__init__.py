"""What an operation is bound to before it runs: shapes and constants, never data.

Letters, everywhere in the project: T time, B batch, H rows, W columns, C channels in, F filters, K channels out,
kh, kw, kt the kernel's height, width and depth in time.
"""

from kernels.specs.convolution import Conv3DSpec, Padding, convolution_length
from kernels.specs.counts import CountsSpec
from kernels.specs.embedding import LookupSpec
from kernels.specs.layout import BlockSpec
from kernels.specs.normalization import BatchNormSpec, LayerNormSpec
from kernels.specs.pooling import MaxPoolingSpec
from kernels.specs.precision import GRADIENT_ERROR, PRECISIONS
from kernels.specs.recurrent import ConvLSTMSpec
from kernels.specs.resampling import INTERPOLATIONS, AxisWeights, Interpolation, ResamplingSpec
from kernels.specs.weights import NORM_EPSILON, ClipSpec

__all__ = [
    "GRADIENT_ERROR",
    "INTERPOLATIONS",
    "NORM_EPSILON",
    "PRECISIONS",
    "AxisWeights",
    "BatchNormSpec",
    "BlockSpec",
    "ClipSpec",
    "Conv3DSpec",
    "ConvLSTMSpec",
    "CountsSpec",
    "Interpolation",
    "LayerNormSpec",
    "LookupSpec",
    "MaxPoolingSpec",
    "Padding",
    "ResamplingSpec",
    "convolution_length",
]
