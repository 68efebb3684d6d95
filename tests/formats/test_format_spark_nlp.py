"""Spark NLP's files: vocabularies out of Java streams, metadata, and what they must not do."""

from __future__ import annotations

import io
import json
import shutil
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from embedpipe.formats import open_model, recognize
from embedpipe.formats.spark_nlp.java_stream import read_pairs
from tests.support.format_parts import (
    ARRAY,
    PAIR,
    SYNC,
    array,
    described,
    java_text,
    number,
    pair,
    record,
    sequence,
    text,
)
from tests.support.format_support import damaged, fuzzed, refused, survives


def read(content: bytes) -> list[tuple[str, object]]:
    return list(read_pairs(memoryview(content), "some/part-00000"))


def test_pairs_of_text_and_integers_are_read() -> None:
    content = sequence(
        record(array(pair(text("na\u00efve"), number(-7)))),
        struct.pack(">i", -1) + SYNC,
        record(array(pair(text("\0 \U0001f600"), text("x")))),
    )
    assert read(content) == [("na\u00efve", -7), ("\0 \U0001f600", "x")]
    assert read(sequence()) == []


def nested(depth: int) -> bytes:
    value = number(1)
    for _ in range(depth):
        value = pair(text("a"), value)
    return value


ONE = array(pair(text("a"), number(1)))
BAD = {
    "empty": (b"", "4 bytes expected at byte 0"),
    "not a sequence": (b"PK\3\4" * 9, "does not begin with SEQ"),
    "version 5": (sequence(version=5), "does not begin with SEQ and version 6"),
    "other records": (sequence(key="java.lang.Runtime"), "records of 'java.lang.Runtime'"),
    "compressed": (sequence(flags=b"\1\0"), "it is compressed"),
    "cut off": (sequence(record(ONE))[:-1], "are left"),
    "record past the end": (sequence(struct.pack(">iii", 104, 0, 100)), "100 bytes expected"),
    "negative record": (sequence(struct.pack(">iii", -5, 0, -9)), "a record of -5 bytes"),
    "record of a gigabyte": (sequence(struct.pack(">iii", 2**30 + 4, 0, 2**30)), "at most 1048576"),
    "with a key": (sequence(struct.pack(">iii", 8, 4, 4)), "with a key of 4"),
    "other sync": (sequence(struct.pack(">i", -1) + bytes(16)), "no sync mark"),
    "no stream": (sequence(struct.pack(">iii", 8, 0, 4) + b"abcd"), "no Java stream"),
    "a text alone": (sequence(record(text("a"))), "holds str; expected an array"),
    "more behind": (sequence(record(ONE + b"p")), "1 bytes behind an array"),
    "huge array": (sequence(record(array(count=2**31 - 1))), "2147483647 elements"),
    "negative array": (sequence(record(array(count=-1))), "-1 elements"),
    "a name that is no text": (sequence(record(array(pair(number(1), number(1))))), "no pair"),
    "an element that is no pair": (sequence(record(array(text("a")))), "is no pair"),
    "too deep": (sequence(record(array(nested(9)))), "nested more than 8 deep"),
    "another class": (
        sequence(record(b"\x73" + described("java.lang.ProcessBuilder"))),
        "asks for the class 'java.lang.ProcessBuilder'",
    ),
    "an array of another class": (
        sequence(record(b"\x75" + PAIR + bytes(4))),
        "an array of something else than pairs",
    ),
    "an object of an array's class": (sequence(record(b"\x73" + ARRAY)), "neither a pair nor"),
    "other fields": (
        sequence(record(b"\x73" + described("scala.Tuple2", b"\0\1I" + java_text("x")))),
        "has fields (('I', 'x'),)",
    ),
    "its own way to write": (
        sequence(record(b"\x73" + described("scala.Tuple2", flags=3))),
        "in a way of its own",
    ),
    "classes above classes": (
        sequence(
            record(
                b"\x75"
                + described(
                    "java.lang.Number",
                    parent=described(
                        "java.lang.Number",
                        parent=described(
                            "java.lang.Number",
                            parent=described(
                                "java.lang.Number",
                                parent=described(
                                    "java.lang.Number",
                                    parent=described(
                                        "java.lang.Number",
                                        parent=described(
                                            "java.lang.Number",
                                            parent=described(
                                                "java.lang.Number",
                                                parent=described("java.lang.Number"),
                                            ),
                                        ),
                                    ),
                                ),
                            ),
                        ),
                    ),
                )
            )
        ),
        "classes nested more than 8",
    ),
    "a proxy": (sequence(record(b"\x75\x7d")), "a class of kind 0x7d"),
    "a block of bytes": (sequence(record(b"\x77\1a")), "a value of kind 0x77"),
    "a reference ahead": (
        sequence(record(b"\x71" + struct.pack(">I", 0x7E0000))),
        "a reference to object 0 of 0",
    ),
    "a circle": (
        sequence(record(array(b"\x71" + struct.pack(">I", 0x7E0001)))),
        "a reference to object 1 of 2",
    ),
    "not UTF-8": (sequence(record(array(b"\x74\0\1\xff"))), "not modified UTF-8"),
    "half a surrogate pair": (
        sequence(record(array(b"\x74\0\3\xed\xa0\x80"))),
        "not modified UTF-8",
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_each_way_to_break_a_field_has_its_own_error(case: str) -> None:
    content, finding = BAD[case]
    refused(lambda: read(content), "some/part-00000", finding, "Nothing in it was run")


HOSTILE = {
    "bad_reference.seq": "a reference to object 32767 of 0",
    "huge_array.seq": "2147483647 elements",
    "negative_record.seq": "are left",
    "record_length_past_end.seq": "are left",
    "unknown_class.seq": "'java.util.PriorityQueue'",
}


def test_every_hostile_field_is_in_the_list(testdata: Path) -> None:
    files = (testdata / "hostile/java_fields").iterdir()
    assert sorted(HOSTILE) == sorted(file.name for file in files)


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_field_is_refused(testdata: Path, name: str) -> None:
    content = (testdata / "hostile/java_fields" / name).read_bytes()
    refused(lambda: read(content), HOSTILE[name])


# ---- whole models ----

NEW = "models/spark_nlp_5.5.3/bert_embeddings_tf"


@pytest.fixture
def copied(testdata: Path, tmp_path: Path) -> Path:
    """A recorded model that may be changed."""
    folder = tmp_path / "model"
    shutil.copytree(testdata / NEW, folder, copy_function=shutil.copyfile)
    for path in folder.rglob("*"):
        path.chmod(0o755)
    folder.chmod(0o755)
    return folder


def with_metadata(change: Callable[[dict], object]) -> Callable[[Path], object]:
    def edit(folder: Path) -> None:
        path = folder / "metadata/part-00000"
        metadata = json.loads(path.read_text())
        change(metadata)
        path.write_text(json.dumps(metadata))

    return edit


def vocabulary(*items: bytes) -> Callable[[Path], object]:
    content = sequence(*(record(array(item)) for item in items))
    return lambda folder: (folder / "fields/vocabulary/part-00000").write_bytes(content)


ZERO = pair(text("a"), number(0))
CHANGES: dict[str, tuple[Callable[[Path], object], str]] = {
    "another annotator": (
        with_metadata(lambda found: found.update({"class": "com.johnsnowlabs.nlp.Finisher"})),
        "found 0 stages of embeddings (none); expected one of BertEmbeddings",
    ),
    "no class": (with_metadata(lambda found: found.pop("class")), "class is missing"),
    "parameters a list": (with_metadata(lambda found: found.update(paramMap=[])), "paramMap"),
    "no model file": (
        lambda folder: (folder / "bert_tensorflow").unlink(),
        "has no bert_tensorflow; found",
    ),
    "model file cut off": (
        lambda folder: (folder / "bert_tensorflow").write_bytes(b"PK\3\4"),
        "bert_tensorflow is damaged or no zip",
    ),
    "no vocabulary": (
        lambda folder: shutil.rmtree(folder / "fields"),
        "0 pieces in 0 files",
    ),
    "an id twice": (vocabulary(ZERO, pair(text("b"), number(0))), "have the same id 0"),
    "a gap": (vocabulary(ZERO, pair(text("b"), number(2))), "ids up to 2; expected every id once"),
    "negative id": (vocabulary(pair(text("b"), number(-1))), "'b' has the id -1"),
    "ids of text": (vocabulary(pair(text("b"), text("c"))), "'b' has the id 'c'"),
    "too many pieces": (
        vocabulary(*(pair(text(str(i)), number(i)) for i in range(194))),
        "the vocabulary has 194 pieces, the word embeddings have 193 rows",
    ),
}


@pytest.mark.parametrize("case", CHANGES)
def test_each_way_to_break_a_model_has_its_own_error(copied: Path, case: str) -> None:
    change, finding = CHANGES[case]
    assert recognize(copied) == "spark nlp"
    change(copied)
    refused(lambda: open_model(copied), str(copied), finding)


def test_a_pipeline_with_two_embeddings_asks_which(testdata: Path, tmp_path: Path) -> None:
    for number_, name in enumerate(("bert_embeddings_tf", "bert_embeddings_onnx")):
        source = testdata / "models/spark_nlp_5.5.3" / name
        shutil.copytree(source, tmp_path / f"p/stages/{number_}_x", copy_function=shutil.copyfile)
    message = refused(lambda: open_model(tmp_path / "p"), "found 2 stages", "Give the folder")
    assert "'stages/0_x', 'stages/1_x'" in message


VOCABULARY = "models/tf1/spark_nlp_2.6/bert_embeddings/fields/vocabulary/part-00000"


@fuzzed
@given(data=st.data())
def test_a_damaged_field_gives_our_error_or_pairs(testdata: Path, data: st.DataObject) -> None:
    content = data.draw(damaged((testdata / VOCABULARY).read_bytes()))
    survives(lambda: read(content))


@fuzzed
@given(stream=damaged(ONE) | st.binary(max_size=60))
def test_a_damaged_stream_in_a_good_record_gives_our_error_or_pairs(stream: bytes) -> None:
    survives(lambda: read(sequence(record(stream))))


MODEL = "models/spark_nlp_5.5.3/albert_embeddings_onnx"


@fuzzed
@given(data=st.data())
def test_a_damaged_model_gives_our_error_or_a_model(
    testdata: Path, tmp_path: Path, data: st.DataObject
) -> None:
    """Behind a zip's checksum that fits: metadata, model file or pieces."""
    folder = testdata / MODEL
    names = ["metadata/part-00000", "albert_onnx"]
    chosen = data.draw(st.sampled_from(names))
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        for name in (*names, "albert_spp"):
            content = (folder / name).read_bytes()
            file.writestr(name, data.draw(damaged(content)) if name == chosen else content)
    path = tmp_path / "model.zip"
    path.write_bytes(buffer.getvalue())
    survives(lambda: open_model(path))
