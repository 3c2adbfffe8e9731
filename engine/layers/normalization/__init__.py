"""Layers that give their input a mean and a variance of their own."""

from engine.layers.normalization.batch_normalization import BatchNormalization

__all__ = ["BatchNormalization"]
