"""Export networks as ONNX files, and run such files with onnxruntime."""

from export.onnx_file import build_model, export_network
from export.runner import OnnxNetwork

__all__ = ["OnnxNetwork", "build_model", "export_network"]
