"""Scala maps as Spark NLP saves them: Hadoop sequence files of Java-serialized arrays of pairs.

Java's deserialization builds any class that a stream names; here only pairs of text and integers
have a meaning, and nothing is built but Python's str and int. Layouts: Hadoop's SequenceFile.java,
version 6, without compression; Java's Object Serialization Stream Protocol.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Any

from embedpipe.errors import ModelFormatError

__all__ = ["read_pairs"]

_KEY_CLASS = "org.apache.hadoop.io.NullWritable"
_VALUE_CLASS = "org.apache.hadoop.io.BytesWritable"
_SYNC_BYTES = 16
_LARGEST_RECORD = 2**20  # ten pairs take a few hundred bytes
_MOST_PAIRS = 2_000_000  # the largest multilingual vocabularies have 500,000

_MAGIC = bytes.fromhex("aced0005")
_NULL, _REFERENCE, _CLASS, _OBJECT, _STRING, _ARRAY = range(0x70, 0x76)
_END_OF_ANNOTATIONS = 0x78
_FIRST_HANDLE = 0x7E0000
_SERIALIZABLE = 2
_DEEPEST = 8  # an array of pairs of integers, with two classes above an integer, is five deep
_MOST_HANDLES = 1000

# The classes that a map of Spark NLP is made of: each with its fields, by type and name.
_CLASSES: dict[str, tuple[tuple[str, str], ...]] = {
    "[Lscala.Tuple2;": (),
    "scala.Tuple2": (("L", "_1"), ("L", "_2")),
    "java.lang.Integer": (("I", "value"),),
    "java.lang.Number": (),
}


def read_pairs(data: memoryview, source: str) -> Iterator[tuple[str, Any]]:
    """The pairs of one part file, in its order: text, and an int or text; `source` names it.

    Raises ModelFormatError for a damaged file, and for any class but those of pairs, text and
    integers.
    """
    count = 0
    for record in _records(data, source):
        array = _Stream(record, source).array()
        for pair in array:
            if not isinstance(pair, tuple) or not isinstance(pair[0], str):
                raise _damaged(source, f"an element {str(pair)[:80]} is no pair with a name")
            count += 1
            if count > _MOST_PAIRS:
                raise _damaged(source, f"more than {_MOST_PAIRS} pairs")
            yield pair


def _records(data: memoryview, source: str) -> Iterator[memoryview]:
    """The values of a sequence file."""
    reader = _Reader(data, source)
    if bytes(reader.take(4)) != b"SEQ\6":
        raise _damaged(source, "it does not begin with SEQ and version 6")
    classes = reader.short_text(), reader.short_text()
    if classes != (_KEY_CLASS, _VALUE_CLASS):
        raise _damaged(source, f"records of {classes[0][:80]!r} and {classes[1][:80]!r}")
    if bytes(reader.take(2)) != b"\0\0":
        raise _damaged(source, "it is compressed; save the model again without compression")
    for _ in range(2 * reader.count(1000, "metadata entries")):
        reader.short_text()
    sync = bytes(reader.take(_SYNC_BYTES))
    while reader.remaining:
        length = reader.integer()
        if length == -1:
            if bytes(reader.take(_SYNC_BYTES)) != sync:
                raise _damaged(source, f"no sync mark before byte {reader.position}")
            continue
        key_length, size = reader.integer(), reader.integer()
        if key_length or length != size + 4 or not 0 <= size <= _LARGEST_RECORD:
            raise _damaged(
                source,
                f"a record of {length} bytes with a key of {key_length} and a value of {size}; "
                f"expected no key and at most {_LARGEST_RECORD}",
            )
        yield reader.take(size)


class _Reader:
    """Takes big-endian values off the front of some bytes."""

    def __init__(self, data: memoryview, source: str) -> None:
        self.position = 0
        self._data = data
        self.source = source

    @property
    def remaining(self) -> int:
        return len(self._data) - self.position

    def take(self, size: int) -> memoryview:
        if size > self.remaining:
            raise _damaged(
                self.source,
                f"{size} bytes expected at byte {self.position}, {self.remaining} are left",
            )
        self.position += size
        return self._data[self.position - size : self.position]

    def byte(self) -> int:
        return self.take(1)[0]

    def short(self) -> int:
        return int(struct.unpack(">H", self.take(2))[0])

    def integer(self) -> int:
        return int(struct.unpack(">i", self.take(4))[0])

    def count(self, most: int, what: str) -> int:
        value = self.integer()
        if not 0 <= value <= most:
            raise _damaged(self.source, f"{value} {what}; expected 0 to {most}")
        return value

    def short_text(self) -> str:
        """Text behind its length in one byte, which is enough for names of classes."""
        size = self.byte()
        if size > 127:
            raise _damaged(self.source, f"a name of more than 127 bytes at byte {self.position}")
        return self.decoded(self.take(size))

    def text(self) -> str:
        """Java's text: its length in two bytes, then modified UTF-8."""
        return self.decoded(self.take(self.short()))

    def decoded(self, data: memoryview) -> str:
        """Modified UTF-8 writes NUL in two bytes, and characters beyond U+FFFF as two surrogates
        of three bytes each.
        """
        try:
            text = bytes(data).replace(b"\xc0\x80", b"\0").decode("utf-8", "surrogatepass")
            return text.encode("utf-16", "surrogatepass").decode("utf-16")
        except UnicodeError as error:
            raise _damaged(self.source, f"text that is not modified UTF-8 ({error})") from error


class _Class:
    """A class description: its name, and the one above it."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.parent: _Class | None = None


class _Stream:
    """One serialized object."""

    def __init__(self, data: memoryview, source: str) -> None:
        self._reader = _Reader(data, source)
        self._handles: list[Any] = []
        self._depth = 0

    def array(self) -> list[Any]:
        """The array that the stream holds, and nothing behind it."""
        if bytes(self._reader.take(4)) != _MAGIC:
            raise self._wrong("a record is no Java stream")
        value = self._value()
        if not isinstance(value, list):
            raise self._wrong(f"a record holds {type(value).__name__}; expected an array of pairs")
        if self._reader.remaining:
            raise self._wrong(f"{self._reader.remaining} bytes behind an array")
        return value

    def _wrong(self, finding: str) -> ModelFormatError:
        return _damaged(self._reader.source, finding)

    def _value(self) -> Any:
        kind = self._reader.byte()
        read = {
            _NULL: lambda: None,
            _REFERENCE: self._reference,
            _STRING: self._text,
            _ARRAY: self._array,
            _OBJECT: self._object,
        }.get(kind)
        if read is None:
            raise self._wrong(f"a value of kind {kind:#04x}, which no map has")
        self._depth += 1
        if self._depth > _DEEPEST:
            raise self._wrong(f"values nested more than {_DEEPEST} deep")
        value = read()
        self._depth -= 1
        return value

    def _remember(self, value: Any) -> int:
        if len(self._handles) >= _MOST_HANDLES:
            raise self._wrong(f"more than {_MOST_HANDLES} objects in a record")
        self._handles.append(value)
        return len(self._handles) - 1

    def _reference(self) -> Any:
        handle = self._reader.integer() - _FIRST_HANDLE
        # None stands for an object that is being read: a map has no circles
        if not 0 <= handle < len(self._handles) or self._handles[handle] is None:
            raise self._wrong(f"a reference to object {handle} of {len(self._handles)}")
        return self._handles[handle]

    def _text(self) -> str:
        text = self._reader.text()
        self._remember(text)
        return text

    def _array(self) -> list[Any]:
        described = self._class()
        if described is None or described.name != "[Lscala.Tuple2;":
            raise self._wrong("an array of something else than pairs")
        handle = self._remember(None)
        count = self._reader.count(self._reader.remaining, "elements of an array")
        items = [self._value() for _ in range(count)]
        self._handles[handle] = items
        return items

    def _object(self) -> Any:
        described = self._class()
        if described is None or described.name not in ("scala.Tuple2", "java.lang.Integer"):
            raise self._wrong("an object that is neither a pair nor an integer")
        handle = self._remember(None)
        if described.name == "java.lang.Integer":
            value: Any = self._reader.integer()
        else:
            value = (self._value(), self._value())
        self._handles[handle] = value
        return value

    def _class(self) -> _Class | None:
        """A class description: new, by reference, or none."""
        kind = self._reader.byte()
        if kind == _NULL:
            return None
        if kind == _REFERENCE:
            known = self._reference()
            if not isinstance(known, _Class):
                raise self._wrong("a reference to something else than a class")
            return known
        if kind != _CLASS:
            raise self._wrong(f"a class of kind {kind:#04x}, which no map has")
        return self._new_class()

    def _new_class(self) -> _Class:
        name = self._reader.text()
        if name not in _CLASSES:
            raise self._wrong(
                f"it asks for the class {name[:80]!r}; a vocabulary has only {', '.join(_CLASSES)}"
            )
        self._reader.take(8)  # the class's version: the same in Scala 2.11 and 2.12
        described = _Class(name)
        self._remember(described)
        if self._reader.byte() != _SERIALIZABLE:
            raise self._wrong(f"the class {name!r} is serialized in a way of its own")
        fields = tuple(self._field() for _ in range(self._reader.short()))
        if fields != _CLASSES[name]:
            raise self._wrong(f"the class {name!r} has fields {str(fields)[:80]}")
        if self._reader.byte() != _END_OF_ANNOTATIONS:
            raise self._wrong(f"the class {name!r} has annotations")
        self._depth += 1
        if self._depth > _DEEPEST:
            raise self._wrong(f"classes nested more than {_DEEPEST} deep")
        described.parent = self._class()
        self._depth -= 1
        return described

    def _field(self) -> tuple[str, str]:
        """A field's type and name; the name of an object's class is passed over."""
        kind, name = chr(self._reader.byte()), self._reader.text()
        if kind == "L" and not isinstance(self._value(), str):
            raise self._wrong(f"the field {name[:80]!r} is of no class")
        return kind, name


def _damaged(source: str, finding: str) -> ModelFormatError:
    return ModelFormatError(
        f"{source} is damaged or no field of Spark NLP: {finding}. Nothing in it was run; get "
        "an undamaged copy"
    )
