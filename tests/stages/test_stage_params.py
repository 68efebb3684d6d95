"""Parameters of the stages: Spark NLP's names and defaults, with a setter and a getter for each."""

from __future__ import annotations

import json
import re

import pytest

from embedpipe.stages import (
    STAGES,
    ChunkEmbeddings,
    Doc2Chunk,
    EmbeddingsFinisher,
    Finisher,
    SentenceEmbeddings,
    TokenAssembler,
    Tokenizer,
)


@pytest.fixture(scope="module")
def schemas(testdata):
    path = testdata / "spark_nlp_answers/schemas.json"
    return json.loads(path.read_text(encoding="utf-8"))["annotators"]


def accessor(prefix, name):
    return prefix + name[0].upper() + name[1:]


@pytest.mark.parametrize("stage", STAGES, ids=lambda stage: stage.__name__)
def test_every_parameter_has_a_setter_and_a_getter_of_its_name(stage):
    for param in stage().params:
        for prefix in ("set", "get"):
            method = getattr(stage, accessor(prefix, param.name), None)
            assert callable(method), f"{prefix} {param.name}"
            assert method.__name__ == accessor(prefix, param.name)
            assert method.__doc__
            assert method.__name__ in dir(stage)


RECORDED = [stage for stage in STAGES if stage is not TokenAssembler]


@pytest.mark.parametrize("stage", RECORDED, ids=lambda stage: stage.__name__)
def test_parameters_and_defaults_are_spark_nlps(stage, schemas):
    recorded = schemas[stage.__name__]
    made = stage()
    assert re.fullmatch(rf"{recorded['uid_prefix']}_[0-9a-f]{{12}}", made.uid)
    assert set(recorded["params"]) <= {param.name for param in made.params}
    for name, default in recorded["python_defaults"].items():
        wanted = made.uid if str(default).endswith("_<uid>") else default
        assert made.getOrDefault(name) == wanted, name
        assert not made.isSet(name)
    if recorded["input_annotator_types"] is not None:
        assert list(made.input_annotator_types) == recorded["input_annotator_types"]
    assert getattr(made, "output_annotator_type", None) == recorded["output_annotator_type"]


# What Spark NLP's stages have beside the defaults of their Python classes: other values on purpose.
OTHER_DEFAULTS = {
    ("SentenceEmbeddings", "dimension"),  # that of the word vectors
    ("SentenceEmbeddings", "storageRef"),  # the same
    ("Doc2Chunk", "lowerCase"),  # true is not applied unless it is set
    ("EmbeddingsFinisher", "cleanAnnotations"),  # the Python class says false, and that holds
}


def test_defaults_behind_the_python_classes_are_spark_nlps_but_for_these(schemas):
    differing = set()
    stages = [SentenceEmbeddings, Doc2Chunk, ChunkEmbeddings, Finisher, EmbeddingsFinisher]
    for stage in stages:
        made = stage()
        for name, default in schemas[stage.__name__]["java_defaults"].items():
            if not made.isDefined(name) or made.getOrDefault(name) != default:
                differing.add((stage.__name__, name))
    assert differing == OTHER_DEFAULTS


def test_adding_to_a_list_of_one_tokenizer_leaves_others_alone():
    first = Tokenizer().addContextChars("$").addException("e.g.").addSplitChars("-")
    first.addInfixPattern("(a)(b)").addInfixPattern("(c)(d)")
    assert first.getContextChars()[-1] == "$"
    assert "$" not in Tokenizer().getContextChars()
    assert first.getInfixPatterns() == ["(c)(d)", "(a)(b)"]
    assert (first.getExceptions(), first.getSplitChars()) == (["e.g."], ["-"])
