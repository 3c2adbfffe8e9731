"""LayerNormalization over the last axes (Ba, Kiros & Hinton 2016): each row of n features by its own statistics.

Forward, for every row:                                       Backward:

    (1)  mean     = sum(x) / n                                    dbeta  = sum of dy over the rows           (4)
    (2)  variance = sum((x - mean)^2) / n                         dgamma = sum of dy * xhat over the rows    (4)
    (3)  xhat     = (x - mean) / sqrt(variance + epsilon)         dxhat  = gamma * dy                        (4)
    (4)  y        = gamma * xhat + beta                           dx     = (dxhat - sum(dxhat)/n             (1-3)
                                                                     - xhat * sum(dxhat * xhat)/n)
                                                                    / sqrt(variance + epsilon)
"""

import numpy as np

from kernels.arrays import HostArray
from kernels.operations import LayerNorm
from kernels.specs import LayerNormSpec


class ReferenceLayerNorm(LayerNorm[HostArray]):
    """Keeps xhat and 1 / sqrt(variance + epsilon) for backward."""

    def __init__(self, spec: LayerNormSpec) -> None:
        self.spec = spec

    def forward(self, x: HostArray, gamma: HostArray, beta: HostArray) -> HostArray:
        rows = x.reshape(self.spec.rows, self.spec.features)
        mean = rows.mean(axis=1, keepdims=True)  # (1)
        variance = np.square(rows - mean).mean(axis=1, keepdims=True)  # (2)
        self.inverse_deviation = 1.0 / np.sqrt(variance + x.dtype.type(self.spec.epsilon))
        self.xhat = (rows - mean) * self.inverse_deviation  # (3)
        return (gamma.reshape(-1) * self.xhat + beta.reshape(-1)).reshape(x.shape)  # (4)

    def backward(self, dy: HostArray, x: HostArray, gamma: HostArray, dgamma: HostArray, dbeta: HostArray) -> HostArray:
        rows = dy.reshape(self.spec.rows, self.spec.features)
        dbeta.reshape(-1)[...] = rows.sum(axis=0)  # (4)
        dgamma.reshape(-1)[...] = (rows * self.xhat).sum(axis=0)  # (4)
        dxhat = gamma.reshape(-1) * rows  # (4)
        along = (dxhat * self.xhat).mean(axis=1, keepdims=True)
        dx = self.inverse_deviation * (dxhat - dxhat.mean(axis=1, keepdims=True) - self.xhat * along)  # (1), (2), (3)
        return dx.reshape(x.shape)
