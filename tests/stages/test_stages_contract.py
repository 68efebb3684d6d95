"""What every stage in `STAGES` keeps: registering a stage here is enough to have it tested."""

from __future__ import annotations

import copy as copying
import pickle
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from embedpipe.annotation import AnnotationColumn, annotator_type_of, metadata_map
from embedpipe.base import Pipeline, PipelineModel
from embedpipe.errors import InputError, ModelFormatError, ParameterError
from embedpipe.stages import (
    STAGES,
    AlbertEmbeddings,
    BertEmbeddings,
    DocumentAssembler,
    Finisher,
    TokenizerModel,
)
from tests.support.golden_models import load_encoders
from tests.support.stage_examples import (
    EXAMPLES,
    MAKING_ANNOTATIONS,
    TEXTS,
    column,
    inputs,
    texts_table,
)

pytestmark = pytest.mark.filterwarnings("ignore::embedpipe.errors.TruncationWarning")


every_stage = pytest.mark.parametrize("stage", STAGES, ids=lambda stage: stage.__name__)


@pytest.fixture(scope="module")
def encoders(testdata, tmp_path_factory):
    return load_encoders(testdata, tmp_path_factory.mktemp("models"))


def test_every_stage_has_an_example():
    assert set(EXAMPLES) == set(STAGES)


@every_stage
def test_the_column_made_is_the_one_declared(stage, encoders):
    made = EXAMPLES[stage].make(encoders)
    table = inputs(stage, TEXTS, encoders)
    out = made.transform(table)
    assert made.output_names() == ["out"]
    declared = PipelineModel([made]).output_schema(table.schema)
    assert out.schema.equals(declared, check_metadata=True)
    out.validate(full=True)


@pytest.mark.parametrize("stage", MAKING_ANNOTATIONS, ids=lambda stage: stage.__name__)
def test_the_column_made_holds_annotations_of_the_declared_type(stage, encoders):
    out = EXAMPLES[stage].make(encoders).transform(inputs(stage, TEXTS, encoders))
    field = out.schema.field("out")
    assert annotator_type_of(field) == stage.output_annotator_type
    assert column(out).annotator_type == stage.output_annotator_type
    dimension = field.metadata.get(b"dimension")
    vectors = column(out).embeddings
    assert (None if vectors is None else vectors.shape[1]) == (dimension and int(dimension))


@every_stage
def test_other_columns_and_the_order_of_rows_stay(stage, encoders):
    table = inputs(stage, TEXTS, encoders)
    out = EXAMPLES[stage].make(encoders).transform(table)
    there = ["id", "text", "chunks"] if stage is Finisher else table.column_names
    assert out.drop_columns(["out"]).equals(table.select(there))
    turned = EXAMPLES[stage].make(encoders).transform(inputs(stage, TEXTS[::-1], encoders))
    assert turned["out"].to_pylist() == out["out"].to_pylist()[::-1]


@every_stage
def test_of_a_missing_text_all_is_missing_and_of_an_empty_one_nothing_is_found(stage, encoders):
    out = EXAMPLES[stage].make(encoders).transform(inputs(stage, [None, ""], encoders))
    missing, empty = out["out"].to_pylist()
    assert missing is None
    assert [(a["begin"], a["end"], a["result"]) for a in empty] == (
        [(0, -1, "")] if stage is DocumentAssembler else []
    )
    assert out["text"].to_pylist() == [None, ""]


@every_stage
def test_rows_without_text_have_what_spark_nlp_recorded_under_compatibility(stage, encoders):
    stages = [*EXAMPLES[stage].before(encoders), EXAMPLES[stage].make(encoders)]
    table = texts_table([None, ""])
    found = Pipeline(stages=stages).fit(table, {"compatibility": "spark-nlp-5.5.3"})
    for row in found.transform(table)["out"].to_pylist():
        assert [(a["begin"], a["end"], a["result"]) for a in row] == (
            [(0, -1, "")] if stage is DocumentAssembler else []
        )


@every_stage
@pytest.mark.parametrize("texts", [[], [None], [""]])
def test_frames_with_nothing_in_them_have_the_same_schema(stage, texts, encoders):
    made = EXAMPLES[stage].make(encoders)
    full, empty = (made.transform(inputs(stage, some, encoders)) for some in (TEXTS, texts))
    assert empty.schema.equals(full.schema, check_metadata=True)
    assert empty.num_rows == len(texts)


@pytest.mark.parametrize("stage", STAGES[1:], ids=lambda stage: stage.__name__)
def test_null_annotations_in_give_null_annotations_out(stage, encoders):
    table = inputs(stage, ["One. Two.", "Three."], encoders)
    wanted = EXAMPLES[stage].make(encoders).transform(table)["out"].to_pylist()
    for name in EXAMPLES[stage].make(encoders).getInputCols():
        index = table.schema.get_field_index(name)
        cells = table[name].to_pylist()
        nulled = pa.array([cells[0], None], table.schema.field(name).type)
        table = table.set_column(index, table.schema.field(name), nulled)
    assert EXAMPLES[stage].make(encoders).transform(table)["out"].to_pylist() == [wanted[0], None]


@every_stage
@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
@given(cuts=st.lists(st.integers(0, len(TEXTS)), max_size=4))
def test_results_do_not_depend_on_how_the_input_is_sliced(stage, encoders, cuts):
    made, table = EXAMPLES[stage].make(encoders), inputs(stage, TEXTS, encoders)
    (whole,) = table.combine_chunks().to_batches()
    edges = [0, *sorted(cuts), len(TEXTS)]
    pieces = [whole.slice(a, b - a) for a, b in pairwise(edges)]
    sliced = made.transform(pa.Table.from_batches(pieces))
    assert sliced["out"].combine_chunks().equals(made.transform(table)["out"].combine_chunks())


@every_stage
def test_what_one_pipeline_does_does_not_reach_another(stage, encoders):
    made, table = EXAMPLES[stage].make(encoders), inputs(stage, TEXTS, encoders)
    first = PipelineModel([made])
    wanted = first.transform(table)["out"]
    name, value = EXAMPLES[stage].change
    second = PipelineModel([made.set(name, value)])
    changed = second.transform(table)["out"]
    assert not changed.equals(wanted)
    assert first.transform(table)["out"].equals(wanted)
    assert first.copy().transform(table)["out"].equals(wanted)
    assert first.copy({name: value}).transform(table)["out"].equals(changed)


@every_stage
def test_a_copy_does_the_same_and_is_changed_alone(stage, encoders):
    made, table = EXAMPLES[stage].make(encoders), inputs(stage, TEXTS, encoders)
    name, value = EXAMPLES[stage].change
    copy = made.copy({name: value})
    assert (copy.uid, made.isSet(name), copy.isSet(name)) == (made.uid, False, True)
    assert copy.copy().transform(table)["out"].equals(copy.transform(table)["out"])
    assert not copy.transform(table)["out"].equals(made.transform(table)["out"])


@every_stage
@pytest.mark.parametrize("models", ["copy", "reference"])
def test_what_was_saved_is_loaded_equal(stage, models, encoders, tmp_path):
    name, value = EXAMPLES[stage].change
    made = EXAMPLES[stage].make(encoders).set(name, value)
    table = inputs(stage, TEXTS, encoders)
    made.save(tmp_path / "saved", models=models)
    made.write().bundle(tmp_path / "bundle")
    for path in (tmp_path / "saved", tmp_path / "bundle"):
        for loaded in (stage.load(path), stage.read().load(str(path))):
            assert type(loaded) is stage
            assert (loaded.uid, loaded.saved_values()) == (made.uid, made.saved_values())
            assert loaded.extractParamMap() == made.extractParamMap()
            assert [p.name for p in loaded.params if loaded.isSet(p)] == [
                p.name for p in made.params if made.isSet(p)
            ]
            out = loaded.transform(table)
            assert out.schema.equals(made.transform(table).schema, check_metadata=True)
            assert out["out"].equals(made.transform(table)["out"])
    assert EXAMPLES[stage].make(encoders).transform(table)["out"] != made.transform(table)["out"]


@every_stage
def test_it_travels_to_other_processes_and_is_copied(stage, encoders):
    name, value = EXAMPLES[stage].change
    made = EXAMPLES[stage].make(encoders).set(name, value)
    table = inputs(stage, TEXTS, encoders)
    expected = made.transform(table)
    sent = pickle.dumps(made)
    assert len(sent) < 8000
    for found in (pickle.loads(sent), copying.deepcopy(made), copying.copy(made)):
        assert (type(found), found.uid) == (stage, made.uid)
        assert found.saved_values() == made.saved_values()
        out = found.transform(table)
        assert out.schema.equals(expected.schema, check_metadata=True)
        assert out["out"].equals(expected["out"])
    place = sent.index(made.uid.encode())
    with pytest.raises(ModelFormatError, match=f"pickle of a {stage.__name__} is damaged"):
        pickle.loads(sent[:place] + b"x" + sent[place + 1 :])


@every_stage
def test_every_parameter_is_saved(stage, encoders, tmp_path):
    """Whatever is set comes back, parameters without effect on this stage's example included."""
    made = EXAMPLES[stage].make(encoders)
    for param in made.params:
        if made.isDefined(param):
            made.set(param, made.getOrDefault(param))
    made.save(tmp_path / "saved")
    assert stage.load(tmp_path / "saved").saved_values() == made.saved_values()


@every_stage
def test_a_stage_without_columns_set_says_which_setter_to_call(stage, encoders):
    for name in (*[read.param for read in stage.reads if not read.optional], stage.makes):
        made = EXAMPLES[stage].make(encoders).clear(name)
        if not made.isDefined(name):
            with pytest.raises(ParameterError, match=f"{name} is not set .* call set"):
                made.transform(inputs(stage, TEXTS, encoders))


any_texts = st.lists(st.none() | st.text(st.characters(exclude_categories=["Cs"])), max_size=4)


@pytest.mark.parametrize("stage", [BertEmbeddings, AlbertEmbeddings])
@pytest.mark.parametrize("policy", ["truncate", "window"])
@pytest.mark.parametrize("pooling", ["first", "mean"])
@settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))
@given(texts=any_texts, limit=st.integers(1, 20), whole=st.booleans())
def test_every_token_has_a_vector_whatever_the_text(
    stage, policy, pooling, encoders, texts, limit, whole
):
    limit = max(limit, 3) if policy == "window" else limit
    chosen = {"tokenEncoding": "whole"} if whole and stage is BertEmbeddings else {}
    made = EXAMPLES[stage].make(encoders)
    made.setParams(maxSentenceLength=limit, lengthPolicy=policy, piecePooling=pooling, **chosen)
    table = inputs(stage, texts, encoders)
    tokens, vectors = column(table, "token"), column(made.transform(table))
    assert vectors.row_offsets.tolist() == tokens.row_offsets.tolist()
    assert vectors.begin.tolist() == tokens.begin.tolist()
    assert vectors.end.tolist() == tokens.end.tolist()
    if len(tokens):
        zero = ~vectors.embeddings.any(axis=1)
        out_of_vocabulary = np.array(vectors.metadata_field("isOOV").to_pylist()) == "true"
        without_pieces = np.array(vectors.metadata_field("pieceId").to_pylist()) == "-1"
        assert vectors.embeddings.shape == (len(tokens), 64)
        assert (zero == out_of_vocabulary).all()
        assert policy == "truncate" or (zero == without_pieces).all()


@pytest.mark.parametrize("stage", [BertEmbeddings, AlbertEmbeddings])
@settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))
@given(texts=any_texts, limit=st.integers(3, 40))
def test_an_error_is_given_for_the_texts_that_would_be_cut(stage, encoders, texts, limit):
    made = EXAMPLES[stage].make(encoders).setMaxSentenceLength(limit)
    table = inputs(stage, texts, encoders)
    default = made.transform(table)
    rows = [row or [] for row in default["out"].to_pylist()]
    if any("piecesTotal" in dict(a["metadata"]) for row in rows for a in row):
        with pytest.raises(InputError, match=f"maxSentenceLength allows {limit}"):
            made.setLengthPolicy("error").transform(table)
    else:
        assert made.setLengthPolicy("error").transform(table).equals(default)


def test_annotations_without_text_have_no_tokens():
    # Arrow allows bytes behind a null, here those of "null".
    texts = pa.array(["one null two"]).cast(pa.binary()).buffers()[2]
    validity = pa.py_buffer(bytes([0b101]))
    offsets = pa.py_buffer(np.array([0, 4, 9, 12], np.int32))
    result = pa.StringArray.from_buffers(3, offsets, texts, validity)
    sentences = AnnotationColumn(
        annotator_type="document",
        row_offsets=np.array([0, 3], np.int32),
        begin=np.array([0, 4, 9], np.int32),
        end=np.array([3, 8, 11], np.int32),
        result=result,
        metadata=metadata_map({}, 3),
    )
    found = TokenizerModel().annotate(sentences).rows()
    assert [(token.result, token.begin) for token in found[0]] == [("one", 0), ("two", 9)]


def test_tokens_find_their_sentences_in_any_order(encoders):
    made, table = EXAMPLES[BertEmbeddings].make(encoders), inputs(BertEmbeddings, TEXTS, encoders)
    wanted = made.transform(table)["out"].to_pylist()
    for name in ("sentence", "token"):
        cells = [row and row[::-1] for row in table[name].to_pylist()]
        field = table.schema.field(name)
        index = table.schema.get_field_index(name)
        table = table.set_column(index, field, pa.array(cells, field.type))
    got = made.transform(table)["out"].to_pylist()
    # Tokens of a sentence are read in their order in the column, so the sentence is reversed.
    pairs = list(zip(got, wanted, strict=True))
    assert [row is None for row, _ in pairs] == [text is None for text in TEXTS]
    for reversed_row, row in pairs:
        for field in (lambda a: a["begin"], lambda a: dict(a["metadata"])["sentence"]):
            assert [*map(field, reversed_row or [])] == [*map(field, (row or [])[::-1])]
