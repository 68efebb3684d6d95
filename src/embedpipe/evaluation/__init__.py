"""How good a model's vectors are for a task, by data with known answers; needs no PyTorch.

>>> from embedpipe.evaluation import Examples, evaluate
>>> pairs = Examples.similarity(
...     ["A cat sits.", "A cat sits.", "A cat sits."],
...     ["A kitten sits.", "An animal rests.", "Rates rise."], [5.0, 3.0, 0.0])
>>> found = evaluate("all-MiniLM-L6-v2", pairs)
>>> found[0].task, round(found[0].metrics["spearman"], 3)
('similarity', 1.0)
"""

from __future__ import annotations

from embedpipe.evaluation.columns import TASKS, Task
from embedpipe.evaluation.evaluating import Evaluation, evaluate
from embedpipe.evaluation.examples import Examples, read_examples
from embedpipe.evaluation.table import markdown

__all__ = ["TASKS", "Evaluation", "Examples", "Task", "evaluate", "markdown", "read_examples"]
