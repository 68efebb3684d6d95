"""Pipelines on Spark beside the same ones over Arrow batches in this process, with as many threads.

    python benchmarks/spark.py --model bert_L2_H512 --copies 20

Spark's session has as many tasks at once as this process threads, each task one thread. Both take
turns, warm; of each, the best round counts for the ratio. Before, the time from a session that
stands to the first row is taken, with workers, model and Spark's classes all cold; after, the
speed of the encoder alone.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

import embedpipe
from embedpipe import Encoder
from embedpipe.annotator import BertEmbeddings, BertSentenceEmbeddings, SentenceDetector, Tokenizer
from embedpipe.base import DocumentAssembler, EmbeddingsFinisher, PipelineModel
from embedpipe_bench.corpus import TEXT, read_lines
from embedpipe_bench.machine import NOTICE, describe_machine
from embedpipe_bench.models import get_model

__all__ = ["measure"]

THREADS = 2
PARTITIONS = 8


def pipelines(encoder: Encoder) -> dict[str, PipelineModel]:
    """By what they give: words and sentences, as annotations and as plain vectors."""
    text = [
        DocumentAssembler(inputCol="text"),
        SentenceDetector(inputCols=["document"], outputCol="sentence"),
    ]
    words = [
        *text,
        Tokenizer(inputCols=["sentence"], outputCol="token"),
        BertEmbeddings(encoder, inputCols=["sentence", "token"], outputCol="made"),
    ]
    sentences = [*text, BertSentenceEmbeddings(encoder, inputCols=["sentence"], outputCol="made")]
    plain = EmbeddingsFinisher(
        inputCols=["made"], outputCols=["vectors"], outputAs="vectors", cleanAnnotations=True
    )
    return {
        "sentences, plain vectors": PipelineModel([*sentences, plain]),
        "sentences, annotations": PipelineModel(sentences),
        "words, plain vectors": PipelineModel([*words, plain]),
        "words, annotations": PipelineModel(words),
    }


def timed(run: Callable[[], object]) -> float:
    """The seconds of one call."""
    begin = time.perf_counter()
    run()
    return time.perf_counter() - begin


def measure(session: Any, folder: Path, lines: list[str], model: PipelineModel, rounds: int) -> str:
    """The cells of one row of the report."""
    batches = pq.read_table(folder).to_batches(max_chunksize=len(lines) // PARTITIONS + 1)
    frame = model.transform(session.read.parquet(str(folder)))

    def on_spark() -> None:
        frame.write.format("noop").mode("overwrite").save()

    def over_arrow() -> None:
        for _ in model.transform_batches(batches):
            pass

    on_spark()
    over_arrow()
    seconds = [(timed(on_spark), timed(over_arrow)) for _ in range(rounds)]
    spark, arrow = (min(values) for values in zip(*seconds, strict=True))
    rates = [f"{len(lines) / value:,.0f}" for value in (spark, arrow)]
    return f"{rates[0]} | {rates[1]} | {arrow / spark:.0%}"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--model", default="bert_L2_H512")
    parser.add_argument("--copies", type=int, default=20, help="of the text of 1,957 lines")
    parser.add_argument("--rounds", type=int, default=5)
    args = parser.parse_args()
    print(NOTICE, describe_machine(), sep="\n")
    encoder = Encoder.load(get_model(args.model).folder, threads=THREADS)
    lines = read_lines(TEXT) * args.copies
    session = embedpipe.start(master=f"local[{THREADS}]", params={"spark.ui.enabled": "false"})
    session.sparkContext.setLogLevel("ERROR")
    made = pipelines(encoder)
    with TemporaryDirectory() as scratch:
        folder = Path(scratch, "texts")
        folder.mkdir()
        for part in range(PARTITIONS):
            table = pa.table({"text": lines[part::PARTITIONS]})
            pq.write_table(table, folder / f"{part}.parquet")
        one = session.createDataFrame([("I hate cancer",)], ["text"])
        first = timed(made["sentences, annotations"].transform(one).first)
        print(f"first row {first:.1f} s after the session stood\n")
        print("| what | rows/s on Spark | over Arrow | share |\n|---|--:|--:|--:|")
        for what, model in made.items():
            print(f"| {what} | {measure(session, folder, lines, model, args.rounds)} |", flush=True)
    session.stop()
    alone = min(timed(lambda: encoder.encode(lines)) for _ in range(args.rounds))
    print(
        f"\nEncoder.encode of the same lines, each as one text: {len(lines) / alone:,.0f} lines/s"
    )


if __name__ == "__main__":
    main()
