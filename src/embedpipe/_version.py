"""The version of this package; a leaf, so that every layer can tell it."""

__version__ = "0.1.0"
