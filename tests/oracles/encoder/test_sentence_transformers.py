"""What sentence-transformers' files state is followed as that library follows it, or refused."""

from __future__ import annotations

import json
import warnings
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
import torch
from sentence_transformers import SentenceTransformer
from transformers import BertConfig, BertModel

from embedpipe import Encoder
from embedpipe.errors import ModelFormatError, ParameterError

SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
PIECES = [
    *SPECIAL,
    *"abcdefghijklmnopqrstuvwxyz",
    *(f"##{c}" for c in "abcdefghijklmnopqrstuvwxyz"),
]
PIECES += ["the", "train", "is", "late", "query", "passage", ":", "The", "T", "."]
TEXTS = ["the train is late", "The TRAIN. is", "", "a b c d e f g h i j k l m n o p", "train"]

STEPS = [
    {"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Transformer"},
    {"idx": 1, "name": "1", "path": "1_Pooling", "type": "sentence_transformers.models.Pooling"},
]
NORMALIZE = {
    "idx": 2,
    "name": "2",
    "path": "2_Normalize",
    "type": "sentence_transformers.models.Normalize",
}
MEAN = {"word_embedding_dimension": 16, "pooling_mode_mean_tokens": True}
USUAL = {
    "modules.json": STEPS,
    "1_Pooling/config.json": MEAN,
    "sentence_bert_config.json": {"max_seq_length": 12, "do_lower_case": False},
    "tokenizer_config.json": {"do_lower_case": True, "model_max_length": 32},
}
PROMPTS = {"query": "query: ", "passage": "passage: ", "odd": None}


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny BERT, without anything that sentence-transformers writes."""
    folder = tmp_path_factory.mktemp("weights")
    torch.manual_seed(3)
    config = BertConfig(
        vocab_size=len(PIECES),
        hidden_size=16,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=32,
        max_position_embeddings=40,
        initializer_range=0.5,
    )
    BertModel(config).eval().save_pretrained(folder)
    (folder / "vocab.txt").write_text("".join(f"{piece}\n" for piece in PIECES))
    return folder


def write(folder: Path, weights: Path, changes: Mapping[str, object]) -> Path:
    for file in weights.iterdir():
        (folder / file.name).write_bytes(file.read_bytes())
    for name, content in {**USUAL, **changes}.items():
        if content is not None:
            (folder / name).parent.mkdir(exist_ok=True)
            (folder / name).write_text(json.dumps(content))
    return folder


FOLLOWED = {
    "the usual": {},
    "no length of its own": {"sentence_bert_config.json": {"max_seq_length": None}},
    "no file of lengths": {"sentence_bert_config.json": None},
    "a length that only the tokenizer has": {
        "sentence_bert_config.json": None,
        "tokenizer_config.json": {"model_max_length": 7},
    },
    "a length by its former name": {
        "sentence_bert_config.json": None,
        "tokenizer_config.json": {"max_len": 9},
    },
    "a length in the tokenizer's arguments": {
        "sentence_bert_config.json": {
            "max_seq_length": 12,
            "tokenizer_args": {"model_max_length": 6},
        }
    },
    **{
        f"the length of sentence_{kind}_config.json": {
            "sentence_bert_config.json": None,
            f"sentence_{kind}_config.json": {"max_seq_length": 8, "do_lower_case": False},
        }
        for kind in ("roberta", "distilbert", "camembert", "albert", "xlm-roberta", "xlnet")
    },
    "an empty file before another": {
        "sentence_bert_config.json": {},
        "sentence_roberta_config.json": {"max_seq_length": 8},
    },
    "two files of lengths": {
        "sentence_bert_config.json": {"max_seq_length": 8},
        "sentence_roberta_config.json": {"max_seq_length": 5},
    },
    "lower case over a cased tokenizer": {
        "sentence_bert_config.json": {"max_seq_length": 12, "do_lower_case": True},
        "tokenizer_config.json": {"do_lower_case": False},
    },
    "a cased tokenizer": {"tokenizer_config.json": {"do_lower_case": False}},
    "settings without effect": {
        "sentence_bert_config.json": {
            "max_seq_length": 12,
            "model_args": {"attn_implementation": "eager"},
            "unpad_inputs": None,
            "transformer_task": "feature-extraction",
            "modality_config": {
                "text": {"method": "forward", "method_output_name": "last_hidden_state"}
            },
            "module_output_name": "token_embeddings",
        }
    },
    "cls": {
        "1_Pooling/config.json": {
            **MEAN,
            **{"pooling_mode_mean_tokens": False},
            **{"pooling_mode_cls_token": True},
        }
    },
    "cls by its newer name": {
        "1_Pooling/config.json": {"embedding_dimension": 16, "pooling_mode": "cls"}
    },
    "a newer name against an older switch": {
        "1_Pooling/config.json": {**MEAN, "pooling_mode": "cls"}
    },
    "a list of one mode": {
        "1_Pooling/config.json": {"embedding_dimension": 16, "pooling_mode": ["cls"]}
    },
    "no mode": {"1_Pooling/config.json": {"word_embedding_dimension": 16}},
    "no mode switched on": {
        "1_Pooling/config.json": {
            "word_embedding_dimension": 16,
            "pooling_mode_mean_tokens": False,
        }
    },
    **{
        f"{mode} pooling": {
            "1_Pooling/config.json": {"embedding_dimension": 16, "pooling_mode": mode}
        }
        for mode in ("max", "mean_sqrt_len_tokens", "weightedmean", "lasttoken")
    },
    "several modes in their own order": {
        "1_Pooling/config.json": {"embedding_dimension": 16, "pooling_mode": ["mean", "cls", "max"]}
    },
    "several modes that are switched on": {
        "1_Pooling/config.json": {
            **MEAN,
            "pooling_mode_max_tokens": True,
            "pooling_mode_cls_token": True,
        },
        "modules.json": [*STEPS, NORMALIZE],
    },
    "normalized": {"modules.json": [*STEPS, NORMALIZE]},
    "shortened": {"config_sentence_transformers.json": {"truncate_dim": 5}},
    "prompts without a default": {"config_sentence_transformers.json": {"prompts": PROMPTS}},
    "a default prompt": {
        "config_sentence_transformers.json": {"prompts": PROMPTS, "default_prompt_name": "query"}
    },
    "a default prompt that is empty": {
        "config_sentence_transformers.json": {"prompts": {}, "default_prompt_name": "document"}
    },
    "a default prompt, in lower case": {
        "config_sentence_transformers.json": {
            "prompts": {"query": "The Query: "},
            "default_prompt_name": "query",
        },
        "sentence_bert_config.json": {"max_seq_length": 12, "do_lower_case": True},
        "tokenizer_config.json": {"do_lower_case": False},
    },
    **{
        f"a prompt that is left out of {mode}": {
            "1_Pooling/config.json": {
                "embedding_dimension": 16,
                "pooling_mode": mode,
                "include_prompt": False,
            },
            "modules.json": [*STEPS, NORMALIZE],
            "config_sentence_transformers.json": {
                "prompts": PROMPTS,
                "default_prompt_name": "query",
                "similarity_fn_name": "dot",
            },
        }
        for mode in ("mean", "cls", "weightedmean", "max", "lasttoken", "mean_sqrt_len_tokens")
    },
}


@pytest.mark.filterwarnings("ignore::embedpipe.errors.TruncationWarning")
@pytest.mark.parametrize("name", FOLLOWED)
def test_settings_give_the_vectors_of_sentence_transformers(tmp_path, weights, name):
    folder = write(tmp_path, weights, FOLLOWED[name])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        standard = SentenceTransformer(str(folder), device="cpu")
        expected = standard.encode(TEXTS)
        queries = standard.encode(TEXTS, prompt_name="query")
        others = standard.encode(TEXTS, prompt="passage: the ")
    encoder = Encoder.load(folder)
    assert encoder.max_length == min(standard.max_seq_length, 40)
    np.testing.assert_allclose(encoder.encode(TEXTS), expected, atol=2e-5)
    np.testing.assert_allclose(encoder.encode(TEXTS, prompt_name="query"), queries, atol=2e-5)
    np.testing.assert_allclose(encoder.encode(TEXTS, prompt="passage: the "), others, atol=2e-5)


@pytest.mark.parametrize("name", ["the usual", "a default prompt", "cls", "normalized"])
def test_what_sentence_transformers_saves_is_read_without_a_warning(tmp_path, weights, name):
    (tmp_path / "before").mkdir()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        folder = write(tmp_path / "before", weights, FOLLOWED[name])
        standard = SentenceTransformer(str(folder), device="cpu")
        standard.save_pretrained(str(tmp_path / "after"))
        expected = standard.encode(TEXTS[:3])
    encoder = Encoder.load(tmp_path / "after")
    np.testing.assert_allclose(encoder.encode(TEXTS[:3]), expected, atol=2e-5)


DENSE = {"idx": 3, "name": "3", "path": "3_Dense", "type": "sentence_transformers.models.Dense"}

REFUSED = {
    "the steps are Transformer, Pooling, Normalize, Dense; embedpipe computes": {
        "modules.json": [*STEPS, NORMALIZE, DENSE]
    },
    "use_residual: True; expected one of False": {
        "modules.json": [*STEPS, DENSE],
        "3_Dense/config.json": {"in_features": 16, "out_features": 4, "use_residual": True},
    },
    "activation_function: 'torch.nn.modules.activation.ReLU'; expected one of": {
        "modules.json": [*STEPS, DENSE],
        "3_Dense/config.json": {
            "in_features": 16,
            "out_features": 4,
            "activation_function": "torch.nn.modules.activation.ReLU",
        },
    },
    "the step custom.Transformer is a program of the model's own": {
        "modules.json": [{**STEPS[0], "type": "custom.Transformer"}, STEPS[1]]
    },
    "default_prompt_name is 'x', which is none of": {
        "config_sentence_transformers.json": {"prompts": PROMPTS, "default_prompt_name": "x"}
    },
    "prompts: .'a': 3.; expected an object of texts": {
        "config_sentence_transformers.json": {"prompts": {"a": 3}}
    },
    "truncate_dim: 0; expected an integer from 1": {
        "config_sentence_transformers.json": {"truncate_dim": 0}
    },
    "similarity_fn_name: 'jaccard'; expected one of cosine": {
        "config_sentence_transformers.json": {"similarity_fn_name": "jaccard"}
    },
    "model_type: 'SparseEncoder'; only one vector": {
        "config_sentence_transformers.json": {"model_type": "SparseEncoder"}
    },
    "do_lower_case: 'yes'; expected true": {"sentence_bert_config.json": {"do_lower_case": "yes"}},
    "max_seq_length: 2; expected a number of pieces from 3": {
        "sentence_bert_config.json": {"max_seq_length": 2}
    },
    "tokenizer_args: .*; expected an object of nothing but": {
        "sentence_bert_config.json": {"tokenizer_args": {"do_lower_case": False}}
    },
    "transformer_task: 'fill-mask'; only piece vectors": {
        "sentence_bert_config.json": {"transformer_task": "fill-mask"}
    },
    "1_Pooling/config.json": {"1_Pooling/config.json": None},
}


@pytest.mark.parametrize("message", REFUSED)
def test_what_cannot_be_followed_is_refused_with_its_reason(tmp_path, weights, message):
    with pytest.raises(ModelFormatError, match=message):
        Encoder.load(write(tmp_path, weights, REFUSED[message]))


def test_an_unknown_prompt_is_refused(tmp_path, weights):
    encoder = Encoder.load(
        write(tmp_path, weights, {"config_sentence_transformers.json": {"prompts": PROMPTS}})
    )
    with pytest.raises(ParameterError, match="'x'; this model knows query, document, passage, odd"):
        encoder.encode(TEXTS, prompt_name="x")
    with pytest.raises(ParameterError, match="found both; expected one of them"):
        encoder.encode(TEXTS, prompt="a", prompt_name="query")
    with pytest.raises(ParameterError, match="prompt: found 3; expected a str or None"):
        encoder.tokenize(TEXTS, prompt=3)
