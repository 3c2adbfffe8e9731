"""What ONNX graphs do for the layers of engine/layers/activation."""
