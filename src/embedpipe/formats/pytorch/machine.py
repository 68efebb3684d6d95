"""A pickle read as data: a machine for the few instructions that plain values need, and no others.

Python's own unpickler can be restricted to named functions, but not in memory and time: memo
indexes, lengths and nested keys make it allocate or count for ever. Here a value never takes more
than some sixty times the bytes that describe it. Instructions: Python's pickletools.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping
from typing import Any

from embedpipe.errors import ModelFormatError

__all__ = ["PickleMachine"]

_MOST_STEPS = 500_000  # the state of the largest encoders takes 50,000
_LONGEST_INTEGER = 16  # bytes

_MARK = object()


class PickleMachine:
    """Runs one pickle after another in `data`; `source` names the file in errors.

    functions: what the names `module.function` mean: values, or what is called with the tuple of
    arguments that the pickle gives; any other name is refused.
    persistent: what a persistent id means.
    Dictionaries have keys of type str or int only; `BUILD`, which sets attributes, is passed over
    for dictionaries and refused for anything else.
    """

    def __init__(
        self,
        data: memoryview,
        *,
        source: str,
        functions: Mapping[str, Any],
        persistent: Callable[[Any], Any],
    ) -> None:
        self.position = 0
        self._data = data
        self._source = source
        self._functions = functions
        self._persistent = persistent
        self._stack: list[Any] = []
        self._memo: dict[int, Any] = {}
        self._steps = 0

    def load(self) -> Any:
        """The value of the pickle at `position`, which then is the byte after it."""
        self._stack, self._memo = [], {}
        while True:
            self._steps += 1
            if self._steps > _MOST_STEPS:
                raise self.refuse(f"it takes more than {_MOST_STEPS} instructions")
            opcode = self._take(1)[0]
            if opcode == ord("."):
                return self._pop()
            method = _INSTRUCTIONS.get(opcode)
            if method is None:
                raise self.refuse(
                    f"the instruction {bytes([opcode])!r} at byte {self.position - 1}, which no "
                    "file of tensors needs"
                )
            method(self)

    def refuse(self, finding: str) -> ModelFormatError:
        """The error for a pickle that is damaged or asks for more than tensors."""
        return ModelFormatError(
            f"{self._source}: the pickle in it is refused: {finding}. Nothing of it was run; if "
            "you trust the file, load it with PyTorch and save it as safetensors"
        )

    def _take(self, size: int) -> memoryview:
        end = self.position + size
        if end > len(self._data):
            raise self.refuse(f"it ends within an instruction at byte {self.position}")
        taken = self._data[self.position : end]
        self.position = end
        return taken

    def _unsigned(self, size: int) -> int:
        return int.from_bytes(self._take(size), "little")

    def _pop(self) -> Any:
        if not self._stack or self._stack[-1] is _MARK:
            raise self.refuse(f"nothing to take at byte {self.position}")
        return self._stack.pop()

    def _pop_to_mark(self) -> list[Any]:
        for index in range(len(self._stack) - 1, -1, -1):
            if self._stack[index] is _MARK:
                items = self._stack[index + 1 :]
                del self._stack[index:]
                return items
        raise self.refuse(f"no beginning of the group that ends at byte {self.position}")

    def _top(self, kind: type) -> Any:
        if not self._stack or not isinstance(self._stack[-1], kind):
            raise self.refuse(f"no {kind.__name__} to extend at byte {self.position}")
        return self._stack[-1]

    # ---- the instructions ----

    def _protocol(self) -> None:
        version = self._unsigned(1)
        if not 2 <= version <= 5:
            raise self.refuse(f"protocol {version}; expected 2 to 5")

    def _frame(self) -> None:
        self._take(8)

    def _mark(self) -> None:
        self._stack.append(_MARK)

    def _constant(self, value: Any) -> None:
        self._stack.append(value)

    def _integer(self, size: int) -> None:
        self._stack.append(int.from_bytes(self._take(size), "little", signed=size == 4))

    def _long(self) -> None:
        size = self._unsigned(1)
        if size > _LONGEST_INTEGER:
            raise self.refuse(f"an integer of {size} bytes")
        self._stack.append(int.from_bytes(self._take(size), "little", signed=True))

    def _float(self) -> None:
        self._stack.append(struct.unpack(">d", self._take(8))[0])

    def _text(self, size: int) -> None:
        self._stack.append(self._decoded(self._take(self._unsigned(size))))

    def _decoded(self, text: memoryview) -> str:
        try:
            return str(text, "utf-8")
        except UnicodeDecodeError as error:
            raise self.refuse(f"a name is not UTF-8 ({error.reason})") from error

    def _put(self, size: int) -> None:
        self._memo[self._unsigned(size)] = self._peek()

    def _memoize(self) -> None:
        self._memo[len(self._memo)] = self._peek()

    def _peek(self) -> Any:
        value = self._pop()
        self._stack.append(value)
        return value

    def _get(self, size: int) -> None:
        index = self._unsigned(size)
        if index not in self._memo:
            raise self.refuse(f"value {index} is used before it is there")
        self._stack.append(self._memo[index])

    def _group(self) -> None:
        self._stack.append(tuple(self._pop_to_mark()))

    def _tuple(self, count: int) -> None:
        items = [self._pop() for _ in range(count)]
        self._stack.append(tuple(reversed(items)))

    def _append(self) -> None:
        value = self._pop()
        self._top(list).append(value)

    def _appends(self) -> None:
        items = self._pop_to_mark()
        self._top(list).extend(items)

    def _set_item(self) -> None:
        value, key = self._pop(), self._pop()
        self._fill([key, value])

    def _set_items(self) -> None:
        self._fill(self._pop_to_mark())

    def _fill(self, items: list[Any]) -> None:
        target = self._top(dict)
        keys = items[::2]
        if len(items) % 2 or not all(isinstance(key, (str, int)) for key in keys):
            raise self.refuse("a dictionary whose keys are neither text nor integers")
        if len(set(keys)) < len(keys) or not target.keys().isdisjoint(keys):
            raise self.refuse("a dictionary with the same key twice")
        target.update(zip(keys, items[1::2], strict=True))

    def _global(self) -> None:
        self._name(self._line(), self._line())

    def _line(self) -> str:
        end = bytes(self._data[self.position : self.position + 300]).find(b"\n")
        if end < 0:
            raise self.refuse(f"a name without end at byte {self.position}")
        line = self._decoded(self._take(end))
        self._take(1)
        return line

    def _stack_global(self) -> None:
        name, module = self._pop(), self._pop()
        self._name(module, name)

    def _name(self, module: Any, name: Any) -> None:
        function = f"{module!s:.100}.{name!s:.100}"
        if function not in self._functions:
            raise self.refuse(f"it asks for {function!r}, which is no part of a tensor")
        self._stack.append(self._functions[function])

    def _reduce(self) -> None:
        arguments, function = self._pop(), self._pop()
        if not callable(function) or not isinstance(arguments, tuple):
            raise self.refuse(f"a call of no function at byte {self.position}")
        self._stack.append(function(arguments))

    def _build(self) -> None:
        self._pop()
        self._top(dict)

    def _persistent_id(self) -> None:
        self._stack.append(self._persistent(self._pop()))


def _with(method: Callable[..., None], *arguments: Any) -> Callable[[PickleMachine], None]:
    return lambda machine: method(machine, *arguments)


_M = PickleMachine
_INSTRUCTIONS: dict[int, Callable[[PickleMachine], None]] = {
    ord(code): method
    for code, method in {
        "\x80": _M._protocol,
        "\x95": _M._frame,
        "(": _M._mark,
        "N": _with(_M._constant, None),
        "\x88": _with(_M._constant, True),
        "\x89": _with(_M._constant, False),
        "K": _with(_M._integer, 1),
        "M": _with(_M._integer, 2),
        "J": _with(_M._integer, 4),
        "\x8a": _M._long,
        "G": _M._float,
        "X": _with(_M._text, 4),
        "\x8c": _with(_M._text, 1),
        "U": _with(_M._text, 1),
        "q": _with(_M._put, 1),
        "r": _with(_M._put, 4),
        "\x94": _M._memoize,
        "h": _with(_M._get, 1),
        "j": _with(_M._get, 4),
        ")": _with(_M._tuple, 0),
        "\x85": _with(_M._tuple, 1),
        "\x86": _with(_M._tuple, 2),
        "\x87": _with(_M._tuple, 3),
        "t": _M._group,
        "]": lambda machine: machine._constant([]),
        "}": lambda machine: machine._constant({}),
        "a": _M._append,
        "e": _M._appends,
        "s": _M._set_item,
        "u": _M._set_items,
        "c": _M._global,
        "\x93": _M._stack_global,
        "R": _M._reduce,
        "b": _M._build,
        "Q": _M._persistent_id,
    }.items()
}
