"""Text to vectors through pipelines and `Encoder.encode`, beside the encoder alone.

    python benchmarks/end_to_end.py --models bert_L2_H128 bert_L2_H512 --precision float32 int8

The encoder alone, in the same precision, is given the piece ids that the pipeline gives it, in the
same parts. Both take turns, and the vectors of both must be equal before anything is timed.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from itertools import product
from pathlib import Path
from statistics import median
from unittest import mock

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from embedpipe import Encoder
from embedpipe.annotation import AnnotationColumn
from embedpipe.annotator import BertEmbeddings, BertSentenceEmbeddings, SentenceDetector, Tokenizer
from embedpipe.base import DocumentAssembler, Pipeline, PipelineModel
from embedpipe.engine.precision import PRECISIONS, AskedPrecision, Precision
from embedpipe.engine.ragged import Ragged
from embedpipe_bench.corpus import TEXT, read_lines
from embedpipe_bench.models import get_model

__all__ = ["Measured", "measure"]

OUTPUT = Path("out")

COPIES = 3
"""Of the text: several batches, so that memory is met again."""

Float32 = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Measured:
    """Seconds of the whole and of the encoder alone for so many lines, by round.

    precision: the one computed in.
    """

    model: str
    precision: Precision
    what: str
    lines: int
    whole: list[float]
    encoder: list[float]

    @property
    def share(self) -> float:
        """The speed of the whole, where that of the encoder alone is 1."""
        return median(self.encoder) / median(self.whole)

    @property
    def row(self) -> str:
        """As shown in the table."""
        whole, encoder = (f"{self.lines / median(s):,.0f}" for s in (self.whole, self.encoder))
        name = f"{self.model}, {self.precision}"
        return f"| {name} | {self.what} | {whole} | {encoder} | {self.share:.0%} |"


def pipelines(encoder: Encoder) -> Iterator[tuple[str, PipelineModel]]:
    """What is made of sentences, by name: vectors of their words, or one vector each."""
    before = [
        DocumentAssembler(inputCol="text"),
        SentenceDetector(inputCols=["document"], outputCol="sentence"),
    ]
    words = BertEmbeddings(encoder, inputCols=["sentence", "token"], outputCol="vectors")
    tokenizer = Tokenizer(inputCols=["sentence"])
    yield "words", Pipeline(stages=[*before, tokenizer, words]).fit()
    whole = BertSentenceEmbeddings(encoder, inputCols=["sentence"], outputCol="vectors")
    yield "sentences", Pipeline(stages=[*before, whole]).fit()


def encoder_alone(model: PipelineModel, table: pa.Table) -> Callable[[], list[Float32]]:
    """The encoder's part of a transformation, whose vectors must be those of the whole."""
    stage = model.stages[-1]
    assert isinstance(stage, (BertEmbeddings, BertSentenceEmbeddings))
    encoder = stage.encoder
    hidden_states = mock.patch.object(encoder, "hidden_states", wraps=encoder.hidden_states)
    encode_pieces = mock.patch.object(encoder, "encode_pieces", wraps=encoder.encode_pieces)
    with hidden_states as per_piece, encode_pieces as per_sentence:
        out = AnnotationColumn.from_arrow(model.transform(table)["vectors"])
    assert out.embeddings is not None
    pieces = [call.args[0] for call in (per_piece.call_args_list or per_sentence.call_args_list)]

    def hidden() -> list[Float32]:
        return [encoder.hidden_states(part).values for part in pieces]

    def pooled() -> list[Float32]:
        return [encoder.encode_pieces(part) for part in pieces]

    if per_piece.called:
        there = np.array(out.metadata_field("isOOV").to_pylist()) == "false"
        _check_words(out.embeddings[there], hidden())
        return hidden
    if not np.array_equal(out.embeddings, np.concatenate(pooled())):
        raise SystemExit("the vectors of sentences are not those of the encoder alone")
    return pooled


def _check_words(vectors: Float32, hidden: list[Float32]) -> None:
    """SystemExit unless the vectors of words are among those of pieces, in their order."""
    of_pieces = (vector.tobytes() for part in hidden for vector in part)
    if not len(vectors) or not all(vector.tobytes() in of_pieces for vector in vectors):
        raise SystemExit("the vectors of words are not those of the encoder alone")


def in_turn(
    whole: Callable[[], object], encoder: Callable[[], object], rounds: int
) -> tuple[list[float], list[float]]:
    """Seconds of both, one after the other in each round; the first round fills caches."""
    seconds: tuple[list[float], list[float]] = ([], [])
    for _ in range(rounds + 1):
        for run, taken in zip((whole, encoder), seconds, strict=True):
            begin = time.perf_counter()
            run()
            taken.append(time.perf_counter() - begin)
    return seconds[0][1:], seconds[1][1:]


def measure(
    name: str, lines: list[str], rounds: int, precision: AskedPrecision = "float32"
) -> Iterator[Measured]:
    """Both pipelines, each from table to table and batch by batch, and `Encoder.encode`."""
    encoder = Encoder.load(get_model(name).folder, precision=precision)
    computed = encoder.precision
    table = pa.table({"text": lines})
    for what, model in pipelines(encoder):
        alone = encoder_alone(model, table)

        def streamed(model: PipelineModel = model) -> None:
            for _ in model.transform_batches(table.to_batches(), table.schema):
                pass

        def to_table(model: PipelineModel = model) -> None:
            model.transform(table)

        for form, whole in (("one table", to_table), ("batch by batch", streamed)):
            seconds = in_turn(whole, alone, rounds)
            yield Measured(name, computed, f"{what}, {form}", len(lines), *seconds)
    some = lines[: len(lines) // COPIES]
    ids: Ragged = encoder.tokenize(some).ids
    if not np.array_equal(encoder.encode(some), encoder.encode_pieces(ids)):
        raise SystemExit("Encoder.encode and Encoder.encode_pieces do not give the same vectors")
    seconds = in_turn(lambda: encoder.encode(some), lambda: encoder.encode_pieces(ids), rounds)
    yield Measured(name, computed, "`Encoder.encode`", len(some), *seconds)


def main() -> None:
    """Parse, measure, print a Markdown table, and write every timing to `out/end_to_end.json`."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--models", nargs="+", default=["bert_L2_H128", "bert_L2_H512"])
    parser.add_argument("--precision", nargs="+", choices=PRECISIONS, default=["float32"])
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    lines = read_lines(TEXT) * COPIES
    print("| model | what | whole, lines/s | encoder alone, lines/s | share |")
    print("|---|---|---|---|---|")
    found = []
    for name, precision in product(arguments.models, arguments.precision):
        for measured in measure(name, lines, arguments.rounds, precision):
            print(measured.row, flush=True)
            found.append({**asdict(measured), "share": measured.share})
    OUTPUT.mkdir(exist_ok=True)
    (OUTPUT / "end_to_end.json").write_text(json.dumps(found, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
