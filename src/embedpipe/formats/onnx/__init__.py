"""Weights and facts out of ONNX graphs."""
