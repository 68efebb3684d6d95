"""Results side by side, as a table in Markdown."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from embedpipe.evaluation.evaluating import Evaluation

__all__ = ["markdown"]


def markdown(results: Sequence[Evaluation]) -> str:
    """A table for each file: a row for each model and precision, measures times 100.

    >>> print(markdown([Evaluation("m", "int8", 384, "a.csv", "similarity", 90, 2,
    ...                            {"spearman": 0.8672})]))
    a.csv: similarity, 90 records (2 passed over), measures x 100
    <BLANKLINE>
    | model | precision | dimension | spearman |
    |:------|:----------|----------:|---------:|
    | m     | int8      |       384 |    86.72 |
    """
    groups: dict[tuple[str, str, int, int], list[Evaluation]] = {}
    for result in results:
        key = (result.data, result.task, result.records, result.passed_over)
        groups.setdefault(key, []).append(result)
    return "\n\n".join("\n".join(_table(*key, group)) for key, group in groups.items())


def _table(
    data: str, task: str, records: int, passed_over: int, group: Sequence[Evaluation]
) -> Iterator[str]:
    more = f" ({passed_over:,} passed over)" if passed_over else ""
    yield f"{data}: {task}, {records:,} records{more}, measures x 100"
    yield ""
    names = list(group[0].metrics)
    rows = [("model", "precision", "dimension", *names)]
    for each in group:
        values = (f"{100 * each.metrics[name]:.2f}" for name in names)
        model = each.model.replace("|", "\\|")
        rows.append((model, each.precision, str(each.dimension), *values))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for number, row in enumerate(rows):
        cells = [
            f"{cell:<{width}}" if place < 2 else f"{cell:>{width}}"
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        yield f"| {' | '.join(cells)} |"
        if number == 0:
            marks = (
                ":" + "-" * (width + 1) if place < 2 else "-" * (width + 1) + ":"
                for place, width in enumerate(widths)
            )
            yield f"|{'|'.join(marks)}|"
