"""Saving and loading stages and pipelines: folders of JSON and models, or one file with all of it.

    saved/
    ├── stages.json              classes, uids, parameters; the format's version
    └── models/NAME/             each model once, in Hugging Face's layout

This layer stands above stages and pipelines: their `save`, `load`, `write` and `read` call the
three functions here. Nothing in a file is ever executed: classes are those of a fixed list, and
parameters pass the checks of their setters.
"""

from embedpipe.saving.read import load
from embedpipe.saving.write import bundle, save

__all__ = ["bundle", "load", "save"]
