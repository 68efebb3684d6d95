"""Models in one line: `embedpipe.load(names).predict(texts)`, as in John Snow Labs' NLU."""

from embedpipe.oneline.loading import load
from embedpipe.oneline.pipeline import OneLinePipeline

__all__ = ["OneLinePipeline", "load"]
