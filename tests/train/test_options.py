"""What can be asked for, and what PyTorch is needed for."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from embedpipe.errors import ParameterError
from embedpipe.train import DistilOptions
from embedpipe.train.distillation.layer_search import best_layers


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({}, "expected its size, such as L2_H128"),
        ({"layers": "0,x"}, "numbers from 0, as in 0,3,5, or search"),
        ({"layers": "search"}, "say it too, as in --student L3_H384"),
        ({"student": "L2_H128", "loss": "mse"}, "expected one of cosine, similarity, both"),
        ({"student": "L2_H128", "batch": 1}, "batch 1: expected a whole number of at least 2"),
        ({"student": "L2_H128", "steps": 0}, "steps 0"),
        ({"student": "L2_H128", "learning_rate": 0.0}, "learning_rate 0.0"),
        ({"student": "L2_H128", "temperature": float("nan")}, "temperature nan"),
        ({"student": "L2_H128", "teacher_precision": "auto"}, "teacher_precision 'auto'"),
    ],
)
def test_what_cannot_be_is_refused_by_name(given, told):
    with pytest.raises(ParameterError, match=told):
        DistilOptions(**given)


def test_students_are_sizes_or_models():
    assert DistilOptions(student="L3_H384").shape == (3, 384)
    assert DistilOptions(student="static_H64").shape == (0, 64)
    assert DistilOptions(student="small_bert_L2_128").base == "small_bert_L2_128"
    assert DistilOptions(layers="0,3,5").chosen_layers == (0, 3, 5)


def test_the_search_for_layers_finds_the_best_choice_and_keeps_the_last():
    worth = np.random.default_rng(1).normal(size=6)
    tried = []

    def score(layers):
        tried.append(tuple(layers))
        return float(worth[list(layers)].sum())

    found, value = best_layers(3, 6, score)
    assert len(tried) == len(set(tried)) == 10
    assert found == (*sorted(np.argsort(worth[:5])[-2:]), 5)
    assert value == pytest.approx(worth[list(found)].sum())


def test_the_search_for_layers_of_a_deep_teacher_leaves_one_off_after_another():
    worth = np.random.default_rng(2).normal(size=12)
    found, _ = best_layers(4, 12, lambda layers: float(worth[list(layers)].sum()))
    assert found == (*sorted(np.argsort(worth[:11])[-3:]), 11)


def test_neither_the_package_nor_the_help_page_imports_torch():
    code = (
        "import sys, embedpipe, embedpipe.train, embedpipe.cli.distil as d\n"
        "embedpipe.train.distil, embedpipe.train.DistilOptions(student='L2_H128')\n"
        "print(sorted({'torch', 'transformers', 'sentence_transformers'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.strip() == "[]"


def test_without_pytorch_the_command_says_what_to_install(tmp_path):
    code = (
        "import sys; sys.modules['torch'] = None\n"
        "from embedpipe.cli import main\n"
        f"sys.exit(main(['distil', 'm', '--student', 'L2_H128', '--text', 'x', "
        f"'-o', {str(tmp_path / 'o')!r}]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 1
    assert "pip install 'embedpipe[train]'" in done.stderr
