"""The pipeline behind a one-liner: NLU's methods over embedpipe's stages."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from embedpipe.errors import ColumnError, InputError, ParameterError
from embedpipe.frames.adapter import transform_frame
from embedpipe.oneline.components import CHUNK, CHUNKS, LEVELS, TEXT, Components, Shown
from embedpipe.oneline.features import Feature
from embedpipe.oneline.inputs import Given, finished, is_spark, matrix_of, taken
from embedpipe.oneline.names import stem_of
from embedpipe.oneline.notices import check_switches, tell_of_ignored
from embedpipe.oneline.rows import LeavingOut, RowsOfLevel, private, with_columns
from embedpipe.params import accessor_name
from embedpipe.pipeline.pipeline import PipelineModel
from embedpipe.pipeline.plan import Planner
from embedpipe.pipeline.stage import Stage, html_of_stages, text_of_stages

__all__ = ["OneLinePipeline"]

_NOT_SHOWN = ("inputCol", "inputCols", "outputCol", "lazyAnnotator", "storageRef")


class OneLinePipeline(Mapping[str, Stage]):
    """What `embedpipe.load` gives: models, and what finds sentences and tokens for them.

    Its stages can be configured under their keys, as `print_info` shows them.

    >>> import embedpipe
    >>> pipe = embedpipe.load("all-MiniLM-L6-v2")
    >>> list(pipe)
    ['document_assembler', 'sentence_detector', 'all_MiniLM_L6_v2']
    >>> stage = pipe["all_MiniLM_L6_v2"].setPrecision("int8")
    >>> pipe.predict(["It rains. We stay."], output_level="sentence").columns.tolist()
    ['sentence', 'all_MiniLM_L6_v2_embeddings']
    """

    def __init__(self, components: Components) -> None:
        self._components = components

    def __getitem__(self, key: str) -> Stage:
        stages = self._components.by_key
        found = stages.get(key) or stages.get(stem_of(str(key)))
        if found is None:
            raise KeyError(f"{key!r}; there are {', '.join(stages)}")
        return found

    def __iter__(self) -> Iterator[str]:
        return iter(self._components.by_key)

    def __len__(self) -> int:
        return len(self._components.by_key)

    def __repr__(self) -> str:
        return text_of_stages("OneLinePipeline", list(self.values()))

    def _repr_html_(self) -> str:
        return html_of_stages("OneLinePipeline", list(self.values()), list(self))

    @property
    def pipeline_model(self) -> PipelineModel:
        """The same as a `PipelineModel`, for columns of annotations instead of rows of results."""
        return self._components.pipeline_model()

    def predict(  # noqa: PLR0913, PLR0917
        self,
        data: Any,
        output_level: str = "",
        output_path: str = "",
        positions: bool = False,
        keep_stranger_features: bool = True,
        metadata: bool = False,
        multithread: bool = True,
        drop_irrelevant_cols: bool = True,
        return_spark_df: bool = False,
        get_embeddings: bool | None = True,
        parser_output: bool = False,
        parser_config: Any = "",
        partition: int = 1000,
        *,
        text_column: str | None = None,
        progress: bool = False,
    ) -> Any:
        """A frame with a row for each token, sentence, document or chunk, and their vectors.

        Args:
            data: a text, a list or array of texts, a column (pandas, Polars, Arrow), or a frame
                with a column `text`, or else one of strings, of which the first is read.
            output_level: "token", "sentence", "document" or "chunk"; by default, that of the last
                model. Chunks are those that stand in the frame's column `chunks` or `chunk`,
                strings or lists of them, where they occur in the text; their vectors are the means
                of their tokens'.
            positions: whether begins and ends are given, in UTF-16 units, the end inclusive.
            keep_stranger_features: whether the columns of a frame stand in the result.
            metadata: whether to give what else is known of each annotation, and other levels.
            drop_irrelevant_cols: False gives the texts of the other levels too.
            get_embeddings: False gives no vectors, and computes none.
            text_column: the column to read, where it has another name.
            progress: whether to show how far it is, on standard error.
            output_path, multithread, return_spark_df, parser_output, parser_config, partition:
                accepted from NLU; they mean nothing here, and a warning says what to do instead.

        Returns:
            A frame of the kind given, its rows repeated as needed and its index kept; of texts
            without a frame, a pandas frame. Vectors are in columns `NAME_embeddings`, NAME being
            the name that was loaded with `_` for each `.`: in pandas arrays float32 (dimension,),
            elsewhere arrays of fixed size. What belongs to another level than the rows stands in
            lists: all that overlaps the row. A row in which nothing is found, such as a null text,
            stays as one row of nulls.

        Raises:
            ParameterError: another output_level, a switch that is neither True nor False.
            ColumnError: no column can be the text, or a column has the name of one that is made.
            InputError: what is no text.

        >>> import embedpipe, pyarrow
        >>> pipe = embedpipe.load("all-MiniLM-L6-v2")
        >>> made = pipe.predict(pyarrow.table({"text": ["It rains."]}), output_level="document")
        >>> made.column_names, made["all_MiniLM_L6_v2_embeddings"].type
        (['text', 'document', 'all_MiniLM_L6_v2_embeddings'], FixedSizeListType(...[384]))
        """
        tell_of_ignored(
            {
                "output_path": output_path,
                "multithread": multithread,
                "return_spark_df": return_spark_df and not is_spark(data),
                "parser_output": parser_output,
                "parser_config": parser_config,
                "partition": partition,
            }
        )
        vectors = True if get_embeddings is None else get_embeddings
        switches = {
            "positions": positions,
            "keep_stranger_features": keep_stranger_features,
            "metadata": metadata,
            "drop_irrelevant_cols": drop_irrelevant_cols,
            "get_embeddings": vectors,
            "progress": progress,
        }
        check_switches(switches)
        level = self._level(output_level)
        shown = Shown(vectors, positions, metadata, not drop_irrelevant_cols)
        given = taken(data, text_column)
        return self._predicted(given, level, shown, keep=keep_stranger_features, progress=progress)

    def predict_embeds(
        self,
        data: Any,
        multithread: bool = True,
        return_spark_df: bool = False,
        partition: int = 1000,
        *,
        text_column: str | None = None,
    ) -> npt.NDArray[np.float32]:
        """The vectors of whole texts alone, float32 (texts, dimension); NaN for a missing text.

        Arguments and errors are those of `predict`; of several models for sentences the first
        counts, and without one it is a ParameterError.

        >>> import embedpipe
        >>> embedpipe.load("all-MiniLM-L6-v2").predict_embeds(["It rains.", "So it is."]).shape
        (2, 384)
        """
        ignored = {"multithread": multithread, "return_spark_df": return_spark_df}
        tell_of_ignored({**ignored, "partition": partition})
        components = self._components
        stem = next((stem for stem in components.models if components.makes_sentences(stem)), None)
        if stem is None:
            raise ParameterError(
                f"predict_embeds gives vectors of whole texts, and {', '.join(components.models)} "
                "makes those of tokens; load a name with 'embed_sentence', or use predict"
            )
        made = self._predicted(taken(data, text_column), "document", Shown(), keep=False)
        dimension = components.models[stem].encoder.dimension
        return matrix_of(made, f"{stem}_embeddings", dimension)

    def print_info(self, minimal: bool = True) -> None:
        """Print what can be set, as lines to copy; without `minimal`, column names too.

        >>> import embedpipe
        >>> embedpipe.load("all-MiniLM-L6-v2").print_info()  # doctest: +ELLIPSIS
        The following parameters can be set; the lines are code to copy:
        pipe['document_assembler'] has settable params:
        pipe['document_assembler'].setCleanupMode('disabled') | Info: ...
        """
        lines = ["The following parameters can be set; the lines are code to copy:"]
        for key, stage in self.items():
            lines.append(f"pipe[{key!r}] has settable params:")
            lines += _settings(key, stage, shown=() if minimal else _NOT_SHOWN)
        print("\n".join(lines))  # noqa: T201 - which is what it is for

    def save(
        self,
        path: str | os.PathLike[str],
        component: str = "entire_pipeline",
        overwrite: bool = False,
    ) -> None:
        """Write a folder with all stages and their models, or with one stage, by its key.

        `embedpipe.load(path=...)` gives the pipeline back, and `PipelineModel.load` its stages.
        Raises OutputError if something is there already and `overwrite` is False.
        """
        saved = self.pipeline_model if component == "entire_pipeline" else self[component]
        writer = saved.write()
        (writer.overwrite() if overwrite else writer).save(path)

    def _level(self, asked: Any) -> str:
        if asked is None or asked == "":
            return self._components.own_level
        if asked not in LEVELS:
            raise ParameterError(
                f"output_level: found {asked!r:.80}; expected one of "
                f"{', '.join(map(repr, LEVELS))}, or '' for that of the last model"
            )
        return str(asked)

    def _predicted(
        self, given: Given, level: str, shown: Shown, *, keep: bool, progress: bool = False
    ) -> Any:
        if level == CHUNK and given.chunks is None:
            raise InputError(
                "output_level='chunk': nothing here finds chunks; pass a frame with a column "
                "'chunks' of strings, or of lists of strings, that occur in the text"
            )
        stages = self._components.stages(
            level, vectors=shown.vectors, chunk_lists=given.chunk_lists
        )
        features = self._components.features(level, stages, shown)
        read = {TEXT: given.text} | ({CHUNKS: str(given.chunks)} if level == CHUNK else {})
        gone = set(given.names)
        if keep and given.is_frame:
            gone = _replaced(given.names, features, read.values())
        named = [with_columns(stage, lambda n: read.get(n, private(n))) for stage in stages]
        steps = [*PipelineModel(named).stages, LeavingOut(gone), RowsOfLevel(level, features)]
        made = transform_frame(given.frame, Planner(steps, progress=progress))
        return finished(made, [feature.name for feature in features])


def _replaced(
    names: Collection[str], features: Sequence[Feature], read: Collection[str]
) -> set[str]:
    """The columns that are read, and made anew; ColumnError for others of such names."""
    there = {feature.name for feature in features}.intersection(names)
    for name in sorted(there.difference(read)):
        raise ColumnError(
            f"column {name!r} is there already, and predict makes one of that name; rename yours, "
            "leave it out, or set keep_stranger_features=False"
        )
    return there


def _settings(key: str, stage: Stage, shown: Collection[str]) -> Iterator[str]:
    """A line for each parameter that has a value; `shown`: of those about columns."""
    hidden = set(_NOT_SHOWN).difference(shown)
    found = [(p, value) for p, value in stage.extractParamMap().items() if p.name not in hidden]
    setters = [f"pipe[{key!r}].{accessor_name('set', p.name)}({value!r})" for p, value in found]
    width = max(map(len, setters), default=0)
    for setter, (param, value) in zip(setters, found, strict=True):
        yield f"{setter:<{width}} | Info: {param.doc} | Currently set to : {value}"
