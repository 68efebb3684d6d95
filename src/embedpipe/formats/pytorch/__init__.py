"""PyTorch's pickled weights, read without executing anything."""
