"""Saving and loading stages and pipelines: folders of JSON and models, or one file with all of it.

    saved/
    ├── stages.json              classes, uids, parameters; the format's version
    └── models/NAME/             each model once, in Hugging Face's layout

`Saved` gives a class its `save`, `load`, `write` and `read`. Nothing in a file is ever executed:
classes are those of a fixed list, and parameters pass the checks of their setters.
"""

from embedpipe.saving.reading import load_saved
from embedpipe.saving.saved import Saved, SavedStage
from embedpipe.saving.writing import Reader, Writer

__all__ = ["Reader", "Saved", "SavedStage", "Writer", "load_saved"]
