"""The files a tokenizer is read from: each layout, each setting, and what is refused."""

from __future__ import annotations

import base64
import dataclasses
import json

import pytest
import sentencepiece
from tokenizers import AddedToken, Tokenizer, normalizers

from embedpipe.errors import ModelFormatError
from embedpipe.hub import find_model
from embedpipe.subword import load_tokenizer
from tests.support.spiece_files import albert_tokenizer, charsmap, field, piece, train_spiece
from tests.support.subword_tokenizers import BERT, PIECES, ids, load, write_vocab

UNKNOWN = piece(b"<unk>", 0.0, 2)
UNIGRAM = UNKNOWN + piece(b"[CLS]", 0.0, 3) + piece(b"[SEP]", 0.0, 3) + piece("▁a".encode())


def test_special_pieces_may_be_written_as_objects(tmp_path):
    folder = write_vocab(tmp_path, cls_token={"content": "a"}, sep_token={"content": "e"})
    assert ids(folder, "") == [5, 8]


def test_lines_of_vocab_txt_may_end_as_on_windows(tmp_path):
    write_vocab(tmp_path, text="\r\n".join(PIECES))
    assert ids(tmp_path, "ab") == [2, 5, 6, 3]


@pytest.mark.parametrize("lowercase", [True, False])
def test_settings_overrule_tokenizer_json_as_in_transformers(tmp_path, lowercase):
    (tmp_path / "tokenizer.json").write_bytes(
        (find_model("all-MiniLM-L6-v2") / "tokenizer.json").read_bytes()
    )
    (tmp_path / "tokenizer_config.json").write_text(json.dumps({"do_lower_case": lowercase}))
    # the uncased vocabulary does not know the word with a capital
    assert (load(tmp_path).unk_id in ids(tmp_path, "Hello")) is not lowercase


def test_padding_and_truncation_of_tokenizer_json_are_switched_off():
    recorded = json.loads(
        (find_model("all-MiniLM-L6-v2") / "tokenizer.json").read_text(encoding="utf-8")
    )
    assert recorded["padding"]["strategy"] == {"Fixed": 128}
    assert recorded["truncation"]["max_length"] == 128
    batch = load(find_model("all-MiniLM-L6-v2")).encode(["a", "a " * 300])
    assert batch.ids.lengths.tolist() == [3, 302]


def test_words_are_the_same_from_tokenizer_json(tmp_path):
    write_vocab(
        tmp_path, text=(find_model("all-MiniLM-L6-v2") / "vocab.txt").read_text(encoding="utf-8")
    )
    words = ["painkiller", "a" * 150, "a" * 201, "[CLS]", "Ab", "漢字", ""]
    expected = load(tmp_path).encode_words(words)
    found = load(find_model("all-MiniLM-L6-v2")).encode_words(words)
    assert [i.tolist() for i in found] == [i.tolist() for i in expected]


ADDED = [
    [],
    [AddedToken("[MASK]", special=True, normalized=False)],
    [AddedToken("Ab", normalized=True)],
    [AddedToken("b c", single_word=True), AddedToken("é", normalized=True)],
]


@pytest.mark.parametrize("added", ADDED)
@pytest.mark.parametrize("normalizer", [{}, {"lowercase": False}, {"clean_text": False}, None])
def test_text_has_the_pieces_that_the_tokenizers_package_gives(tmp_path, added, normalizer):
    tokenizer = Tokenizer.from_file(str(find_model("all-MiniLM-L6-v2") / "tokenizer.json"))
    tokenizer.normalizer = (
        normalizers.Lowercase()
        if normalizer is None
        else normalizers.BertNormalizer(strip_accents=True, **normalizer)
    )
    tokenizer.no_padding()
    tokenizer.no_truncation()
    tokenizer.add_tokens(added)
    tokenizer.save(str(tmp_path / "tokenizer.json"))
    texts = [
        "Ab cab c, b c [MASK]",
        "ab",
        "",
        "a\x07b",
        "a\x7fc",
        "a\u2028b",
        "e é \u212a",
        "tab\tnew\nline",
    ]
    texts += ["Isn't $5.00 (a_b) {c}~^|?", "x" * 101, "  ", "\r\n", "漢字 ab"]
    config = dataclasses.replace(BERT, vocab_size=40000)
    for chosen in (texts, texts[:3]):
        found = load_tokenizer(tmp_path, config).encode(chosen).ids
        assert [i.tolist() for i in found] == [tokenizer.encode(text).ids for text in chosen]


def test_an_albert_tokenizer_json_gives_the_pieces_of_its_spiece_model(tmp_path):
    path = train_spiece(tmp_path)
    original = load(tmp_path)
    saved = tmp_path / "saved"
    saved.mkdir()
    albert_tokenizer(path.read_bytes()).save(str(saved / "tokenizer.json"))
    copy = load(saved)
    texts = ["hello (world) ½", "number 1,000, here", "[SEP] straße", "HELLO"]
    found, expected = copy.encode_words(texts), original.encode_words(texts)
    assert [i.tolist() for i in found] == [i.tolist() for i in expected]
    assert copy.encode(texts).ids.values.tolist() == original.encode(texts).ids.values.tolist()


@pytest.mark.parametrize("rule", ["nmt_nfkc", "nmt_nfkc_cf", "nfkc", "nfkc_cf", "identity"])
def test_every_rule_of_normalization_equals_sentencepiece(tmp_path, rule):
    path = train_spiece(tmp_path, normalization_rule_name=rule)
    oracle = sentencepiece.SentencePieceProcessor(model_file=str(path))
    boundary = oracle.piece_to_id("▁")
    words = [
        "hello",
        "Straße",
        "ﬁne",
        "½",
        "Ａｂｃ",
        "1,000,",
        "(b)",
        "漢",
        "[CLS]",
        "e\u0301",
        "a b",
    ]
    found = [i.tolist() for i in load(tmp_path).encode_words(words)]
    assert found == [[i for i in oracle.encode(word) if i != boundary] for word in words]


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({}, "has no tokenizer: found none of spiece.model, tokenizer.json, vocab.txt"),
        ({"vocab.txt": b""}, "vocab.txt is empty"),
        ({"vocab.txt": b"[UNK]\n[CLS]\n"}, r"lacks the special pieces \[SEP\]\. "),
        ({"vocab.txt": b"[UNK]\n\xff"}, "byte 6 is not UTF-8"),
        (
            {"vocab.txt": ("\n".join(PIECES) + "\nx" * 30600).encode()},
            "piece ids up to 30613; the encoder's vocab_size is 30522",
        ),
        ({"tokenizer.json": b"{"}, "is not a tokenizer that the tokenizers package can read"),
        (
            {
                "tokenizer.json": b'{"model": {"type": "WordPiece", "vocab": {}, "unk_token": "x", '
                b'"continuing_subword_prefix": "##", "max_input_chars_per_word": 9}, '
                b'"normalizer": {"type": "Precompiled", "precompiled_charsmap": ""}}'
            },
            "Cannot parse precompiled_charsmap",  # a panic in Rust
        ),
        ({"tokenizer.json": b'{"model": {"type": "BPE", "vocab": {}, "merges": []}}'}, "BPE"),
        ({"vocab.txt": b"a", "tokenizer_config.json": b"{"}, "is not valid JSON"),
        ({"vocab.txt": b"a", "tokenizer_config.json": b"[" * 10**5}, "is not valid JSON"),
        (
            {"vocab.txt": b"a", "tokenizer_config.json": b"[]"},
            "value is an array; expected an object",
        ),
        (
            {
                "vocab.txt": b"a",
                "tokenizer_config.json": b'{"do_lower_case": "yes", "cls_token": 1}',
            },
            "do_lower_case: 'yes'; expected true or false\n  - cls_token: 1; expected",
        ),
    ],
)
def test_a_folder_without_a_usable_tokenizer_is_refused(tmp_path, files, message):
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
    with pytest.raises(ModelFormatError, match=message):
        load(tmp_path)


def test_a_tokenizer_json_with_another_template_is_refused(tmp_path):
    text = (find_model("all-MiniLM-L6-v2") / "tokenizer.json").read_text(encoding="utf-8")
    content = json.loads(text)
    content["post_processor"]["single"].pop(0)
    (tmp_path / "tokenizer.json").write_text(json.dumps(content))
    with pytest.raises(ModelFormatError, match=r"makes an empty text \['\[SEP\]'\]; expected"):
        load(tmp_path)


def test_a_tokenizer_json_that_makes_tokenizers_panic_is_reported(tmp_path):
    path = train_spiece(tmp_path)
    state = json.loads(albert_tokenizer(path.read_bytes()).to_str())
    path.unlink()
    rules = base64.b64encode(b"\4\0\0\0" + b"\xff\xff\xff\x7f" + b"x").decode()
    state["normalizer"] = {"type": "Precompiled", "precompiled_charsmap": rules}
    (tmp_path / "tokenizer.json").write_text(json.dumps(state))
    tokenizer = load(tmp_path)
    with pytest.raises(ModelFormatError, match="made the tokenizers package fail on a text"):
        tokenizer.encode(["hello", "world"])


def test_a_tokenizer_json_without_a_piece_for_unknown_text_is_reported(tmp_path):
    path = train_spiece(tmp_path)
    state = json.loads(albert_tokenizer(path.read_bytes()).to_str())
    path.unlink()
    state["model"]["unk_id"] = None
    (tmp_path / "tokenizer.json").write_text(json.dumps(state))
    tokenizer = load(tmp_path)
    with pytest.raises(ModelFormatError, match=r"fail on a text: .*unk_id"):
        tokenizer.encode(["\u6f22"])
    with pytest.raises(ModelFormatError, match="the model has no unk_id"):
        tokenizer.encode_words(["hello"])


def test_a_file_too_large_to_believe_is_not_read(tmp_path):
    with (tmp_path / "vocab.txt").open("wb") as file:
        file.truncate(2**40)  # sparse: takes no space
    with pytest.raises(
        ModelFormatError, match=f"found {2**40} bytes, larger than the {2**28} bytes allowed"
    ):
        load(tmp_path)


def test_a_directory_in_place_of_the_file_is_refused(tmp_path):
    (tmp_path / "vocab.txt").mkdir()
    with pytest.raises(ModelFormatError, match=r"vocab\.txt is not a regular file"):
        load(tmp_path)


ENDLESS = b"\xff" * 11
FAR = 0x3FFFFF << 10 | 0x200  # a unit whose children would lie a billion units further
NEAR = 0x1FFFFF << 10 | ord("a")  # the same, less far, and no root
SELF = 0x100  # an inner unit whose leaf is the unit itself: its value is 256
CANNOT = "spiece.model is not a SentencePiece model that can be used: "


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "spiece.model has no pieces"),
        (ENDLESS, "the integer at byte 0 is longer than 64 bits"),
        (b"\x0a", "it ends within the integer at byte 1"),
        (b"\x0a\xff", "it ends within the integer at byte 1"),
        (b"\x0a\x7fabc", "field 1 at byte 0 claims 127 bytes where 3 are left"),
        (b"\x0b", "field 1 at byte 0 has wire type 3"),
        (b"\x08\x01", "field 1 is an integer; expected bytes"),
        (UNIGRAM[:-3], "claims"),
        (UNIGRAM + field(1, b"\x08\x01"), CANNOT + "piece must not be empty"),
        (UNIGRAM + piece(b"\xff"), CANNOT + ".* can't decode byte 0xff"),
        (UNIGRAM + piece(b""), CANNOT + "piece must not be empty"),
        (UNIGRAM + piece(b"[CLS]"), r"spiece.model has pieces twice: \['\[CLS\]'\]"),
        (UNIGRAM + piece(b"x", float("nan")), CANNOT + "score is NaN"),
        (UNIGRAM + piece(b"x", kind=6), CANNOT + "byte piece x is found"),
        (UNIGRAM + UNKNOWN.replace(b"unk", b"und"), CANNOT + "unk is already defined"),
        (piece(b"a"), CANNOT + "unk is not defined"),
        (UNIGRAM + field(3, field(2, b"abc")), CANNOT + "Blob for normalization rule is broken"),
        (UNIGRAM + charsmap([], b"x"), CANNOT),
        (UNIGRAM + charsmap([FAR] + [0] * 255, b"x\0"), CANNOT),
        (UNIGRAM + charsmap([0] * 97 + [NEAR] + [0] * 158, b"x\0"), CANNOT),
        (UNIGRAM + charsmap([SELF] + [0] * 255, b"x\0"), CANNOT),
        (UNIGRAM + charsmap([SELF] + [0] * 255, b"x" * 255 + "é".encode()), CANNOT),
        (UNIGRAM + charsmap([SELF] + [0] * 255, b"x" * 257), CANNOT),
        (UNIGRAM + charsmap([SELF] + [0] * 255, b"\xff" + b"x" * 256 + b"\0"), CANNOT),
    ],
)
def test_a_damaged_sentencepiece_model_is_refused(tmp_path, content, message):
    (tmp_path / "spiece.model").write_bytes(content)
    with pytest.raises(ModelFormatError, match=message) as caught:
        load(tmp_path)
    assert "spiece.model" in str(caught.value)


def test_every_truncation_of_a_sentencepiece_model_is_refused_or_read(tmp_path):
    path = train_spiece(tmp_path)
    content = path.read_bytes()
    refused = 0
    for size in range(0, len(content), max(1, len(content) // 200)):
        path.write_bytes(content[:size])
        try:
            load(tmp_path).encode(["hello (world)"])
        except ModelFormatError:
            refused += 1
    assert refused > 150


def test_a_vocabulary_smaller_than_the_encoder_is_accepted(tmp_path):
    write_vocab(tmp_path)
    exact = dataclasses.replace(BERT, vocab_size=len(PIECES))
    assert load_tokenizer(tmp_path, exact).vocab_size == len(PIECES)
    with pytest.raises(ModelFormatError, match=f"up to {len(PIECES) - 1}"):
        load_tokenizer(tmp_path, dataclasses.replace(BERT, vocab_size=len(PIECES) - 1))
