"""What a tokenizer's files state is followed as transformers follows it, or refused."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import pytest
from tokenizers import AddedToken, Tokenizer, models, normalizers, pre_tokenizers, processors
from transformers import AutoTokenizer

from embedpipe.engine.config import EncoderConfig
from embedpipe.errors import ModelFormatError, UnknownSettingWarning
from embedpipe.subword import load_tokenizer
from embedpipe.subword.loading import CLASSES
from embedpipe.subword.settings import SETTINGS

SIZE = 70
CONFIG = EncoderConfig("bert", SIZE, 64, 64, 2, 4, 256, 512, 2, 1e-12, "gelu_erf")
SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
PIECES = [*SPECIAL, *"abcdefgh", "the", "new", "york", "##s", "##b", "co", "##vid", "É", "é", "A"]
PIECES += ["漢", "字", "漢字", "[unused1]", "<x>", "the_", ".", "[", "]", "The", "New"]
N = len(PIECES)

TEXTS = [
    "the new york",
    "the NEW\tYork\nnew york a",
    "The COVID covid covids co covid",
    "a [ENT] b [ent] c[ENT]d  [ENT]",
    "[unused1] [UNUSED1] a[unused1]",
    "é É e\u0301 漢字 漢",
    "[MASK] a [SEP] [CLS] <x> <X>",
    "a  [MASK]  b",
    "",
]


def token(text: str, **flags: bool) -> dict[str, object]:
    usual = {"lstrip": False, "rstrip": False, "normalized": False, "single_word": False}
    return {"content": text, **usual, "special": True, **flags}


def write(folder: Path, files: Mapping[str, object], model_type: str = "bert") -> None:
    (folder / "config.json").write_text(json.dumps({"model_type": model_type}))
    (folder / "vocab.txt").write_text("".join(f"{piece}\n" for piece in PIECES))
    for name, content in files.items():
        if content is None:
            (folder / name).unlink()
        else:
            (folder / name).write_text(content if isinstance(content, str) else json.dumps(content))


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


REFUSED = {
    "truncation_side: 'left'; the beginning of a longer text is kept": {"truncation_side": "left"},
    "split_special_tokens: True; ": {"split_special_tokens": True},
    "sp_model_kwargs: {'nbest_size': -1}; ": {"sp_model_kwargs": {"nbest_size": -1}},
    "word_tokenizer_type: 'mecab'; ": {"word_tokenizer_type": "mecab"},
    "subword_tokenizer_type: 'character'; ": {"subword_tokenizer_type": "character"},
    "mecab_kwargs: {'mecab_dic'": {"mecab_kwargs": {"mecab_dic": "ipadic"}},
    "tokenizer_class is CanineTokenizer, which": {"tokenizer_class": "CanineTokenizer"},
    "tokenizer_class is BertJapaneseTokenizer,": {"tokenizer_class": "BertJapaneseTokenizer"},
    "found none of tokenizer.json, though vocab.txt, which does not describe a RobertaTokenizer": {
        "tokenizer_class": "RobertaTokenizer"
    },
    "found none of tokenizer.json, though vocab.txt": {"tokenizer_class": "TokenizersBackend"},
    "'covid' has the id 50; behind .* it is 34": {"added_tokens_decoder": {"50": token("covid")}},
    "'the' has the id 36; behind .* it is 13": {"added_tokens_decoder": {"36": token("the")}},
    "added_tokens_decoder: .*; expected an object of pieces by id": {"added_tokens_decoder": ["a"]},
    "additional_special_tokens: 'a'; expected pieces": {"additional_special_tokens": "a"},
    "tokenizer_class: 3; expected a text": {"tokenizer_class": 3},
    "mask_token: .*; expected a piece's text": {"mask_token": "a\ud800"},
}


@pytest.mark.parametrize("message", REFUSED)
def test_what_cannot_be_followed_is_refused_with_its_reason(tmp_path, message):
    write(tmp_path, {"tokenizer_config.json": REFUSED[message]})
    with pytest.raises(ModelFormatError, match=message):
        load_tokenizer(tmp_path, CONFIG)


def test_an_added_piece_beyond_the_encoder_is_refused_if_its_id_is_stated(tmp_path):
    many = {f"[x{i}]": N + i for i in range(SIZE - N + 1)}
    write(tmp_path, {"added_tokens.json": many})
    with pytest.raises(ModelFormatError, match=f"piece ids up to {SIZE}; the encoder's vocab_size"):
        load_tokenizer(tmp_path, CONFIG)
    # transformers would give an id that no row of the encoder belongs to
    write(
        tmp_path,
        {
            "added_tokens.json": None,
            "special_tokens_map.json": {"additional_special_tokens": list(many)},
        },
    )
    assert load_tokenizer(tmp_path, CONFIG).vocab_size == SIZE


def test_ids_of_added_tokens_json_must_be_numbers(tmp_path):
    write(tmp_path, {"added_tokens.json": {"covid": "12"}})
    with pytest.raises(ModelFormatError, match="'covid' has '12' for its id"):
        load_tokenizer(tmp_path, CONFIG)


def test_an_unknown_setting_is_named_in_a_warning(tmp_path):
    write(tmp_path, {"tokenizer_config.json": {"fold_digits": True, "_note": 1}})
    with pytest.warns(
        UnknownSettingWarning, match="states 'fold_digits', which embedpipe does not"
    ):
        load_tokenizer(tmp_path, CONFIG)


def test_the_table_gives_a_reason_for_each_setting_that_is_not_followed():
    assert len(SETTINGS) > 60
    for name, setting in SETTINGS.items():
        assert setting.expected if setting.becomes == "honored" else setting.why, name
    assert "BertTokenizer" in CLASSES


@pytest.mark.parametrize("setting", [{"do_lower_case": False}, {"keep_accents": True}])
def test_an_albert_whose_files_disagree_is_refused(tmp_path, setting):
    made = Tokenizer(models.Unigram([("<unk>", 0.0), ("[CLS]", 0.0), ("[SEP]", 0.0)], unk_id=0))
    made.normalizer = normalizers.Sequence([normalizers.StripAccents(), normalizers.Lowercase()])
    write(
        tmp_path,
        {
            "tokenizer.json": made.to_str(),
            "tokenizer_config.json": {"tokenizer_class": "AlbertTokenizer", **setting},
        },
        "albert",
    )
    with pytest.raises(ModelFormatError, match=f"against {next(iter(setting))} in"):
        load_tokenizer(tmp_path, CONFIG)
