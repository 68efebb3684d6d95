"""Files and folders that appear under their names whole or not at all.

What is written into them is decided in `cli`, `formats` and `saving`.
"""

from embedpipe.output.atomic_directory import AtomicDirectory
from embedpipe.output.atomic_file import AtomicFile

__all__ = ["AtomicDirectory", "AtomicFile"]
