"""Files and folders that are written completely or not at all.

What is written into them is decided in `frames.files`, `formats` and `saving`.
"""

from embedpipe.output.atomic_directory import AtomicDirectory
from embedpipe.output.atomic_file import AtomicFile
from embedpipe.output.overwriting import check_output
from embedpipe.output.staged_file import StagedFile

__all__ = ["AtomicDirectory", "AtomicFile", "StagedFile", "check_output"]
