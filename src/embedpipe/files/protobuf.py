"""Decodes protocol-buffers messages from untrusted bytes, without a schema.

Nothing is copied: a value is a view of the bytes that are there, so that the tensors of a model of
gigabytes cost nothing until they are used. Which field means what stands beside each reader.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeAlias

from embedpipe.errors import ModelFormatError

__all__ = ["Message", "Value", "as_text", "damaged_message", "message_fields", "read_varint"]

Value: TypeAlias = int | memoryview

_VARINT = 0
_LENGTH_DELIMITED = 2
_FIXED_SIZES = {1: 8, 5: 4}  # bytes by wire type
_LONGEST_VARINT = 10  # bytes, for 64 bits
# The largest vocabularies have 500,000 pieces. A field of two bytes takes a hundred times that in
# memory, so without a limit a file of a gigabyte would take all there is.
_MOST_FIELDS = 2**20


class Message:
    """The fields of one message: of each number the values in order, checked when asked for.

    Iterating gives `(number, value)`: an int from 0 to 2^64 - 1 for a varint, else a view of bytes.
    The accessors raise ModelFormatError where the value has another wire type than asked for.

    >>> message = Message(memoryview(bytes([0x08, 0x96, 0x01, 0x12, 0x02, 0x68, 0x69])), "example")
    >>> message.integer(1), message.text(2), message.integer(3)
    (150, 'hi', 0)
    """

    def __init__(self, data: memoryview, source: str) -> None:
        """Read `data`; `source` names it in errors."""
        self.source = source
        self._fields: dict[int, list[Value]] = {}
        for count, (number, value) in enumerate(message_fields(data, source)):
            if count >= _MOST_FIELDS:
                raise damaged_message(source, f"a message of more than {_MOST_FIELDS} fields")
            self._fields.setdefault(number, []).append(value)

    def integer(self, number: int, default: int = 0) -> int:
        """The last value of a varint field, `default` if it is absent."""
        value = self._fields.get(number, [default])[-1]
        if isinstance(value, int):
            return value
        raise damaged_message(self.source, f"field {number} is no integer")

    def signed(self, number: int) -> int:
        """The last value of an int32, int64 or enum field, 0 if it is absent."""
        return as_signed(self.integer(number))

    def view(self, number: int) -> memoryview:
        """The last value of a field of bytes, or of a fixed size; empty if it is absent."""
        value = self._fields.get(number, [memoryview(b"")])[-1]
        if isinstance(value, memoryview):
            return value
        raise damaged_message(self.source, f"field {number} is an integer; expected bytes")

    def text(self, number: int) -> str:
        """The last value of a string field, "" if it is absent."""
        return as_text(self.view(number), self.source)

    def views(self, number: int) -> Iterator[memoryview]:
        """All values of a repeated field of bytes."""
        for value in self._fields.get(number, ()):
            if not isinstance(value, memoryview):
                raise damaged_message(self.source, f"field {number} is an integer; expected bytes")
            yield value

    def integers(self, number: int) -> list[int]:
        """All values of a repeated int64 field, packed or one by one."""
        found: list[int] = []
        for value in self._fields.get(number, ()):
            if isinstance(value, int):
                found.append(as_signed(value))
                continue
            position = 0
            while position < len(value):
                item, position = read_varint(value, position, self.source)
                found.append(as_signed(item))
        return found

    def message(self, number: int) -> Message:
        """The last value of a field that is a message itself; an empty one if it is absent."""
        return Message(self.view(number), self.source)

    def messages(self, number: int) -> Iterator[Message]:
        """All values of a repeated field of messages."""
        for value in self.views(number):
            yield Message(value, self.source)


def message_fields(data: memoryview, source: str) -> Iterator[tuple[int, Value]]:
    """The fields as `(number, value)` in order of appearance; none for an empty message."""
    position, end = 0, len(data)
    while position < end:
        begin = position
        key, position = read_varint(data, position, source)
        number, wire_type = key >> 3, key & 7
        if wire_type == _VARINT:
            value, position = read_varint(data, position, source)
            yield number, value
            continue
        if wire_type == _LENGTH_DELIMITED:
            size, position = read_varint(data, position, source)
        elif wire_type in _FIXED_SIZES:
            size = _FIXED_SIZES[wire_type]
        else:
            raise damaged_message(
                source, f"field {number} at byte {begin} has wire type {wire_type}"
            )
        if size > end - position:
            raise damaged_message(
                source,
                f"field {number} at byte {begin} claims {size} bytes where {end - position} are "
                "left",
            )
        yield number, data[position : position + size]
        position += size


def read_varint(data: memoryview, position: int, source: str) -> tuple[int, int]:
    """The integer of up to 64 bits at `position`, and the position after it."""
    if position < len(data) and data[position] < 0x80:  # nearly all, and worth the speed
        return data[position], position + 1
    value = 0
    for index, byte in enumerate(data[position : position + _LONGEST_VARINT]):
        value |= (byte & 0x7F) << (7 * index)
        if byte < 0x80:
            return value & (2**64 - 1), position + index + 1
    if len(data) - position < _LONGEST_VARINT:
        raise damaged_message(source, f"it ends within the integer at byte {position}")
    raise damaged_message(source, f"the integer at byte {position} is longer than 64 bits")


def as_signed(value: int) -> int:
    """A 64-bit integer in two's complement."""
    return value - 2**64 if value >= 2**63 else value


def as_text(value: memoryview, source: str) -> str:
    """The text of a string field."""
    try:
        return str(value, "utf-8")
    except UnicodeDecodeError as error:
        raise damaged_message(source, f"a name is not UTF-8 ({error.reason})") from error


def damaged_message(source: str, finding: str) -> ModelFormatError:
    """The error for bytes that are no message."""
    return ModelFormatError(
        f"{source} is damaged or of another format: {finding}. Get a new copy of the file"
    )
