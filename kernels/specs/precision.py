"""What the convolutions multiply, and what that costs."""

GRADIENT_ERROR = {"float32": 1e-5, "tf32": 2e-3, "bfloat16": 2e-2}
"""What each precision of the convolutions promises of gradients: distance from float64, relative in norm.

A promise for logistic gates, and for hard ones that rounding does not move across a corner (docs/cuda/precision.md).
"""

PRECISIONS = tuple(GRADIENT_ERROR)
"""Precisions of the convolutions; all but the first on CUDA devices only."""
