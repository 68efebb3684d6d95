"""Models by name: local folders, the catalog, and downloads. `formats` reads their files."""

from embedpipe.hub.find import find_model

__all__ = ["find_model"]
