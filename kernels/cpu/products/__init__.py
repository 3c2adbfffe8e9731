"""Convolutions and matrix products: one micro-kernel, direct and Winograd."""
