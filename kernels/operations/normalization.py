"""Normalization by a mean and a variance: of channels over a batch, or of each row over its features."""

from abc import ABC, abstractmethod
from typing import Generic

from kernels.arrays import ArrayT


class BatchNorm(ABC, Generic[ArrayT]):
    """BatchNormalization over the last axis; bound to a BatchNormSpec.

        y = gamma * (x - mean) / sqrt(variance + epsilon) + beta

    Shapes: x, y (T,B,H,W,C); gamma, beta, moving_mean, moving_variance (C).
    """

    @abstractmethod
    def forward(
        self,
        x: ArrayT,
        gamma: ArrayT,
        beta: ArrayT,
        moving_mean: ArrayT,
        moving_variance: ArrayT,
        momentum: float,
    ) -> ArrayT:
        """Normalise with the batch's own statistics over T,B,H,W and move the moving averages, in place.

            mean, variance: of x over T,B,H,W                                 biased variance
            moving <- momentum * moving + (1 - momentum) * batch              biased variance here too

        The spec has training=True. Returns y.
        """

    @abstractmethod
    def backward(self, dy: ArrayT, x: ArrayT, gamma: ArrayT, dgamma: ArrayT, dbeta: ArrayT) -> ArrayT:
        """Differentiate the last forward call: dy, x (T,B,H,W,C). Writes dgamma, dbeta (C); returns dx.

        With a source (see Backend.batch_norm) what returns may be dy itself, for the backward of the source alone.
        """

    @abstractmethod
    def inference(self, x: ArrayT, gamma: ArrayT, beta: ArrayT, moving_mean: ArrayT, moving_variance: ArrayT) -> ArrayT:
        """Normalise with the moving averages as mean and variance; return y. Leaves nothing for backward."""


class LayerNorm(ABC, Generic[ArrayT]):
    """LayerNormalization over the last axes (Ba, Kiros & Hinton 2016); bound to a LayerNormSpec.

        y = gamma * (x - mean) / sqrt(variance + epsilon) + beta       mean and variance of each row

    Shapes: x, y (T,B,H,W,C), a matrix (rows, features); gamma, beta of as many elements as a row.
    """

    @abstractmethod
    def forward(self, x: ArrayT, gamma: ArrayT, beta: ArrayT) -> ArrayT:
        """Normalise each row with its own mean and biased variance; return y."""

    @abstractmethod
    def backward(self, dy: ArrayT, x: ArrayT, gamma: ArrayT, dgamma: ArrayT, dbeta: ArrayT) -> ArrayT:
        """Differentiate the last forward call: dy, x (T,B,H,W,C). Writes dgamma, dbeta; returns dx.

        The spec has training=True.
        """
