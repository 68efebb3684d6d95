"""TensorFlow checkpoints: checksums, the index, the data, and every way in which they can lie."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from embedpipe.engine import EncoderConfig
from embedpipe.engine.tensors import expected_shapes
from embedpipe.errors import ModelFormatError
from embedpipe.files.protobuf import Message
from embedpipe.formats.archives.tree import open_tree
from embedpipe.formats.graph_facts import GraphFacts
from embedpipe.formats.inferred_config import infer_config
from embedpipe.formats.tensorflow.bundle import TensorBundle, read_bundle_index
from embedpipe.formats.tensorflow.checkpoint import read_google_checkpoint
from embedpipe.formats.tensorflow.crc32c import crc32c, unmask
from embedpipe.formats.tensorflow.leveldb import read_table
from embedpipe.formats.tensorflow.names import map_tensorflow_names
from embedpipe.formats.tensorflow.variables import mapped_shapes
from tests.support.format_parts import block, entry, masked, table
from tests.support.format_support import damaged, field, fuzzed, refused, survives, varint


def bit_by_bit(content: bytes) -> int:
    """CRC-32C from its definition."""
    register = 0xFFFFFFFF
    for byte in content:
        register ^= byte
        for _ in range(8):
            register = (register >> 1) ^ (0x82F63B78 if register & 1 else 0)
    return register ^ 0xFFFFFFFF


@pytest.mark.parametrize("length", [*range(20), 31, 32, 33, 255, 256, 257, 70_001])
def test_checksum_is_the_bitwise_one(length: int) -> None:
    content = np.random.default_rng(length).bytes(length)
    assert crc32c(content) == bit_by_bit(content)
    assert unmask(int.from_bytes(masked(content), "little")) == bit_by_bit(content)


def test_checksum_is_the_published_one() -> None:
    # RFC 3720, B.4
    assert crc32c(bytes(32)) == 0x8A9136AA
    assert crc32c(b"\xff" * 32) == 0x62A8AB43
    assert crc32c(bytes(range(32))) == 0x46DD794E


def bundle_entry(
    shape: tuple[int, ...] = (2,), size: int = 8, offset: int = 0, dtype: int = 1, **more: int
) -> bytes:
    sizes = b"".join(field(2, field(1, side)) for side in shape)
    result = field(1, dtype) + field(2, sizes) + field(3, more.get("shard", 0))
    result += field(4, offset) + field(5, size)
    return result + bytes([6 << 3 | 5]) + masked(DATA[offset : offset + size])


DATA = np.arange(4, dtype="<f4").tobytes()
HEADER = entry(0, b"", field(1, 1))


def bundle(content: bytes, data: bytes = DATA) -> TensorBundle:
    index = read_bundle_index(memoryview(table(content)), "some.index")
    return TensorBundle(index, lambda _number, _count: (memoryview(data), "some.data"))


def test_a_table_gives_its_keys_in_order_and_with_shared_beginnings() -> None:
    content = entry(0, b"apple", b"1") + entry(3, b"ricot", b"22") + entry(0, b"b", b"")
    found = read_table(memoryview(table(content)), "some.index")
    assert {key: bytes(value) for key, value in found.items()} == {
        "apple": b"1",
        "appricot": b"22",
        "b": b"",
    }


def test_a_bundle_gives_its_tensors() -> None:
    found = bundle(HEADER + entry(0, b"a", bundle_entry((2, 1), 8, 8)))
    np.testing.assert_array_equal(found.tensor("a"), np.array([[2], [3]], np.float32))


def snappy() -> bytes:
    content = bytearray(table(entry(0, b"a", b"1")))
    size = len(block(entry(0, b"a", b"1"))) - 5
    content[size] = 1
    content[size + 1 : size + 5] = masked(bytes(content[: size + 1]))
    return bytes(content)


BAD_TABLES = {
    "empty": (b"", "magic number"),
    "a footer only": (bytes(40) + bytes.fromhex("57fb808b247547db"), "a block claims bytes 0 to 0"),
    "no magic": (table(b"")[:-1] + b"\0", "magic number"),
    "snappy": (snappy(), "has compression 1"),
    "more shared than there is": (table(entry(1, b"a", b"")), "claims 1 shared"),
    "value past the end": (table(varint(0) * 2 + varint(99)), "99 of value; 0 and"),
    "more restarts than bytes": (table(b"", restarts=2**32 - 1), "claims 4294967295 restart"),
    "an entry cut off": (table(b"\x80", restarts=1), "it ends within the integer"),
    "keys not ascending": (
        table(entry(0, b"b", b"") + entry(0, b"a", b"")),
        "key b'a' does not follow b'b'",
    ),
    "a key twice": (table(entry(0, b"b", b"") * 2), "does not follow"),
    "a key of nothing": (table(entry(0, b"\xff\xfe", b"")), "not UTF-8"),
    "a long key": (table(entry(0, b"a" * 5000, b"")), "5000 further bytes"),
}


@pytest.mark.parametrize("case", BAD_TABLES)
def test_each_way_to_break_a_table_has_its_own_error(case: str) -> None:
    content, finding = BAD_TABLES[case]
    refused(lambda: read_table(memoryview(content), "some.index"), "some.index", finding)


BAD_BUNDLES = {
    "no header": (entry(0, b"a", b""), "without the header"),
    "no shards": (entry(0, b"", b""), "0 data files"),
    "big endian": (entry(0, b"", field(1, 1) + field(2, 1)), "big-endian"),
    "negative size": (HEADER + entry(0, b"a", bundle_entry((-1,))), "shape (-1,)"),
    "size too small": (HEADER + entry(0, b"a", bundle_entry((2,), 4)), "takes 8 bytes; its size"),
    "2^96 numbers": (HEADER + entry(0, b"a", bundle_entry((2**32,) * 3)), "more than 2^63"),
    "zero times much": (HEADER + entry(0, b"a", bundle_entry((0, 2**62), 0)), "more than 2^63"),
    "33 sides": (HEADER + entry(0, b"a", bundle_entry((1,) * 33, 4)), "at most 32"),
    "shard 1 of 1": (HEADER + entry(0, b"a", bundle_entry(shard=1)), "data file 1 of 1"),
    "slices": (HEADER + entry(0, b"a", bundle_entry() + field(7, b"x")), "slices"),
    "wire type": (HEADER + entry(0, b"a", field(1, b"x")), "field 1 is no integer"),
    "cut off": (HEADER + entry(0, b"a", b"\x0a\x05a"), "claims 5 bytes where 1"),
    "past the end": (HEADER + entry(0, b"a", bundle_entry(offset=12)), "bytes 12 to 20 of a file"),
    "complex numbers": (HEADER + entry(0, b"a", bundle_entry(dtype=8)), "TensorFlow's type 8"),
}


@pytest.mark.parametrize("case", BAD_BUNDLES)
def test_each_way_to_break_an_index_has_its_own_error(case: str) -> None:
    content, finding = BAD_BUNDLES[case]
    refused(lambda: bundle(content).tensor("a"), "some.", finding)


def test_a_changed_byte_of_a_tensor_is_noticed() -> None:
    content = HEADER + entry(0, b"a", bundle_entry((4,), 16))
    assert bundle(content).tensor("a").tolist() == [0, 1, 2, 3]
    changed = DATA[:5] + b"\1" + DATA[6:]
    refused(lambda: bundle(content, changed).tensor("a"), "some.data", "'a'", "checksum")


# ---- the real indexes ----


def real_shapes(path: Path, **config: object) -> tuple[dict, dict, tuple[str, ...]]:
    index = read_bundle_index(memoryview(path.read_bytes()), str(path))
    name_map = map_tensorflow_names({key: key for key in index.entries}, source=str(path))
    shapes = mapped_shapes(name_map, index)
    heads, passes = config["heads"], config["passes"]
    raw = infer_config(
        shapes,
        architecture=name_map.architecture,
        heads=heads,
        facts=GraphFacts(passes=passes),
        declared=None,
        source=str(path),
    )
    parsed = EncoderConfig.from_huggingface(raw, source="derived")
    return shapes, expected_shapes(parsed), name_map.unused


def test_the_real_google_index_maps_without_gap_or_surplus(testdata: Path) -> None:
    path = testdata / "published/google_bert_L8_512/bert_model.ckpt.index"
    found, expected, unused = real_shapes(path, heads=8, passes=None)
    assert found == expected
    assert len(found) == 5 + 8 * 16 + 2
    assert len(unused) == 7
    assert all(name.startswith("cls/") for name in unused)


def test_the_real_albert_index_maps_without_gap_or_surplus(testdata: Path) -> None:
    path = testdata / "published/albert_tfhub_v3/variables/variables.index"
    found, expected, unused = real_shapes(path, heads=12, passes=12)
    assert found == expected
    assert len(found) == 25
    assert len(unused) == 5
    assert all(name.startswith("cls/predictions/") for name in unused)


# ---- hostile files ----

HOSTILE = {
    "ckpt_data_flipped_byte": ("data-00000-of-00001", "checksum does not fit"),
    "ckpt_huge_shape": (".index", "shape"),
    "ckpt_index_bad_magic": (".index", "magic number"),
    "ckpt_index_flipped_byte": (".index", "checksum of the block"),
    "ckpt_index_truncated": (".index", "magic number"),
    "ckpt_offset_past_end": ("data-00000-of-00001", "of a file of"),
    "ckpt_shape_size_mismatch": (".index", "takes"),
    "ckpt_truncated_data": ("data-00000-of-00001", "of a file of 60000"),
}


def test_every_hostile_checkpoint_is_in_the_list(testdata: Path) -> None:
    folders = (testdata / "hostile").glob("ckpt_*")
    assert sorted(HOSTILE) == sorted(folder.name for folder in folders)


@pytest.mark.parametrize("case", HOSTILE)
def test_a_hostile_checkpoint_is_refused(testdata: Path, case: str) -> None:
    file, finding = HOSTILE[case]
    tree = open_tree(testdata / "hostile" / case)
    message = refused(lambda: read_google_checkpoint(tree), case, file, finding)
    assert message.rstrip().endswith("Get a new copy of the file")


# ---- anything at all ----


@fuzzed
@given(data=st.data())
def test_a_damaged_index_gives_our_error_or_places_inside_the_data(
    testdata: Path, data: st.DataObject
) -> None:
    folder = testdata / "models/tf1/google_bert_zip/uncased_L-2_H-32_A-2"
    content = data.draw(damaged((folder / "bert_model.ckpt.index").read_bytes()))
    survives(lambda: read_bundle_index(memoryview(content), "some.index"))


@fuzzed
@given(content=st.binary(max_size=60), value=st.binary(max_size=60))
def test_any_entry_with_a_fitting_checksum_gives_our_error_or_a_tensor(
    content: bytes, value: bytes
) -> None:
    survives(lambda: read_table(memoryview(table(content)), "some.index"))
    survives(lambda: bundle(HEADER + entry(0, b"a", value)).tensor("a"))
    survives(lambda: [*Message(memoryview(value), "some").messages(1)])


@fuzzed
@given(data=st.data())
def test_a_damaged_entry_behind_a_fitting_checksum_stays_inside_the_data(
    data: st.DataObject,
) -> None:
    value = data.draw(damaged(bundle_entry((2, 2), 16)))
    try:
        found = bundle(HEADER + entry(0, b"a", value)).tensor("a")
    except ModelFormatError:
        return
    assert found.nbytes <= len(DATA)
