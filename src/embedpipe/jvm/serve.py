"""Answers what Spark's JVM asks about stages: `python -m embedpipe.jvm.serve`, started by the JAR.

One question a line on standard input, one answer a line on standard output, each a JSON object.
The first line that it writes is embedpipe's version. What goes wrong is an answer too: `error`.

| ask        | with                         | answer                                               |
|------------|------------------------------|------------------------------------------------------|
| schema     | stages, schema               | schema                                               |
| plan       | stages, schema, shared       | the fields of `embedpipe.spark.JvmPlan`              |
| functions  | models, shared               | those of `embedpipe.spark.jvm.functions_for_jvm`     |
| pretrained | class, name, lang, remoteLoc | stage                                                |
| load       | class, path                  | stage                                                |
| pipeline   | path                         | stages                                               |
| model      | stages: one; folder          | path: of a new folder in it, with the model's files  |

Stages are written as in `stages.json` of a saved pipeline, their models as references; schemas as
Spark writes them; the command in base64.
"""

from __future__ import annotations

import json
import os
import select
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO, Any, cast

from embedpipe._version import __version__
from embedpipe.errors import EmbedpipeError, ModelNotFoundError, ParameterError
from embedpipe.formats.writing import model_parts
from embedpipe.output import AtomicDirectory
from embedpipe.pipeline.pipeline import PipelineModel
from embedpipe.pipeline.plan import Planner
from embedpipe.pipeline.stage import Stage
from embedpipe.saving.models import LoadedModels
from embedpipe.saving.read import restored
from embedpipe.saving.tree import CLASSES, Node
from embedpipe.stages.bases.encoder_stage import EncoderStage

__all__ = ["answer", "serve"]

_PATIENCE = 60.0
"""Seconds without a question after which the process ends; the JVM starts another."""

Question = Mapping[str, Any]


def serve(questions: IO[bytes], answers: IO[str], patience: float = _PATIENCE) -> None:
    """Answer every line of `questions`, which must have no buffer, until they end or cease."""
    print(__version__, file=answers, flush=True)
    while select.select([questions], [], [], patience)[0]:
        line = questions.readline()
        if not line:
            break
        print(json.dumps(answer(json.loads(line))), file=answers, flush=True)


def answer(question: Question) -> dict[str, Any]:
    """The answer to one question; `error` holds the words of an error of embedpipe.

    >>> answer({"ask": "load", "class": "BertEmbeddings", "path": "/nowhere"})["error"]
    "BertEmbeddings.load: nothing is at '/nowhere'; expected a saved stage or pipeline, or a model"
    """
    try:
        return _ANSWERS[question["ask"]](question)
    except EmbedpipeError as error:
        return {"error": str(error)}


def _schema(question: Question) -> dict[str, Any]:
    from pyspark.sql.types import StructType

    from embedpipe.spark.schema import columns_of_spark, output_type

    frame = StructType.fromJson(json.loads(question["schema"]))
    plan = Planner(_stages(question)).plan(columns_of_spark(frame))
    return {"schema": output_type(frame, plan).json()}


def _plan(question: Question) -> dict[str, Any]:
    from embedpipe.spark.jvm import plan_for_jvm

    found = plan_for_jvm(_stages(question), question["schema"], shared=question["shared"])
    answered: dict[str, Any] = json.loads(found.to_json())
    return answered


def _functions(question: Question) -> dict[str, Any]:
    from embedpipe.spark.jvm import functions_for_jvm

    return functions_for_jvm(question["models"], shared=question["shared"])


def _pretrained(question: Question) -> dict[str, Any]:
    kind = _encoder_stage(question["class"])
    stage = kind.pretrained(question["name"], question["lang"], question["remoteLoc"])
    return {"stage": _told(stage)}


def _load(question: Question) -> dict[str, Any]:
    return {"stage": _told(_encoder_stage(question["class"]).load(Path(question["path"])))}


def _pipeline(question: Question) -> dict[str, Any]:
    stages = PipelineModel.load(question["path"]).stages
    return {"stages": [_told(stage) for stage in stages]}


def _model(question: Question) -> dict[str, Any]:
    stage = cast("EncoderStage", _stages(question)[0])
    with AtomicDirectory(Path(question["folder"], "model")) as folder:
        for name, parts in model_parts(stage.encoder.model):
            folder.write(name, parts)
    return {"path": str(folder.path)}


_models = LoadedModels()  # each is opened once, for all questions


def _stages(question: Question) -> list[Stage]:
    """The stages of a question, ready to run."""
    nodes = [_node(told) for told in question["stages"]]
    return PipelineModel([cast("Stage", restored(node, _models)) for node in nodes]).stages


def _node(told: Mapping[str, Any]) -> Node:
    name, uid, model = told["class"], told["uid"], told.get("model", {}).get("reference")
    if model is None and issubclass(CLASSES[name], EncoderStage):
        raise ModelNotFoundError(
            f"{name} {uid} has no model; make the stage by {name}.pretrained(name, lang) or "
            f"{name}.loadSavedModel(folder, spark)"
        )
    return Node(name, uid, told["params"], told["defaults"], model)


_ANSWERS: dict[str, Callable[[Question], dict[str, Any]]] = {
    "schema": _schema,
    "plan": _plan,
    "functions": _functions,
    "pretrained": _pretrained,
    "load": _load,
    "pipeline": _pipeline,
    "model": _model,
}


def _encoder_stage(name: str) -> type[EncoderStage]:
    found = CLASSES.get(name)
    if found is None or not issubclass(found, EncoderStage):
        raise ParameterError(f"{name} is no stage with a model")
    return found


def _told(stage: Stage) -> dict[str, Any]:
    """A stage for the JVM: its model by a reference that this process can follow again."""
    params, defaults = stage.saved_values()
    told = {
        "class": type(stage).__name__,
        "uid": stage.uid,
        "params": params,
        "defaults": defaults,
    }
    if isinstance(stage, EncoderStage):
        if stage.encoder.reference is None:
            raise ParameterError(
                f"{stage.label}: its model lies inside {stage.encoder.path}, and no name or path "
                "loads it alone; save the pipeline as a folder, and load that"
            )
        told["model"] = {"reference": stage.encoder.reference}
    return told


def main() -> None:
    """Serve on the standard streams."""
    # Whatever else prints must not come between the answers.
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    with os.fdopen(os.dup(0), "rb", buffering=0) as questions, answers:
        serve(questions, answers)


if __name__ == "__main__":
    main()
