"""The parts of model files, put together by hand, with checksums that fit: for good files and bad.

Whole models of these are in `model_writers`.
"""

from __future__ import annotations

import math
import struct

from embedpipe.formats.tensorflow.crc32c import crc32c
from tests.support.format_support import field, varint

# ---- TensorFlow: checkpoints, which are LevelDB tables, and graphs ----


def masked(content: bytes) -> bytes:
    """The checksum as tables and checkpoints keep it."""
    crc = crc32c(content)
    return struct.pack("<I", (((crc >> 15) | (crc << 17)) + 0xA282EAD8) & 0xFFFFFFFF)


def entry(shared: int, key: bytes, value: bytes) -> bytes:
    return varint(shared) + varint(len(key)) + varint(len(value)) + key + value


def block(content: bytes, restarts: int = 1) -> bytes:
    """`restarts` is what it claims; one is there."""
    body = content + bytes(4) + struct.pack("<I", restarts)
    return body + b"\0" + masked(body + b"\0")


def table(content: bytes, **more: int) -> bytes:
    """One data block of these entries, an empty meta-index, an index of one entry, a footer."""
    data = block(content, **more)
    meta = block(b"")
    place = varint(0) + varint(len(data) - 5)
    index = block(entry(0, b"\xff", place))
    footer = varint(len(data)) + varint(len(meta) - 5)
    footer += varint(len(data) + len(meta)) + varint(len(index) - 5)
    return data + meta + index + footer.ljust(40, b"\0") + bytes.fromhex("57fb808b247547db")


def placed(content: bytes, shape: tuple[int, ...], *, offset: int = 0, dtype: int = 1) -> bytes:
    """The entry of a tensor whose bytes are `content`, at `offset` of the first data file."""
    sizes = b"".join(field(2, field(1, side)) for side in shape)
    result = field(1, dtype) + field(2, sizes) + field(3, 0) + field(4, offset)
    return result + field(5, len(content)) + bytes([6 << 3 | 5]) + masked(content)


def constant(name: bytes, value: float) -> bytes:
    """A node of a TensorFlow graph."""
    tensor = field(1, 1) + field(4, struct.pack("<f", value))
    attribute = field(5, field(1, b"value") + field(2, field(8, tensor)))
    return field(1, field(1, name) + field(2, b"Const") + attribute)


def operation(name: bytes, kind: bytes, *inputs: bytes) -> bytes:
    """Another node of a TensorFlow graph."""
    listed = b"".join(field(3, each) for each in inputs)
    return field(1, field(1, name) + field(2, kind) + listed)


def google(name: str) -> str:
    """As google-research/bert names what transformers calls `name`."""
    name = name.replace("_embeddings.weight", "_embeddings").replace("layer.", "layer_")
    name = name.replace("LayerNorm.weight", "LayerNorm.gamma").replace("Norm.bias", "Norm.beta")
    return "bert/" + name.replace(".weight", ".kernel").replace(".", "/")


# ---- ONNX ----


def tensor(name: str, shape: tuple[int, ...], kind: int = 1, **more: bytes) -> bytes:
    """A constant of a graph, of zeros unless `content` says otherwise."""
    sizes = b"".join(field(1, size) for size in shape)
    content = more["content"] if "content" in more else bytes(4 * math.prod(shape))
    return field(5, sizes + field(2, kind) + field(8, name.encode()) + field(9, content))


def node(kind: str, inputs: list[str], outputs: list[str], *attributes: bytes) -> bytes:
    body = b"".join(field(1, name.encode()) for name in inputs)
    body += b"".join(field(2, name.encode()) for name in outputs)
    return field(1, body + field(4, kind.encode()) + b"".join(field(5, a) for a in attributes))


def model_of(*parts: bytes) -> bytes:
    return field(1, 8) + field(7, b"".join(parts))


# ---- Java's streams of Scala's pairs, in Hadoop's files ----


def java_text(text: str) -> bytes:
    """Modified UTF-8: two bytes for NUL, surrogates one by one."""
    units = struct.unpack(f">{len(text.encode('utf-16-be')) // 2}H", text.encode("utf-16-be"))
    content = b"".join(
        b"\xc0\x80" if unit == 0 else chr(unit).encode("utf-8", "surrogatepass") for unit in units
    )
    return struct.pack(">H", len(content)) + content


def described(name: str, fields: bytes = b"\0\0", parent: bytes = b"\x70", flags: int = 2) -> bytes:
    return b"\x72" + java_text(name) + bytes(8) + bytes([flags]) + fields + b"\x78" + parent


OBJECT = b"\x74" + java_text("Ljava/lang/Object;")
PAIR_FIELDS = b"\0\2L" + java_text("_1") + OBJECT + b"L" + java_text("_2") + OBJECT
PAIR = described("scala.Tuple2", PAIR_FIELDS)
INTEGER = described(
    "java.lang.Integer", b"\0\1I" + java_text("value"), described("java.lang.Number")
)
ARRAY = described("[Lscala.Tuple2;")


def number(value: int) -> bytes:
    return b"\x73" + INTEGER + struct.pack(">i", value)


def text(value: str) -> bytes:
    return b"\x74" + java_text(value)


def array(*items: bytes, count: int | None = None) -> bytes:
    claimed = len(items) if count is None else count
    return b"\x75" + ARRAY + struct.pack(">i", claimed) + b"".join(items)


def pair(first: bytes, second: bytes) -> bytes:
    return b"\x73" + PAIR + first + second


def record(stream: bytes) -> bytes:
    content = bytes.fromhex("aced0005") + stream
    return struct.pack(">iii", len(content) + 4, 0, len(content)) + content


KEY, VALUE = "org.apache.hadoop.io.NullWritable", "org.apache.hadoop.io.BytesWritable"
SYNC = bytes(range(16))


def sequence(*records: bytes, key: str = KEY, version: int = 6, flags: bytes = b"\0\0") -> bytes:
    names = b"".join(bytes([len(name)]) + name.encode() for name in (key, VALUE))
    return b"SEQ" + bytes([version]) + names + flags + bytes(4) + SYNC + b"".join(records)
