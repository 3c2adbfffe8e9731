"""Sequential and Model with Keras 3's defaults of compile."""

from typing import Any

from engine.keras3.optimizers import get_optimizer
from engine.models import functional, sequential
from engine.models.loading import load_model
from engine.support.keras3_differences import DEFAULTS

__all__ = ["Model", "Sequential", "load_model"]

_OPTIMIZER = DEFAULTS["compile"]["optimizer"]


class Sequential(sequential.Sequential):
    __doc__ = sequential.Sequential.__doc__

    def compile(
        self,
        optimizer: Any = _OPTIMIZER,
        loss: Any = None,
        loss_weights: Any = None,
        metrics: Any = None,
        weighted_metrics: Any = None,
    ) -> None:
        """Say what to minimise and how, as engine.Sequential; the optimizer is "rmsprop" unless another is given."""
        super().compile(get_optimizer(optimizer), loss, loss_weights, metrics, weighted_metrics)


class Model(functional.Model):
    __doc__ = functional.Model.__doc__

    def compile(
        self,
        optimizer: Any = _OPTIMIZER,
        loss: Any = None,
        loss_weights: Any = None,
        metrics: Any = None,
        weighted_metrics: Any = None,
    ) -> None:
        """Say what to minimise and how, as engine.Model; the optimizer is "rmsprop" unless another is given."""
        super().compile(get_optimizer(optimizer), loss, loss_weights, metrics, weighted_metrics)
