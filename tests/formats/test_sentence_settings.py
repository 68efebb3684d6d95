"""Pooling, length and other settings of a folder: sentence-transformers' files and ours."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from embedpipe.errors import EmbedpipeError, ModelFormatError
from embedpipe.formats import open_model
from tests.support.model_folders import random_tensors, tiny_config, write_model, write_safetensors


def put(path: Path, value: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(value if isinstance(value, str) else json.dumps(value), encoding="utf-8")


def put_sentence_steps(folder: Path, *steps: str, pooling: dict | None = None) -> None:
    """The files that sentence-transformers writes for these steps."""
    paths = {"Transformer": "", "Pooling": "1_Pooling"}
    modules = [
        {
            "idx": i,
            "name": str(i),
            "path": paths.get(step, f"{i}_{step}"),
            "type": f"sentence_transformers.models.{step}",
        }
        for i, step in enumerate(steps)
    ]
    put(folder / "modules.json", modules)
    mean = {"word_embedding_dimension": 16, "pooling_mode_mean_tokens": True}
    put(folder / "1_Pooling/config.json", mean if pooling is None else pooling)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_model(tmp_path / "model", tiny_config())


def refusal(folder: Path) -> str:
    with pytest.raises(ModelFormatError) as caught:
        open_model(folder)
    assert str(folder) in str(caught.value)
    return str(caught.value)


def test_sentence_transformers_steps_are_declarations(folder: Path) -> None:
    put_sentence_steps(folder, "Transformer", "Pooling", "Normalize")
    put(folder / "sentence_bert_config.json", {"max_seq_length": 20, "do_lower_case": False})
    model = open_model(folder)
    assert (model.pooling, model.normalize, model.pooling_declared) == ("mean", True, True)
    assert model.max_length == 20
    put_sentence_steps(folder, "Transformer", "Pooling", pooling={"pooling_mode_cls_token": True})
    model = open_model(folder)
    assert (model.pooling, model.normalize, model.pooling_declared) == ("cls", False, True)


def test_newer_sentence_transformers_files_are_understood(folder: Path) -> None:
    put_sentence_steps(
        folder,
        "transformer.Transformer",
        "pooling.Pooling",
        pooling={"embedding_dimension": 16, "pooling_mode": "cls", "include_prompt": True},
    )
    modules = json.loads((folder / "modules.json").read_text())
    modules[0]["path"], modules[1]["path"] = "", "1_Pooling"
    put(folder / "modules.json", modules)
    assert open_model(folder).pooling == "cls"


def test_the_transformer_may_have_a_folder_of_its_own(tmp_path: Path) -> None:
    put_sentence_steps(tmp_path, "Transformer", "Pooling")
    modules = json.loads((tmp_path / "modules.json").read_text())
    modules[0]["path"] = "0_Transformer"
    put(tmp_path / "modules.json", modules)
    inner = write_model(tmp_path / "0_Transformer", tiny_config())
    put(inner / "sentence_bert_config.json", {"max_seq_length": 9})
    model = open_model(tmp_path)
    assert (model.path, model.pooling, model.max_length) == (inner, "mean", 9)


def test_a_pooling_folder_without_list_of_steps_counts(folder: Path) -> None:
    put_sentence_steps(folder, "Transformer", "Pooling", pooling={"pooling_mode_cls_token": True})
    (folder / "modules.json").unlink()
    model = open_model(folder)
    assert (model.pooling, model.normalize, model.pooling_declared) == ("cls", False, True)


@pytest.mark.parametrize(
    ("pooling", "found"),
    [
        ({"pooling_mode_max_tokens": True}, "max"),
        ({"pooling_mode_mean_tokens": True, "pooling_mode_max_tokens": True}, "max+mean"),
        ({"pooling_mode_lasttoken": True}, "lasttoken"),
        ({"pooling_mode_weightedmean_tokens": True}, "weightedmean"),
        ({"pooling_mode_mean_sqrt_len_tokens": True}, "mean_sqrt_len_tokens"),
        ({"pooling_mode": ["mean", "cls"]}, "mean+cls"),
    ],
)
def test_all_poolings_of_sentence_transformers_are_read(
    folder: Path, pooling: dict, found: str
) -> None:
    put_sentence_steps(folder, "Transformer", "Pooling", pooling=pooling)
    model = open_model(folder)
    assert (model.pooling, model.dimension) == (found, 16 * (found.count("+") + 1))


@pytest.mark.parametrize(
    ("pooling", "found"),
    [
        ({"pooling_mode": "pooler"}, "the pooling is pooler"),
        ({"pooling_mode": ["cls", "attention"]}, "the pooling is cls and attention"),
        ({"pooling_mode": ["cls", "cls"]}, "the pooling is cls and cls"),
        ({"pooling_mode": []}, "the pooling is none"),
    ],
)
def test_poolings_that_are_not_computed_are_refused(
    folder: Path, pooling: dict, found: str
) -> None:
    put_sentence_steps(folder, "Transformer", "Pooling", pooling=pooling)
    message = refusal(folder)
    assert found in message
    assert "embedpipe reads cls, lasttoken, max, mean" in message
    assert "embedpipe.json" in message
    # and the remedy that the message names works
    put(folder / "embedpipe.json", {"pooling": "mean"})
    assert open_model(folder).pooling == "mean"


@pytest.mark.parametrize(
    "steps",
    [
        ("Transformer", "Pooling", "Normalize", "Dense"),
        ("Transformer", "Pooling", "LayerNorm"),
        ("Transformer", "Dense", "Pooling"),
        ("Transformer",),
        ("Pooling", "Transformer"),
        ("WordEmbeddings", "Pooling"),
        (),
    ],
)
def test_steps_that_are_not_computed_are_refused(folder: Path, steps: tuple[str, ...]) -> None:
    put_sentence_steps(folder, *steps)
    assert f"the steps are {', '.join(steps) or 'none'}" in refusal(folder)


@pytest.mark.parametrize("path", ["../other", "/tmp", "a/b", "..", ".", "a\\b", "C:"])
def test_steps_outside_the_folder_are_refused(folder: Path, path: str) -> None:
    put_sentence_steps(folder, "Transformer", "Pooling")
    modules = json.loads((folder / "modules.json").read_text())
    modules[1]["path"] = path
    put(folder / "modules.json", modules)
    assert "is not the name of a folder in the model's" in refusal(folder)


def test_pooling_for_another_vector_size_is_refused(folder: Path) -> None:
    mean = {"word_embedding_dimension": 32, "pooling_mode_mean_tokens": True}
    put_sentence_steps(folder, "Transformer", "Pooling", pooling=mean)
    assert "for vectors of 32; config.json says hidden_size 16" in refusal(folder)


def test_embedpipe_json_has_the_last_word(folder: Path) -> None:
    put_sentence_steps(folder, "Transformer", "Pooling", "Normalize")
    put(folder / "embedpipe.json", {"pooling": "pooler", "annotator": "BertSentenceEmbeddings"})
    model = open_model(folder)
    assert (model.pooling, model.normalize, model.pooling_declared) == ("pooler", True, True)
    put(folder / "embedpipe.json", {"normalize": False})
    model = open_model(folder)
    assert (model.pooling, model.normalize, model.pooling_declared) == ("mean", False, True)


@pytest.mark.parametrize(
    ("own", "found"),
    [
        ({"pooling": "first_piece"}, "pooling: 'first_piece'; expected a pooling such as 'mean'"),
        ({"pooling": ["mean"]}, "expected a pooling such as 'mean', 'cls'"),
        ({"normalize": "yes"}, "normalize: 'yes'; expected true or false"),
        ({"normalize": 1}, "expected true or false"),
        ("{", "not valid JSON"),
    ],
)
def test_a_wrong_embedpipe_json_is_refused(folder: Path, own: Any, found: str) -> None:
    put(folder / "embedpipe.json", own)
    assert found in refusal(folder)


def test_pooler_pooling_needs_a_pooler(folder: Path) -> None:
    put(folder / "embedpipe.json", {"pooling": "pooler"})
    tensors = random_tensors(tiny_config())
    bare = {name: tensor for name, tensor in tensors.items() if not name.startswith("pooler")}
    write_safetensors(folder / "model.safetensors", bare)
    assert "the weights have no pooler" in refusal(folder)
    put(folder / "embedpipe.json", {"pooling": "cls"})
    assert open_model(folder).weights.pooler is None


@pytest.mark.parametrize(
    ("sentence", "tokenizer", "expected"),
    [
        (10, 12, 10),
        (None, 12, 12),
        (None, 1e30, 24),
        (None, 10**30, 24),
        (None, None, 24),
        (100, None, 24),
        (3, None, 3),
    ],
)
def test_the_length_limit_is_the_smallest_that_holds(
    folder: Path, sentence: Any, tokenizer: Any, expected: int
) -> None:
    put(folder / "sentence_bert_config.json", {"max_seq_length": sentence})
    put(folder / "tokenizer_config.json", {"model_max_length": tokenizer})
    assert open_model(folder).max_length == expected


@pytest.mark.parametrize("value", ["256", True, 2, -1, [256]])
def test_a_length_limit_that_cannot_be_is_refused(folder: Path, value: Any) -> None:
    put(folder / "sentence_bert_config.json", {"max_seq_length": value})
    assert "max_seq_length" in refusal(folder)


@pytest.mark.parametrize("name", ["modules.json", "embedpipe.json", "1_Pooling/config.json"])
def test_garbage_in_any_settings_file_is_an_error_of_ours(folder: Path, name: str) -> None:
    put_sentence_steps(folder, "Transformer", "Pooling")
    for garbage in ("", "null", '"text"', "[[]]", "[1]", "{}", '{"a": 1, "a": 2}', "\udcff"):
        content = garbage.encode("utf-8", "surrogateescape")
        (folder / name).write_bytes(content)
        try:
            open_model(folder)
        except EmbedpipeError:
            continue
        assert (name, garbage) != ("modules.json", "{}")
        assert garbage == "{}"  # which declares nothing
