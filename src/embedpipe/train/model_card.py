"""The README.md of a model that learned here, as Hugging Face's hub reads it, and its curve."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape

from embedpipe.formats.layout import TRAINING, TRAINING_CURVE

__all__ = ["ModelCard", "curve_picture"]

_WIDTH, _HEIGHT, _MARGIN = 640, 240, 48


@dataclass(frozen=True)
class ModelCard:
    """What the README.md of a model says.

    about: a paragraph on what it is. quality: a Markdown table, or why there is none. told: how it
    was trained, a sentence each. tags: beside the usual ones. use: paragraphs after the example.
    curve_name: of what the picture shows by step; without, there is no picture.
    """

    name: str
    about: str
    quality: str
    told: Sequence[str]
    tags: tuple[str, ...] = ()
    use: Sequence[str] = ()
    curve_name: str | None = None

    def text(self) -> str:
        """Markdown, after the fields that the hub reads."""
        tags = ["sentence-transformers", "feature-extraction", *self.tags, "embedpipe"]
        lines = [
            "---",
            "library_name: sentence-transformers",
            "pipeline_tag: sentence-similarity",
            f"tags: [{', '.join(tags)}]",
            "---",
            f"# {self.name}",
            "",
            self.about,
            "",
            "```python",
            "from embedpipe import Encoder  # or sentence_transformers' SentenceTransformer",
            "",
            'vectors = Encoder("PATH OF THIS FOLDER").encode(["one text", "another"])',
            "```",
            "",
            *self.use,
            "## How good it is",
            "",
            self.quality,
            "",
            "## How it was trained",
            "",
            *(f"- {line}" for line in self.told),
            "",
        ]
        if self.curve_name is not None:
            lines += [f"![{self.curve_name} by step]({TRAINING_CURVE})", ""]
        return "\n".join([*lines, f"All of this for programs: `{TRAINING}`.", ""])


def curve_picture(points: Sequence[tuple[float, float]], title: str) -> str:
    """A line by step, as an SVG that stands on light and dark pages alike."""
    low, high = min(value for _, value in points), max(value for _, value in points)
    span, last = (high - low) or 1.0, max(step for step, _ in points) or 1

    def at(step: float, value: float) -> str:
        x = _MARGIN + (_WIDTH - 2 * _MARGIN) * step / last
        y = _HEIGHT - _MARGIN - (_HEIGHT - 2 * _MARGIN) * (value - low) / span
        return f"{x:.1f},{y:.1f}"

    line = " ".join(at(*point) for point in points)
    bottom, right = _HEIGHT - _MARGIN, _WIDTH - _MARGIN
    text = 'font-family="sans-serif" font-size="12" fill="#777"'
    end = f'{text} text-anchor="end"'
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" '
        f'aria-label="{escape(title)} by step">\n'
        f'<path d="M{_MARGIN},{_MARGIN} V{bottom} H{right}" fill="none" stroke="#777"/>\n'
        f'<polyline points="{line}" fill="none" stroke="#2a7ab9" stroke-width="2"/>\n'
        f'<text x="{_MARGIN}" y="{_MARGIN - 12}" {text}>{escape(title)}</text>\n'
        f'<text x="{_MARGIN - 4}" y="{_MARGIN + 4}" {end}>{high:.4g}</text>\n'
        f'<text x="{_MARGIN - 4}" y="{bottom}" {end}>{low:.4g}</text>\n'
        f'<text x="{right}" y="{bottom + 18}" {end}>{last:,} steps</text>\n'
        "</svg>\n"
    )
