"""Pictures of vectors: a map of texts, similarities as a heat map, the words of one sentence.

Each is one HTML file that needs nothing else, or a PNG. What computes and draws comes with
`pip install 'embedpipe[plot]'`, and is imported when it is needed.
"""

from __future__ import annotations

from embedpipe.plot.heat import Likeness, draw_heat_map, likeness
from embedpipe.plot.map import MapSummary, draw_map
from embedpipe.plot.words import Neighbor, Word, draw_words, words_with_neighbors

__all__ = [
    "Likeness",
    "MapSummary",
    "Neighbor",
    "Word",
    "draw_heat_map",
    "draw_map",
    "draw_words",
    "likeness",
    "words_with_neighbors",
]
