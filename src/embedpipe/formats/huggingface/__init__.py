"""Hugging Face's and sentence-transformers' layout, with safetensors."""
