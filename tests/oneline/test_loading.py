"""Names of models in one line, arguments that mean nothing here, and what is saved."""

from __future__ import annotations

import json
import re
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import embedpipe
from embedpipe.annotator import BertEmbeddings
from embedpipe.base import DocumentAssembler, Pipeline, PipelineModel
from embedpipe.errors import (
    IgnoredArgumentWarning,
    ModelFormatError,
    ModelNotFoundError,
    OutputError,
    ParameterError,
)
from embedpipe.oneline.names import references_of
from tests.support.card_support import Page

pytestmark = pytest.mark.usefixtures("models")

WORDS = "en.embed.bert.small_L12_256"
SENTENCES = "en.embed_sentence.small_bert_L2_512"
ALIASES = json.loads(
    (Path(__file__).parents[2] / "tools/catalog_facts/nlu_aliases.json").read_text()
)
LICENSED = re.compile(r"jsl|mli$")


def open_names():
    return {name: meant for name, meant in ALIASES.items() if not LICENSED.search(meant)}


def test_all_names_of_open_models_are_known_each_as_one():
    assert len(open_names()) == len(ALIASES) - 13 == 621
    for name in open_names():
        (reference,) = references_of(name)
        assert reference.text == name
        assert reference.makes_sentences in (None, "embed_sentence" in name.split("."))


@pytest.mark.parametrize("name", [n for i, n in enumerate(open_names()) if i % 40 == 0])
def test_a_name_loads_the_model_that_it_stands_for(name, tiny_models, tmp_path, monkeypatch):
    monkeypatch.setenv("EMBEDPIPE_MODELS", str(tmp_path))
    (tmp_path / ALIASES[name]).symlink_to(tiny_models / "small_bert_L12_256")
    out = embedpipe.load(name).predict("it rains")
    stem = re.sub(r"[^A-Za-z0-9]", "_", name)
    level = "sentence" if "embed_sentence" in name else "token"
    assert out.columns.tolist() == [level, f"{stem}_embeddings"]


def test_every_name_loads_the_model_that_it_stands_for(tiny_models, tmp_path, monkeypatch):
    monkeypatch.setenv("EMBEDPIPE_MODELS", str(tmp_path))
    for meant in {*open_names().values(), "bert_multi_cased@xx"}:  # whose language is unusual
        (tmp_path / meant).symlink_to(tiny_models / "small_bert_L12_256")
    for name in open_names():
        pipe = embedpipe.load(name)
        assert list(pipe)[-1] == re.sub(r"[^A-Za-z0-9]", "_", name)
        assert pipe[name].encoder.dimension == 32


def test_a_name_without_a_source_says_which_model_it_means():
    with pytest.raises(ModelNotFoundError, match="a name for the model bert_pubmed, of which no"):
        embedpipe.load("en.embed.bert.pubmed")


def test_several_names_in_one_line_give_a_column_each_in_their_order():
    pipe = embedpipe.load(f"  {SENTENCES}   {WORDS} {WORDS}\n")
    assert list(pipe)[-2:] == [name.replace(".", "_") for name in (SENTENCES, WORDS)]
    out = pipe.predict("it rains")
    assert out.columns.tolist() == [
        "token",
        "en_embed_sentence_small_bert_L2_512_embeddings",
        "en_embed_bert_small_L12_256_embeddings",
    ]
    name = "en.embed.bert.cased_base.by_uploaded by huggingface"
    found = [reference.text for reference in references_of(f"{WORDS} {name} bert {WORDS}")]
    assert found == [WORDS, name, "bert"]


def test_models_own_names_and_paths_are_names_too(models, tmp_path):
    folder = tmp_path / "my models" / "house-1"
    folder.parent.mkdir()
    folder.symlink_to(models / "small_bert_L12_256")
    for request in (str(folder), "small_bert_L12_256"):
        out = embedpipe.load(request).predict("it rains")
        stem = "house_1" if "house" in request else request
        assert out.columns.tolist() == ["token", f"{stem}_embeddings"]


def test_a_model_that_declares_its_pooling_gives_vectors_of_sentences(models, tmp_path):
    folder = tmp_path / "house"
    folder.mkdir()
    for file in (models / "small_bert_L12_256").iterdir():
        (folder / file.name).symlink_to(file)
    (folder / "embedpipe.json").write_text('{"pooling": "cls"}')
    assert embedpipe.load(str(folder)).predict("it rains").columns[0] == "sentence"


@pytest.mark.parametrize(
    ("request_", "message"),
    [
        ("en.embed.bert.small_L12_265", "did you mean 'en.embed.bert.small_L12_256'"),
        ("en.embed.small_bert_L12_256", "did you mean 'en.embed.bert.small_L12_256'"),
        (f"{WORDS} ebmed.bert", "no model is named 'ebmed.bert'; did you mean 'embed.bert'"),
        ("en.embed_sentence.biobert.mli", "no model is named"),
        ("sentiment", "'sentiment' is a name of NLU's for what embedpipe does not do"),
        (f"{WORDS} en.ner.onto", "'en.ner.onto' is a name of NLU's for what embedpipe does not"),
    ],
)
def test_unknown_names_are_refused_with_the_nearest(request_, message):
    with pytest.raises(ModelNotFoundError, match=message):
        embedpipe.load(request_)


@pytest.mark.parametrize("request_", ["", "  ", None, 3])
def test_a_request_without_names_is_refused(request_):
    with pytest.raises(ParameterError, match="expected names of models with spaces between them"):
        embedpipe.load(request_)


@pytest.mark.parametrize(
    ("argument", "value", "advice"),
    [
        ("gpu", True, "precision='int8'"),
        ("streamlit_caching", True, "@st.cache_resource"),
        ("apple_silicon", True, "leave it out"),
        ("verbose", True, "leave it out"),
        ("get_tracer", True, "print_info"),
    ],
)
def test_what_load_cannot_use_is_told_once_with_what_to_do(argument, value, advice):
    with pytest.warns(IgnoredArgumentWarning, match=f"{argument}={value} has no effect") as told:
        embedpipe.load(WORDS, **{argument: value})
    assert advice in str(told[0].message) and told[0].filename == __file__
    embedpipe.load(WORDS, **{argument: value})  # a second warning would be an error here


@pytest.mark.parametrize(
    ("argument", "value", "advice"),
    [
        ("multithread", False, "threads=1"),
        ("output_path", "out.pdf", "to_parquet"),
        ("return_spark_df", True, "pass a Spark frame"),
        ("parser_output", True, "licensed"),
        ("parser_config", {"a": 1}, "licensed"),
        ("partition", 7, "repartition"),
    ],
)
def test_what_predict_cannot_use_is_told_once_with_what_to_do(argument, value, advice):
    pipe = embedpipe.load(WORDS)
    with pytest.warns(IgnoredArgumentWarning, match=f"{argument}=.* has no effect") as told:
        out = pipe.predict("it rains", **{argument: value})
    assert advice in str(told[0].message) and told[0].filename == __file__
    again = pipe.predict("it rains", **{argument: value})
    assert again["token"].tolist() == out["token"].tolist()


def test_usual_values_of_all_arguments_are_no_reason_to_warn():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        pipe = embedpipe.load(WORDS, None, False, False, False, False, False)
        pipe.predict("it", "", "", False, True, False, True, True, False, None, False, "", 1000)


def test_precision_and_threads_go_to_all_models():
    pipe = embedpipe.load(f"{WORDS} {SENTENCES}", precision="int8", threads=1)
    encoders = [pipe[name].encoder for name in (WORDS, SENTENCES)]
    assert [(e.precision, e.threads) for e in encoders] == [("int8", 1)] * 2


def test_stages_are_found_by_their_keys():
    pipe = embedpipe.load(WORDS)
    assert list(pipe) == [
        "document_assembler",
        "sentence_detector",
        "tokenizer",
        "en_embed_bert_small_L12_256",
    ]
    assert isinstance(pipe[WORDS], BertEmbeddings) and len(pipe) == 4
    with pytest.raises(KeyError, match="there are document_assembler, sentence_detector"):
        _ = pipe["pos"]


def test_a_pipeline_shows_its_stages_with_columns_models_and_settings():
    pipe = embedpipe.load(f"{WORDS} {SENTENCES}")
    pipe["tokenizer"].setMinLength(2)
    lines = repr(pipe).splitlines()
    assert lines[0] == "OneLinePipeline of 5 stages:"
    assert lines[3].split() == ["3", "Tokenizer", "sentence", "->", "token", "minLength=2"]
    assert WORDS in lines[4] and "sentence, token -> en_embed_bert_small_L12_256_emb" in lines[4]
    page = Page(pipe._repr_html_())
    for key in (*pipe, WORDS, SENTENCES, "minLength=2"):
        assert key in page.text
    assert "model='en.embed.bert.small_L12_256'" in repr(pipe[WORDS])
    encoder = pipe[WORDS].encoder
    assert f"Encoder {WORDS}" in Page(encoder._repr_html_()).text


def test_print_info_prints_code_that_sets_what_is_set(capsys):
    pipe = embedpipe.load(f"{WORDS} {SENTENCES}")
    pipe.print_info()
    printed = capsys.readouterr().out
    code = [line.partition(" | ")[0] for line in printed.splitlines() if ".set" in line]
    assert any("setCaseSensitive(False)" in line for line in code)
    assert not any("OutputCol" in line or "InputCol" in line for line in code)
    for line in code:
        exec(line, {"pipe": pipe})
    pipe.print_info()
    assert capsys.readouterr().out == printed
    pipe.print_info(minimal=False)
    assert "setOutputCol('document')" in capsys.readouterr().out


def test_what_is_saved_gives_the_same(tmp_path):
    pipe = embedpipe.load(f"{WORDS} {SENTENCES}")
    pipe["tokenizer"].setMinLength(2)
    frame = pd.DataFrame({"text": ["it rains. i see", None]}, index=["a", "b"])
    wanted = pipe.predict(frame, "token", metadata=True)
    pipe.save(tmp_path / "saved")
    loaded = embedpipe.load(path=tmp_path / "saved")
    assert list(loaded) == list(pipe)
    pd.testing.assert_frame_equal(loaded.predict(frame, "token", metadata=True), wanted)
    with pytest.raises(OutputError, match="saved"):
        pipe.save(tmp_path / "saved")
    pipe.save(tmp_path / "saved", overwrite=True)
    made = PipelineModel.load(tmp_path / "saved").transform(frame)
    assert "en_embed_bert_small_L12_256_embeddings" in made.columns
    pipe.save(tmp_path / "one", component="en_embed_bert_small_L12_256")
    assert BertEmbeddings.load(tmp_path / "one").uid == pipe[WORDS].uid


def test_what_others_saved_is_refused_unless_it_is_alike(tmp_path):
    stages = [DocumentAssembler(inputCol="text")]
    Pipeline(stages=stages).fit().save(tmp_path / "bare")
    with pytest.raises(ModelFormatError, match="has no stage with a model; load it with Pipeline"):
        embedpipe.load(path=tmp_path / "bare")
    with pytest.raises(ModelNotFoundError, match="nothing is at"):
        embedpipe.load(path=tmp_path / "gone")


def test_a_pipeline_model_gives_columns_of_annotations():
    pipe = embedpipe.load(WORDS)
    made = pipe.pipeline_model.transform(pd.DataFrame({"text": ["it rains"]}))
    vectors = embedpipe.vectors(made["en_embed_bert_small_L12_256_embeddings"])
    wanted = pipe.predict("it rains", output_level="token").iloc[:, -1]
    assert np.array_equal(vectors, np.stack(list(wanted)))
