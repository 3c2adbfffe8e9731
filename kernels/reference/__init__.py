"""The reference back end: the equations as a person would write them, in NumPy."""

from kernels.reference.backend import ReferenceBackend

__all__ = ["ReferenceBackend"]
