"""What a tokenizer's files state is followed as transformers follows it."""

from __future__ import annotations

import pytest
from tokenizers import AddedToken, Tokenizer, models, normalizers, pre_tokenizers, processors
from transformers import AutoTokenizer

from embedpipe.subword import load_tokenizer
from tests.support.tokenizer_folders import CONFIG, PIECES, SPECIAL, N, token, write

TEXTS = [
    "the new york",
    "the NEW\tYork\nnew york a",
    "a NEW\tyork",
    "a new\nyork b",
    "The COVID covid covids co covid",
    "a [ENT] b [ent] c[ENT]d  [ENT]",
    "[unused1] [UNUSED1] a[unused1]",
    "é É e\u0301 漢字 漢",
    "[MASK] a [SEP] [CLS] <x> <X>",
    "a  [MASK]  b",
    "",
]


def whole(*added: AddedToken, lowercase: bool = True, **kinds: object) -> str:
    """A `tokenizer.json` of the vocabulary."""
    made = Tokenizer(models.WordPiece({p: i for i, p in enumerate(PIECES)}, unk_token="[UNK]"))
    made.normalizer = kinds.get("normalizer", normalizers.BertNormalizer(lowercase=lowercase))
    made.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    made.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    made.add_special_tokens([AddedToken(p, normalized=False, special=True) for p in SPECIAL])
    made.add_tokens(list(added))
    return made.to_str()


OBJECT = {"__type": "AddedToken"}
DECODER = {str(i): token(piece) for i, piece in enumerate(SPECIAL)}
SPACED = AddedToken("new york", normalized=True)

FOLLOWED = {
    # case, accents, Chinese
    "nothing": {},
    "an empty configuration": {"tokenizer_config.json": {}},
    "cased": {"tokenizer_config.json": {"do_lower_case": False}},
    "accents kept": {"tokenizer_config.json": {"strip_accents": False}},
    "cased without accents": {
        "tokenizer_config.json": {"do_lower_case": False, "strip_accents": True}
    },
    "Chinese whole": {"tokenizer_config.json": {"tokenize_chinese_chars": False}},
    "null settings": {"tokenizer_config.json": {"strip_accents": None, "never_split": None}},
    # added pieces
    "added_tokens.json": {"added_tokens.json": {"covid": N, "[ENT]": N + 1}},
    "added_tokens.json, cased": {
        "added_tokens.json": {"COVID": N},
        "tokenizer_config.json": {"do_lower_case": False},
    },
    "added_tokens.json and named as special": {
        "added_tokens.json": {"[ENT]": N, "covid": N + 1},
        "special_tokens_map.json": {"additional_special_tokens": ["[ENT]"]},
    },
    "added_tokens.json and special in the configuration": {
        "added_tokens.json": {"[ENT]": N, "covid": N + 1},
        "tokenizer_config.json": {"additional_special_tokens": ["[ENT]"]},
    },
    "added_tokens_decoder": {
        "tokenizer_config.json": {
            "added_tokens_decoder": {
                **DECODER,
                str(N): token("covid", special=False, normalized=True),
                str(N + 1): token("[ENT]"),
            }
        }
    },
    "added_tokens_decoder with other files": {
        "tokenizer_config.json": {"added_tokens_decoder": {**DECODER, str(N): token("[ENT]")}},
        "special_tokens_map.json": {"additional_special_tokens": ["[unused1]"]},
        "added_tokens.json": {"covid": N},
    },
    "a piece that takes white space": {
        "tokenizer_config.json": {
            "added_tokens_decoder": {**DECODER, "4": token("[MASK]", lstrip=True, rstrip=True)}
        }
    },
    "a piece of whole words": {
        "tokenizer_config.json": {
            "added_tokens_decoder": {str(N): token("covid", special=False, single_word=True)}
        }
    },
    "a piece with a space": {
        "tokenizer_config.json": {
            "added_tokens_decoder": {str(N): token("new york", special=False, normalized=True)}
        }
    },
    "additional_special_tokens": {
        "tokenizer_config.json": {"additional_special_tokens": ["[unused1]", OBJECT | token("<x>")]}
    },
    "extra_special_tokens": {"tokenizer_config.json": {"extra_special_tokens": ["[unused1]"]}},
    "extra_special_tokens by name": {
        "tokenizer_config.json": {"extra_special_tokens": {"entity_token": "[unused1]"}}
    },
    "a special piece of its own name": {"tokenizer_config.json": {"entity_token": "[unused1]"}},
    "additional_special_tokens that the vocabulary lacks": {
        "tokenizer_config.json": {"additional_special_tokens": ["[ENT]"]}
    },
    "special_tokens_map.json": {
        "special_tokens_map.json": {"mask_token": "<x>", "additional_special_tokens": ["[unused1]"]}
    },
    "two files name other special pieces": {
        "tokenizer_config.json": {"mask_token": "<x>", "additional_special_tokens": ["<x>"]},
        "special_tokens_map.json": {
            "mask_token": "[MASK]",
            "additional_special_tokens": ["[unused1]"],
        },
    },
    "special pieces as objects": {
        "tokenizer_config.json": {"mask_token": OBJECT | token("<x>", lstrip=True)},
        "special_tokens_map.json": {"sep_token": token("[unused1]")},
    },
    "other pieces around texts": {
        "tokenizer_config.json": {"cls_token": "<x>", "sep_token": "[unused1]"}
    },
    # classes
    **{
        f"class {name}": {"tokenizer_config.json": {"tokenizer_class": name}}
        for name in ("BertTokenizer", "BertTokenizerFast", "ElectraTokenizer")
    },
    "class in config.json": {
        "config.json": {"model_type": "bert", "tokenizer_class": "ElectraTokenizerFast"}
    },
    # tokenizer.json
    "tokenizer.json": {"tokenizer.json": whole()},
    "tokenizer.json with added pieces": {
        "tokenizer.json": whole(SPACED, AddedToken("covid", normalized=True)),
    },
    "tokenizer.json, cased by the other file": {
        "tokenizer.json": whole(),
        "tokenizer_config.json": {"do_lower_case": False},
    },
    "tokenizer.json, uncased by the other file": {
        "tokenizer.json": whole(lowercase=False),
        "tokenizer_config.json": {"do_lower_case": True, "strip_accents": False},
    },
    "cased tokenizer.json beside a silent file": {
        "tokenizer.json": whole(lowercase=False),
        "tokenizer_config.json": {"tokenizer_class": "BertTokenizer"},
    },
    "tokenizer.json alone counts for its class": {
        "tokenizer.json": whole(lowercase=False),
        "tokenizer_config.json": {
            "tokenizer_class": "PreTrainedTokenizerFast",
            "do_lower_case": True,
        },
    },
    "tokenizer.json and further pieces": {
        "tokenizer.json": whole(AddedToken("covid", normalized=True)),
        "tokenizer_config.json": {"additional_special_tokens": ["[unused1]"]},
    },
    "tokenizer.json and added_tokens_decoder": {
        "tokenizer.json": whole(),
        "tokenizer_config.json": {
            "tokenizer_class": "PreTrainedTokenizerFast",
            "added_tokens_decoder": {**DECODER, str(N): token("[ENT]", lstrip=True)},
        },
    },
    "an added piece that another case changes": {
        "tokenizer.json": whole(AddedToken("É", normalized=True), lowercase=False),
        "tokenizer_config.json": {"do_lower_case": True},
    },
    "another unknown piece than that of tokenizer.json": {
        "tokenizer.json": whole(),
        "special_tokens_map.json": {"unk_token": "[unused1]"},
        "tokenizer_config.json": {},
    },
    "pieces of tokenizer.json that added_tokens_decoder lacks": {
        "tokenizer.json": whole(SPACED),
        "tokenizer_config.json": {"added_tokens_decoder": {str(N): token("covid")}},
    },
    "a class that follows all of tokenizer.json": {
        "tokenizer.json": whole(lowercase=False),
        "tokenizer_config.json": {"tokenizer_class": "ConvBertTokenizer", "do_lower_case": True},
    },
    "everything that has no effect": {
        "tokenizer_config.json": {
            "padding_side": "left",
            "pad_to_multiple_of": 8,
            "max_length": 4,
            "stride": 1,
            "truncation_strategy": "longest_first",
            "truncation_side": "right",
            "clean_up_tokenization_spaces": True,
            "name_or_path": "x/y",
            "special_tokens_map_file": "/nowhere/special_tokens_map.json",
            "model_input_names": ["input_ids"],
            "sp_model_kwargs": {},
        }
    },
}


@pytest.mark.parametrize("name", FOLLOWED)
def test_settings_give_the_ids_of_transformers(tmp_path, name):
    write(tmp_path, FOLLOWED[name])
    standard = AutoTokenizer.from_pretrained(tmp_path)
    ours = load_tokenizer(tmp_path, CONFIG)
    expected = [standard(text)["input_ids"] for text in TEXTS]
    assert [ids.tolist() for ids in ours.encode(TEXTS).ids] == expected


def test_a_tokenizer_json_alone_is_all_there_is_to_follow(tmp_path):
    # transformers' BertTokenizer folds case here, which neither file says
    write(tmp_path, {"tokenizer.json": whole(lowercase=False)})
    standard = Tokenizer.from_file(str(tmp_path / "tokenizer.json"))
    found = load_tokenizer(tmp_path, CONFIG).encode(TEXTS).ids
    assert [ids.tolist() for ids in found] == [standard.encode(text).ids for text in TEXTS]
