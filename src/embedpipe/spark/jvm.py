"""What a JVM needs to run stages itself: the pickled function, its type, and the models' files.

    python -m embedpipe.spark.jvm REQUEST    the answer as one line of JSON, `command` in base64

REQUEST is the JSON of the arguments of `plan_for_jvm`, or `-` to read it from standard input.
"""

from __future__ import annotations

import base64
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from pyspark import cloudpickle
from pyspark.rdd import PythonEvalType
from pyspark.sql.types import StructType

from embedpipe.encoder import Encoder
from embedpipe.errors import ParameterError
from embedpipe.pipeline.pipeline import Pipeline, PipelineModel
from embedpipe.pipeline.plan import Planner
from embedpipe.pipeline.savable import Savable
from embedpipe.pipeline.stage import Stage
from embedpipe.saving import load
from embedpipe.saving.tree import CLASSES
from embedpipe.spark.functions import functions
from embedpipe.spark.schema import columns_of_spark, output_type
from embedpipe.spark.sending import Place, model_archive, on_this_disk, stages_function

__all__ = ["JvmPlan", "functions_for_jvm", "plan_for_jvm"]

_PYTHON_VERSION = "{}.{}".format(*sys.version_info[:2])


@dataclass(frozen=True)
class JvmPlan:
    """How a JVM runs stages by `mapInArrow` of all columns of a frame, in their order.

    command: what `SimplePythonFunction` takes. eval_type: of the plan node. schema: Spark's JSON of
    the result's columns, those of the frame that stay among them. files: paths of archives, each
    to be given to `SparkContext.addFile` before the plan runs; none with `shared`. python_version:
    as Spark compares it, "3.11". python: the interpreter that made the command.
    """

    command: bytes
    eval_type: int
    schema: str
    files: tuple[str, ...]
    python: str
    python_version: str

    def to_json(self) -> str:
        """The same as JSON, `command` in base64."""
        command = base64.b64encode(self.command).decode()
        return json.dumps({**asdict(self), "command": command})


def plan_for_jvm(
    stages: str | Sequence[Mapping[str, Any] | Stage], schema: str, *, shared: bool = False
) -> JvmPlan:
    """The plan of stages over the columns of a frame.

    stages: the path of a saved pipeline or bundle; or stages; or descriptions of them, as a list
        or as its JSON: `{"class": "BertEmbeddings", "pretrained": ["small_bert_L12_256", "en"],
        "params": {"inputCols": ["sentence", "token"], "outputCol": "vectors"}}`. Instead of
        `pretrained`, `load` takes a path; stages without a model have neither. `uid` is optional.
    schema: of the frame, as Spark's `StructType.json` gives it.
    shared: whether executors see this machine's disk, so that models need not be sent.

    Raises ColumnError where columns do not fit the stages, ParameterError for a bad description,
    and what loading raises.
    """
    frame = StructType.fromJson(json.loads(schema))
    listed = _stages(stages)
    plan = Planner(listed).plan(columns_of_spark(frame))
    made = output_type(frame, plan)
    files, place = _place(shared)
    function = stages_function(listed, plan, frame, place)
    return JvmPlan(
        command=cloudpickle.dumps((function, made)),
        eval_type=int(PythonEvalType.SQL_MAP_ARROW_ITER_UDF),
        schema=made.json(),
        files=tuple(files.values()),
        python=sys.executable,
        python_version=_PYTHON_VERSION,
    )


def functions_for_jvm(models: Sequence[str], *, shared: bool = False) -> dict[str, Any]:
    """The SQL functions for a JVM to register, as JSON can hold them.

    models: to be sent to executors, or told where they lie if those see this disk (`shared`).

    Gives `functions`, each with `name`, `command` in base64, `eval_type` and `type` as Spark's
    JSON; and `files` and `python_version` as `JvmPlan` has them.
    """
    files, place = _place(shared)
    made = [
        {
            "name": name,
            "command": base64.b64encode(cloudpickle.dumps((one.func, one.returnType))).decode(),
            "eval_type": int(one.evalType),
            "type": one.returnType.json(),
        }
        for name, one in functions(models, place).items()
    ]
    return {
        "functions": made,
        "files": list(files.values()),
        "python_version": _PYTHON_VERSION,
    }


def _place(shared: bool) -> tuple[dict[str, str], Place]:
    """How executors find models, and the archives to send them, which fill as models are told."""
    files: dict[str, str] = {}

    def sent(encoder: Encoder) -> Mapping[str, Any]:
        path = model_archive(encoder)
        files[path.name] = str(path)
        return {"file": path.name, "token": path.stem}

    return files, on_this_disk if shared else sent


def _stages(given: str | Sequence[Mapping[str, Any] | Stage]) -> list[Stage]:
    if isinstance(given, str) and not given.lstrip().startswith("["):
        loaded: Any = load(given, Savable)
        return PipelineModel([loaded.fit() if isinstance(loaded, Pipeline) else loaded]).stages
    described = json.loads(given) if isinstance(given, str) else given
    return PipelineModel([_stage(one, place) for place, one in enumerate(described)]).stages


def _stage(told: Mapping[str, Any] | Stage, place: int) -> Stage:
    if isinstance(told, Stage):
        return told
    found = CLASSES.get(str(told.get("class")))
    if found is None or not issubclass(found, Stage):
        known = ", ".join(name for name, one in CLASSES.items() if issubclass(one, Stage))
        raise ParameterError(
            f"stage {place} is of the class {told.get('class')!r}; expected one of {known}"
        )
    if "pretrained" in told:
        stage: Stage = found.pretrained(*told["pretrained"])  # type: ignore[attr-defined]
    elif "load" in told:
        stage = found.load(told["load"])
    else:
        stage = found()
    named = stage.with_uid(told["uid"]) if "uid" in told else stage
    return named.setParams(**told.get("params", {}))


def main() -> None:
    """Answer one request."""
    request = sys.argv[1] if sys.argv[1:] != ["-"] else sys.stdin.read()
    sys.stdout.write(plan_for_jvm(**json.loads(request)).to_json() + "\n")


if __name__ == "__main__":
    main()
