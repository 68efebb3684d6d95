"""Pictures of vectors: a map of texts, similarities as a heat map, the words of one sentence.

Each is one HTML file that needs nothing else, or a PNG. What computes and draws comes with
`pip install 'embedpipe[plot]'`, and is imported when it is needed.
"""

from __future__ import annotations

from embedpipe.plot.map import MapSummary, draw_map

__all__ = ["MapSummary", "draw_map"]
