"""Model folders: weights whole and in shards, prefixes, and what is declared about pooling."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from embedpipe.errors import EmbedpipeError, ModelFormatError, ModelNotFoundError
from embedpipe.formats import Model, open_model
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


def same_weights(model: Model, raw: dict) -> None:
    tensors = random_tensors(raw)
    np.testing.assert_array_equal(
        model.weights.word_embeddings, tensors["embeddings.word_embeddings.weight"]
    )
    assert model.weights.pooler is not None


def test_a_plain_folder_has_default_pooling_and_says_so(folder: Path) -> None:
    model = open_model(str(folder))
    assert (model.pooling, model.normalize, model.pooling_declared) == ("mean", False, False)
    assert model.max_length == model.config.max_position_embeddings == 24
    assert model.path == folder
    same_weights(model, tiny_config())


def test_weights_are_views_of_the_mapped_file(folder: Path) -> None:
    weight = open_model(folder).weights.layers[0].query.weight
    assert not weight.flags.writeable
    assert not weight.flags.owndata


@pytest.mark.parametrize("kind", ["bert", "albert"])
def test_prefixed_weights_with_heads_are_read(tmp_path: Path, kind: str) -> None:
    raw = tiny_config(kind)
    write_model(tmp_path, raw)
    tensors = {f"{kind}.{name}": tensor for name, tensor in random_tensors(raw).items()}
    head = {"bert": "cls.predictions.bias", "albert": "predictions.bias"}[kind]
    tensors[head] = np.zeros(40, np.float32)
    write_safetensors(tmp_path / "model.safetensors", tensors)
    same_weights(open_model(tmp_path), raw)


def test_the_same_tensor_with_and_without_prefix_is_refused(folder: Path) -> None:
    tensors = random_tensors(tiny_config())
    tensors["bert.pooler.dense.bias"] = tensors["pooler.dense.bias"]
    write_safetensors(folder / "model.safetensors", tensors)
    assert "stored as pooler.dense.bias and as bert.pooler.dense.bias; keep one" in refusal(folder)


def test_faults_of_weights_are_listed_with_the_file(folder: Path) -> None:
    tensors = random_tensors(tiny_config())
    del tensors["embeddings.LayerNorm.bias"]
    tensors["encoder.layer.1.output.dense.weight"][0, :3] = np.nan
    write_safetensors(folder / "model.safetensors", tensors)
    message = refusal(folder)
    assert str(folder / "model.safetensors") in message
    assert "embeddings.LayerNorm.bias: missing" in message
    assert "encoder.layer.1.output.dense.weight: 3 of 512 numbers are NaN or infinite" in message


def shard(folder: Path, **changed_map: str) -> None:
    """Split the weights into two files with an index; `changed_map` misplaces the first tensors."""
    tensors = random_tensors(tiny_config())
    names = list(tensors)
    files = {"a.safetensors": names[::2], "b.safetensors": names[1::2]}
    for file, part in files.items():
        write_safetensors(folder / file, {name: tensors[name] for name in part})
    places = {name: file for file, part in files.items() for name in part}
    first = dict(zip(names, changed_map.values(), strict=False))
    put(folder / "model.safetensors.index.json", {"metadata": {}, "weight_map": places | first})
    (folder / "model.safetensors").unlink()


def test_shards_are_joined(folder: Path) -> None:
    shard(folder)
    same_weights(open_model(folder), tiny_config())


@pytest.mark.parametrize(
    "name",
    [
        "../a.safetensors",
        "/etc/passwd",
        "sub/a.safetensors",
        "..\\a.safetensors",
        "C:a.safetensors",
        "a.safetensors\0",
        "a.bin",
        "..",
        "",
        7,
        None,
    ],
)
def test_shards_outside_the_folder_are_refused_unread(folder: Path, name: Any) -> None:
    (folder.parent / "a.safetensors").write_bytes(b"never to be read")
    shard(folder, first=name)
    message = refusal(folder)
    assert "expected names of .safetensors files in the same folder" in message
    assert repr(name) in message


def test_missing_shards_and_misplaced_tensors_are_named(folder: Path) -> None:
    shard(folder, first="b.safetensors")
    assert "'embeddings.word_embeddings.weight' in b.safetensors" in refusal(folder)
    (folder / "a.safetensors").unlink()
    (folder / "b.safetensors").unlink()
    assert "missing a.safetensors, b.safetensors" in refusal(folder)


@pytest.mark.parametrize("index", [{}, {"weight_map": {}}, {"weight_map": []}, {"weight_map": 1}])
def test_an_index_without_map_is_refused(folder: Path, index: dict) -> None:
    (folder / "model.safetensors").unlink()
    put(folder / "model.safetensors.index.json", index)
    assert "weight_map is no object" in refusal(folder)


def test_missing_files_are_told_apart(tmp_path: Path, folder: Path) -> None:
    with pytest.raises(ModelNotFoundError, match="does not exist"):
        open_model(tmp_path / "nothing")
    (folder / "model.safetensors").unlink()
    assert "found no weights at all" in refusal(folder)
    put(folder / "tf_model.h5", "")
    message = refusal(folder)
    assert "none of model.safetensors, pytorch_model.bin" in message
    assert "found tf_model.h5" in message
    assert "save_pretrained" in message
    write_safetensors(folder / "model.safetensors", random_tensors(tiny_config()))
    (folder / "config.json").unlink()
    assert "has no config.json" in refusal(folder)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("{", "not valid JSON"),
        ("[]", "the outermost value is an array; expected an object"),
        ("7", "the outermost value is a number or constant"),
        ('{"model_type": "bert", "model_type": "bert"}', "occurs twice"),
        ('{"model_type": "gpt2"}', "'gpt2'; expected one of bert, electra, albert"),
        ("[" * 100_000, "not valid JSON"),
    ],
)
def test_damaged_configurations_are_refused(folder: Path, text: str, found: str) -> None:
    put(folder / "config.json", text)
    message = refusal(folder)
    assert found in message
    assert "config.json" in message


def test_an_enormous_configuration_is_not_read_whole(folder: Path) -> None:
    with (folder / "config.json").open("wb") as file:
        file.truncate(2**40)  # a sparse file of a terabyte
    assert "at most 16777216 are allowed" in refusal(folder)


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
        ({"pooling_mode_max_tokens": True}, "the pooling is max"),
        ({"pooling_mode_mean_tokens": True, "pooling_mode_max_tokens": True}, "max and mean"),
        ({"pooling_mode_lasttoken": True}, "the pooling is lasttoken"),
        ({"pooling_mode_weightedmean_tokens": True}, "the pooling is weightedmean"),
        ({"pooling_mode_mean_sqrt_len_tokens": True}, "the pooling is mean_sqrt_len_tokens"),
        ({"pooling_mode": "pooler"}, "the pooling is pooler"),
        ({"pooling_mode": ["cls", "mean"]}, "the pooling is cls and mean"),
        ({"pooling_mode": []}, "the pooling is none"),
    ],
)
def test_poolings_that_are_not_computed_are_refused(
    folder: Path, pooling: dict, found: str
) -> None:
    put_sentence_steps(folder, "Transformer", "Pooling", pooling=pooling)
    message = refusal(folder)
    assert found in message
    assert "embedpipe reads one of cls, mean" in message
    assert "embedpipe.json" in message
    # and the remedy that the message names works
    put(folder / "embedpipe.json", {"pooling": "mean"})
    assert open_model(folder).pooling == "mean"


@pytest.mark.parametrize(
    "steps",
    [
        ("Transformer", "Pooling", "Dense"),
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
        ({"pooling": "first_piece"}, "pooling: 'first_piece'; expected one of cls, mean, pooler"),
        ({"pooling": ["mean"]}, "expected one of cls, mean, pooler"),
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
