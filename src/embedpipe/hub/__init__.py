"""Models by name: where they lie on this machine, the catalog, and downloads.

What is in their files is read in `formats`.
"""

from embedpipe.hub.find import find_model

__all__ = ["find_model"]
