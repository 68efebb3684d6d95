"""Model files in, checked tensors out: a folder per format, and one type for all of them."""

from embedpipe.formats.huggingface.safetensors import read_safetensors
from embedpipe.formats.model import Model
from embedpipe.formats.reading import open_model, recognize

__all__ = ["Model", "open_model", "read_safetensors", "recognize"]
