"""Model cards: facts of a model, some of them measured, as Markdown and as HTML."""

from embedpipe.card.facts import CardFacts, gather
from embedpipe.card.measuring import Measuring
from embedpipe.card.rendering import html, markdown
from embedpipe.card.writing import record_measured, write_card

__all__ = ["CardFacts", "Measuring", "gather", "html", "markdown", "record_measured", "write_card"]
