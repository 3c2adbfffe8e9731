"""Kernels over windows of frames, rows and columns: max pooling, and resampling, which average pooling is too."""
