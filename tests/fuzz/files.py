"""Damages single files, at random and by their structure, with lengths and checksums that fit.

Archives, and what is done to files by their names, are in `mutations`.
"""

from __future__ import annotations

import json
import pickletools
import struct
from random import Random
from typing import Any

from embedpipe.errors import EmbedpipeError
from embedpipe.files.protobuf import message_fields
from embedpipe.formats.tensorflow.leveldb import read_table
from tests.support.format_parts import SYNC, entry, table
from tests.support.format_support import field, varint

NUMBERS = (0, 1, -1, 2**7, 2**15, 2**16 - 1, 2**31 - 1, 2**31, 2**32 - 1, 2**63 - 1, 2**63, 2**64)
NAMES = (
    *("../escaped", "../../../escaped", "a/../../escaped", "..\\escaped", "C:\\escaped", "~/x"),
    *("", ".", "..", "a//b", "a\0b", "a\nb", "\ud800", "\u202e", "x" * 300, "a/" * 100 + "b"),
)
_DEEP = 40_000  # deeper than Python's own limit on recursion


def any_bytes(rng: Random, content: bytes) -> bytes:
    """Bits turned, bytes set, lengths replaced, regions doubled, moved or cut out, the end cut."""
    data = bytearray(content)
    begin, end = sorted((rng.randint(0, len(data)), rng.randint(0, len(data))))
    if rng.random() < 0.5:
        end = min(end, begin + 64)
    kind = rng.randrange(9)
    if kind == 0 and data:
        for _ in range(rng.randint(1, 8)):
            data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
    elif kind == 1 and data:
        for _ in range(rng.randint(1, 8)):
            data[rng.randrange(len(data))] = rng.choice(
                (0, 1, 0x7F, 0x80, 0xFF, rng.randrange(256))
            )
    elif kind in (2, 3):
        number = packed(rng)
        data[begin : begin + len(number)] = number
    elif kind == 4:
        del data[begin:]
    elif kind == 5:
        del data[begin:end]
    elif kind == 6:
        data[begin:begin] = data[begin:end] * rng.randint(1, 3)
    elif kind == 7:
        moved = data[begin:end]
        del data[begin:end]
        place = rng.randint(0, len(data))
        data[place:place] = moved
    else:
        data[begin:end] = rng.randbytes(rng.randint(0, 32))
    return bytes(data)


def packed(rng: Random) -> bytes:
    size, order = rng.choice((1, 2, 4, 8)), rng.choice(("little", "big"))
    return (rng.choice(NUMBERS) % (1 << 8 * size)).to_bytes(size, order)  # type: ignore[arg-type]


# ---- JSON ----

_VALUES: tuple[Any, ...] = (
    *(None, True, False, "", "x", [], {}, [[]], {"a": {}}, 1e30, -1.5, 1e400, float("nan")),
    *NUMBERS,
    *NAMES,
    10**400,
    "9" * 5000,
)


def json_file(rng: Random, content: bytes) -> bytes:
    """A value replaced, a key renamed, doubled or left out, or nesting without end."""
    try:
        value = json.loads(content)
    except (ValueError, RecursionError):
        return any_bytes(rng, content)
    if rng.random() < 0.02:
        return rng.choice((b"[" * _DEEP, b'{"a":' * _DEEP, content + content, b"9" * 5000))
    holder, key = _place(rng, {"": value})
    kind = rng.randrange(4)
    if kind == 0 and isinstance(holder, dict):
        holder[rng.choice([each for each in _VALUES if isinstance(each, str)])] = holder[key]
    elif kind == 1 and key != "":
        del holder[key]
    else:
        holder[key] = rng.choice((*_VALUES, holder[key], [holder[key]], {"a": holder[key]}))
    text = json.dumps(value if key != "" else holder[""])
    if rng.random() < 0.05:
        text = text.replace(",", f", {text[1:-1]},", 1)  # keys twice
    return text.encode("utf-8", "surrogatepass")


def _place(rng: Random, holder: Any) -> tuple[Any, Any]:
    """Somewhere in a value: what holds it, and its key or index there."""
    key: Any = ""
    while isinstance(holder[key], (dict, list)) and holder[key] and rng.random() < 0.85:
        holder = holder[key]
        key = rng.choice(list(holder) if isinstance(holder, dict) else range(len(holder)))
    return holder, key


def safetensors_file(rng: Random, content: bytes) -> bytes:
    """The header damaged as JSON, its length as it should be; or the length itself."""
    size = int.from_bytes(content[:8], "little")
    header, numbers = content[8 : 8 + size], content[8 + size :]
    if rng.random() < 0.1:
        return (rng.choice(NUMBERS) % 2**64).to_bytes(8, "little") + header + numbers
    header = json_file(rng, header)
    return len(header).to_bytes(8, "little") + header + numbers


# ---- protocol buffers, and TensorFlow's tables of them ----


def message(rng: Random, content: bytes) -> bytes:
    """A field damaged at any depth, renumbered, doubled or left out; the lengths above it fit."""
    try:
        fields = [
            (number, value if isinstance(value, int) else bytes(value))
            for number, value in message_fields(memoryview(content), "")
        ]
    except EmbedpipeError:
        return any_bytes(rng, content)
    if not fields:
        return any_bytes(rng, content)
    index = rng.randrange(len(fields))
    number, value = fields[index]
    kind = rng.randrange(10)
    if kind == 0:
        fields[index] = (rng.randint(0, 20), value)
    elif kind == 1:
        del fields[index]
    elif kind == 2:
        fields.insert(rng.randint(0, len(fields)), fields[index])
    elif kind == 3:
        fields[index] = (number, rng.choice(NUMBERS))
    elif isinstance(value, int):
        fields[index] = (number, rng.choice((*NUMBERS, value + 1)))
    else:
        change = message if kind < 8 else any_bytes
        fields[index] = (number, change(rng, value))
    return b"".join(field(number, value) for number, value in fields)


def table_file(rng: Random, content: bytes) -> bytes:
    """The index of a checkpoint with an entry or key damaged, all checksums right."""
    try:
        found = read_table(memoryview(content), "")
    except EmbedpipeError:
        return any_bytes(rng, content)
    entries = [(key.encode(), bytes(value)) for key, value in found.items()]
    if not entries:
        return any_bytes(rng, content)
    index = rng.randrange(len(entries))
    key, value = entries[index]
    kind = rng.randrange(8)
    if kind == 0:
        entries[index] = (any_bytes(rng, key), value)
    elif kind == 1:
        del entries[index]
    elif kind == 2:
        entries[index] = (key, rng.choice(entries)[1])
    else:
        entries[index] = (key, message(rng, value))
    if rng.random() < 0.9:
        entries.sort()
    claims = [(0, len(key), len(value)) for key, value in entries]
    body = b"".join(entry(0, key, value) for key, value in entries)
    if rng.random() < 0.1:
        wrong = rng.choice(NUMBERS)
        body += varint(wrong) + varint(rng.choice(claims)[1]) + varint(rng.choice(NUMBERS))
    return table(body, restarts=rng.choice(NUMBERS) % 2**32 if rng.random() < 0.05 else 1)


# ---- pickles and Java's streams ----


def pickle_file(rng: Random, content: bytes) -> bytes:
    """Instructions left out, doubled, exchanged, damaged or added."""
    try:
        places = [place for _, _, place in pickletools.genops(content) if place is not None]
    except Exception:  # whatever pickletools thinks of damaged pickles
        return any_bytes(rng, content)
    steps = [content[a:b] for a, b in zip(places, [*places[1:], None], strict=True)]
    index, other = rng.randrange(len(steps)), rng.randrange(len(steps))
    kind = rng.randrange(5)
    if kind == 0:
        del steps[index]
    elif kind == 1:
        steps.insert(other, steps[index])
    elif kind == 2:
        steps[index], steps[other] = steps[other], steps[index]
    elif kind == 3:
        steps[index] = any_bytes(rng, steps[index])
    else:
        steps.insert(index, rng.choice(_STEPS))
    return b"".join(steps)


_STEPS = (
    *(b"cos\nsystem\n", b"c__builtin__\neval\n", b"\x93", b"R", b"b", b"Q", b"(", b"t", b"u", b"0"),
    *(b"2", b"N", b"]", b"}", b")", b"a", b"e", b"s", b".", b"i", b"o", b"\x81", b"P1\n", b"I1\n"),
    *(b"X\xff\xff\xff\xff", b"B\xff\xff\xff\x7f", b"\x8d" + b"\xff" * 8, b"\x8e" + b"\xff" * 8),
    *(b"j\xff\xff\xff\xff", b"r\xff\xff\xff\xff", b"\x8b\xff\xff\xff\x7f", b"J\xff\xff\xff\xff"),
)


def sequence_file(rng: Random, content: bytes) -> bytes:
    """One record damaged inside its lengths, or these; records doubled; sync marks."""
    position = content.find(SYNC) + len(SYNC)
    head, records = content[:position], []
    while position >= len(SYNC) and position + 12 <= len(content):
        size = int.from_bytes(content[position + 8 : position + 12], "big")
        records.append(content[position + 12 : position + 12 + size])
        position += 12 + size
    if not records:
        return any_bytes(rng, content)
    index = rng.randrange(len(records))
    stream = records[index]
    if rng.random() < 0.9:  # behind the magic number, mostly where the pairs are
        begin = rng.choice((4, len(stream) // 2))
        stream = stream[:begin] + any_bytes(rng, stream[begin:])
    sizes = [len(stream) + 4, 0, len(stream)]
    if rng.random() < 0.1:
        sizes[rng.randrange(3)] = (rng.choice(NUMBERS) + 2**31) % 2**32 - 2**31
    laid = [struct.pack(">iii", len(each) + 4, 0, len(each)) + each for each in records]
    laid[index] = struct.pack(">iii", *sizes) + stream
    laid.insert(rng.randint(0, len(laid)), rng.choice((b"", struct.pack(">i", -1) + SYNC)))
    return head + b"".join(laid)
