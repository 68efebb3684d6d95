"""What a tokenizer's files state and cannot be followed is refused with its reason, or named."""

from __future__ import annotations

import dataclasses
import json

import pytest
import sentencepiece
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers

from embedpipe.errors import ModelFormatError, UnknownSettingWarning
from embedpipe.subword import load_tokenizer
from embedpipe.subword.loading import CLASSES
from embedpipe.subword.settings import SETTINGS
from tests.support.spiece_files import train_spiece
from tests.support.tokenizer_folders import CONFIG, PIECES, SIZE, N, token, write

REFUSED = {
    "truncation_side: 'left'; the beginning of a longer text is kept": {"truncation_side": "left"},
    "split_special_tokens: True; ": {"split_special_tokens": True},
    "sp_model_kwargs: {'nbest_size': -1}; ": {"sp_model_kwargs": {"nbest_size": -1}},
    "word_tokenizer_type: 'mecab'; ": {"word_tokenizer_type": "mecab"},
    "subword_tokenizer_type: 'character'; ": {"subword_tokenizer_type": "character"},
    "mecab_kwargs: {'mecab_dic'": {"mecab_kwargs": {"mecab_dic": "ipadic"}},
    "tokenizer_class is CanineTokenizer, which": {"tokenizer_class": "CanineTokenizer"},
    "tokenizer_class is BertJapaneseTokenizer,": {"tokenizer_class": "BertJapaneseTokenizer"},
    "found none of tokenizer.json, though vocab.txt, which does not describe a XLMRoberta": {
        "tokenizer_class": "XLMRobertaTokenizer"
    },
    "tokenizer_class is RobertaTokenizer, which": {"tokenizer_class": "RobertaTokenizer"},
    "found none of tokenizer.json, though vocab.txt": {"tokenizer_class": "TokenizersBackend"},
    "'covid' has the id 50; behind .* it is 34": {"added_tokens_decoder": {"50": token("covid")}},
    "'the' has the id 36; behind .* it is 13": {"added_tokens_decoder": {"36": token("the")}},
    "added_tokens_decoder: .*; expected an object of pieces by id": {"added_tokens_decoder": ["a"]},
    "added_tokens_decoder: .*; expected an object of pieces by": {
        "added_tokens_decoder": {"1" * 5000: "a"}
    },
    "additional_special_tokens: 'a'; expected pieces": {"additional_special_tokens": "a"},
    "tokenizer_class: 3; expected a string": {"tokenizer_class": 3},
    "model_specific_special_tokens: .*; expected an object of pieces by name": {
        "model_specific_special_tokens": ["the"]
    },
    "entity_token: .*; expected a text, or an object with": {"entity_token": {"content": "the"}},
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


@pytest.mark.parametrize(("given", "shown"), [("12", "'12'"), (-1, "-1"), (10**400, "1000")])
def test_ids_of_added_tokens_json_must_be_numbers(tmp_path, given, shown):
    write(tmp_path, {"added_tokens.json": {"covid": given}})
    with pytest.raises(ModelFormatError, match=f"'covid' has {shown}.* for its id") as caught:
        load_tokenizer(tmp_path, CONFIG)
    assert len(str(caught.value)) < 400


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
    with pytest.raises(ModelFormatError, match=f"against {next(iter(setting))}"):
        load_tokenizer(tmp_path, CONFIG)


def test_pieces_added_to_a_sentencepiece_model_are_found(tmp_path):
    count = sentencepiece.SentencePieceProcessor(
        model_file=str(train_spiece(tmp_path))
    ).get_piece_size()
    added = {
        str(count): token("covid", special=False, normalized=True),
        str(count + 1): token("[ENT]"),
        str(count + 2): token("ell", special=False, single_word=True),
    }
    settings = {"tokenizer_class": "AlbertTokenizer", "added_tokens_decoder": added}
    (tmp_path / "tokenizer_config.json").write_text(json.dumps(settings))
    config = dataclasses.replace(CONFIG, architecture="albert", vocab_size=count + 3)
    tokenizer = load_tokenizer(tmp_path, config)
    found = [tokenizer.pieces(ids[1:-1]) for ids in tokenizer.encode(["Covid hello [ENT]ell"]).ids]
    plain = tokenizer.pieces(tokenizer.text_pieces(["hello"])[0])
    assert found == [["covid", *plain, "[ENT]", "ell"]]
    assert "ell" not in plain
    assert "[ENT]" not in tokenizer.pieces(tokenizer.text_pieces(["[ent]"])[0])
    settings["added_tokens_decoder"] = {"5": token("hello"), "1": token("[CLS]")}
    (tmp_path / "tokenizer_config.json").write_text(json.dumps(settings))
    with pytest.raises(
        ModelFormatError, match=r"'\[CLS\]' has the id 1, in the vocabulary, or behind it, 2"
    ):
        load_tokenizer(tmp_path, config)


CONTRADICTIONS = {
    "the normalizer is NFKC, not BertNormalizer": {"normalizer": {"type": "NFKC"}},
    "the normalizer is none, not BertNormalizer": {"normalizer": None},
    "the pre_tokenizer is WhitespaceSplit, not BertPreTokenizer": {
        "pre_tokenizer": {"type": "WhitespaceSplit"}
    },
    "max_input_chars_per_word is 5, not 100": {"max_input_chars_per_word": 5},
    "continuing_subword_prefix is @, not ##": {"continuing_subword_prefix": "@"},
}


@pytest.mark.parametrize("message", CONTRADICTIONS)
def test_a_tokenizer_json_against_its_class_is_refused(tmp_path, message):
    # transformers 4 followed the file, 5 follows the class
    made = Tokenizer(models.WordPiece({p: i for i, p in enumerate(PIECES)}, unk_token="[UNK]"))
    made.normalizer = normalizers.BertNormalizer()
    made.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    content = json.loads(made.to_str())
    for key, value in CONTRADICTIONS[message].items():
        (content if key in content else content["model"])[key] = value
    for kind in ("BertTokenizer", None, "DistilBertTokenizerFast"):
        settings = {"tokenizer_class": kind}
        write(tmp_path, {"tokenizer.json": content, "tokenizer_config.json": settings})
        with pytest.raises(ModelFormatError, match=message):
            load_tokenizer(tmp_path, CONFIG)
    settings = {"tokenizer_class": "PreTrainedTokenizerFast"}
    write(tmp_path, {"tokenizer.json": content, "tokenizer_config.json": settings})
    load_tokenizer(tmp_path, CONFIG)


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("BertTokenizer", "the model is Unigram, not WordPiece"),
        (None, "the model is Unigram, not WordPiece"),
        ("XLMRobertaTokenizer", "the id of <unk> is 0, not 3; cls_token is"),
        ("AlbertTokenizer", "the id of <unk> is 0, not 1"),
    ],
)
def test_unigram_pieces_against_their_class_are_refused(tmp_path, kind, message):
    made = Tokenizer(models.Unigram([("<unk>", 0.0), ("[CLS]", 0.0), ("[SEP]", 0.0)], unk_id=0))
    settings = {"tokenizer_class": kind}
    write(tmp_path, {"tokenizer.json": made.to_str(), "tokenizer_config.json": settings})
    with pytest.raises(ModelFormatError, match=message):
        load_tokenizer(tmp_path, CONFIG)


def test_pieces_without_an_id_get_the_next_ones_of_a_sentencepiece_model(tmp_path):
    count = sentencepiece.SentencePieceProcessor(
        model_file=str(train_spiece(tmp_path))
    ).get_piece_size()
    settings = {"additional_special_tokens": ["[ENT]", "covid", "beyond"]}
    (tmp_path / "tokenizer_config.json").write_text(json.dumps(settings))
    config = dataclasses.replace(CONFIG, architecture="albert", vocab_size=count + 2)
    tokenizer = load_tokenizer(tmp_path, config)
    found = tokenizer.text_pieces(["covid[ENT]", "beyond"])
    assert found[0].tolist() == [count + 1, count]
    assert max(found[1]) < count


def test_another_unknown_piece_than_the_models_is_refused(tmp_path):
    train_spiece(tmp_path)
    (tmp_path / "special_tokens_map.json").write_text('{"unk_token": "[MASK]"}')
    config = dataclasses.replace(CONFIG, architecture="albert")
    with pytest.raises(ModelFormatError, match=r"unknown text is '<unk>'; unk_token.*'\[MASK\]'"):
        load_tokenizer(tmp_path, config)


def test_null_is_no_lower_case(tmp_path):
    # as AlbertTokenizer, and BertTokenizer up to 4, took it; an absent setting is another thing
    found = []
    for settings in ({}, {"do_lower_case": None}, {"do_lower_case": False}):
        write(tmp_path, {"tokenizer_config.json": settings})
        found.append(load_tokenizer(tmp_path, CONFIG).text_pieces(["The"])[0].tolist())
    assert found[0] != found[1] == found[2]
