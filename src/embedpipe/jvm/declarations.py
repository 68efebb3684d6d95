"""The Scala classes of the stages, from their declarations in Python.

Each class has the parameters, defaults, setters and getters that its twin has in Python, written
out: Java sees setters that return the class itself only where the class itself declares them.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from embedpipe import annotator
from embedpipe.params import Param
from embedpipe.params.param import accessor_name
from embedpipe.pipeline.stage import Stage
from embedpipe.stages import STAGES
from embedpipe.stages.bases.encoder_stage import EncoderStage

__all__ = ["scala_sources"]

_MADE_HERE = frozenset({"storageRef"})  # defaults that each object makes for itself

_TYPES = (
    ("boolean", "Boolean", "BooleanParam(this, "),
    ("integer", "Int", "IntParam(this, "),
    ("strings", "Array[String]", "StringArrayParam(this, "),
    ("numbers", "Array[Int]", "IntArrayParam(this, "),
    ("json", "String", "embedpipe.JsonParam(this, "),
    ("string", "String", "Param[String](this, "),
)

_LISTS_OF_COLUMNS = frozenset({"inputCols", "outputCols"})

_ADDERS = {"addException": "exceptions", "addInfixPattern": "infixPatterns"}
"""Methods beside setters that append to a list."""


def scala_sources() -> dict[str, str]:
    """The source of each stage's class, by the name of its file.

    >>> source = scala_sources()["SentenceDetector.scala"]
    >>> "def setMaxLength(value: Int): this.type" in source
    True
    """
    return {f"{stage.__name__}.scala": _source(stage) for stage in STAGES}


def _source(stage: type[Stage]) -> str:
    package = "annotator" if stage.__name__ in annotator.__all__ else "base"
    lines = [
        f"package embedpipe.{package}",
        "",
        "import org.apache.spark.ml.param._",
        "import org.apache.spark.ml.util.{DefaultParamsReadable, Identifiable}",
        "import org.apache.spark.sql.{Dataset, SparkSession}",
        "",
        *_class(stage),
        "",
        *_companion(stage),
    ]
    return "\n".join(lines) + "\n"


def _class(stage: type[Stage]) -> Iterator[str]:
    name, made = stage.__name__, stage()
    base = "EncoderStage" if issubclass(stage, EncoderStage) else "Stage"
    summary = (stage.__doc__ or "").strip().split("\n", maxsplit=1)[0]
    yield f"/** {summary} */"
    yield f"class {name}(override val uid: String) extends embedpipe.{base} {{"
    yield f"  def this() = this(Identifiable.randomUID({_quoted(stage.uid_prefix or name)}))"
    for param in made.params:
        yield from _parameter(param)
        if made.hasDefault(param) and param.name not in _MADE_HERE:
            default = _literal(param, made.getOrDefault(param))
            yield f"  setDefault({param.name}, {default})"
    if "storageRef" in stage.__dict__ or issubclass(stage, EncoderStage):
        yield "  setDefault(storageRef, uid)"
    for method, target in _ADDERS.items():
        if hasattr(stage, method):
            old = f"if (isDefined({target})) $({target}) else Array.empty[String]"
            yield (f"  def {method}(value: String): this.type = set({target}, ({old}) :+ value)")
    if hasattr(stage, "fit"):
        yield "  /** Nothing is learned from data: the stage itself. */"
        yield "  def fit(dataset: Dataset[_]): this.type = this"
    yield "}"


def _parameter(param: Param[Any]) -> Iterator[str]:
    _, kind, constructor = _type_of(param)
    name = param.name
    setter, getter = accessor_name("set", name), accessor_name("get", name)
    yield f"  final val {name} = new {constructor}{_quoted(name)}, {_quoted(param.doc)})"
    yield f"  def {getter}: {kind} = $({name})"
    yield f"  def {setter}(value: {kind}): this.type = set({name}, value)"
    if name in _LISTS_OF_COLUMNS:
        # In Java, which sees Scala's variable arguments as a Seq, the first two serve.
        yield f"  def {setter}(value: String): this.type = {setter}(Array(value))"
        yield (
            f"  def {setter}(value: String, other: String): this.type = "
            f"{setter}(Array(value, other))"
        )
        yield f"  def {setter}(value: String*): this.type = {setter}(value.toArray)"


def _companion(stage: type[Stage]) -> Iterator[str]:
    name = stage.__name__
    has_model = issubclass(stage, EncoderStage)
    base = "embedpipe.EncoderCompanion" if has_model else "DefaultParamsReadable"
    yield f"object {name} extends {base}[{name}] {{"
    yield f"  override def load(path: String): {name} = super.load(path)"
    if has_model:
        yield f"  protected def make(uid: String): {name} = new {name}(uid)"
        yield f'  def pretrained(): {name} = named(None, "en", None)'
        yield f'  def pretrained(name: String): {name} = named(Some(name), "en", None)'
        yield (
            f"  def pretrained(name: String, lang: String): {name} = named(Some(name), lang, None)"
        )
        yield (
            f"  def pretrained(name: String, lang: String, remoteLoc: String): {name} = "
            "named(Some(name), lang, Some(remoteLoc))"
        )
        yield (f"  def loadSavedModel(folder: String, spark: SparkSession): {name} = saved(folder)")
    yield "}"


def _type_of(param: Param[Any]) -> tuple[str, str, str]:
    expected = param.kind.expected
    kind = "string"
    if expected == "True or False":
        kind = "boolean"
    elif expected.startswith("an integer"):
        kind = "integer"
    elif expected.startswith("a list of"):
        kind = "strings"
    elif param.name == "configProtoBytes":
        kind = "numbers"
    elif param.name == "rules":
        kind = "json"
    return next(row for row in _TYPES if row[0] == kind)


def _literal(param: Param[Any], value: Any) -> str:
    kind = _type_of(param)[0]
    if kind == "strings":
        return f"Array[String]({', '.join(map(_quoted, value))})"
    if kind == "json":
        return _quoted(json.dumps(param.kind.to_json(value)))
    if kind == "string":
        return _quoted(value)
    return str(value).lower()


def _quoted(text: str) -> str:
    """A literal: Scala's escapes in a string are among those of JSON."""
    return json.dumps(text)
