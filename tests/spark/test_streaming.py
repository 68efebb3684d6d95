"""Structured Streaming from files to Parquet."""

from __future__ import annotations

from embedpipe.annotator import SentenceDetector
from embedpipe.base import DocumentAssembler, PipelineModel


def test_a_restarted_stream_writes_each_row_exactly_once(spark, tmp_path):
    source = tmp_path / "in"
    source.mkdir()
    model = PipelineModel(
        [
            DocumentAssembler(inputCol="value", outputCol="document"),
            SentenceDetector(inputCols=["document"], outputCol="sentence"),
        ]
    )

    def write(number):
        (source / f"{number}.txt").write_text(f"File {number}. It ends.\nLine two of {number}.\n")

    def query(**trigger):
        lines = spark.readStream.option("maxFilesPerTrigger", 1).text(str(source))
        made = model.transform(lines)
        assert made.isStreaming
        writer = made.writeStream.format("parquet").outputMode("append")
        writer = writer.option("checkpointLocation", str(tmp_path / "checkpoint"))
        return writer.trigger(**trigger).start(str(tmp_path / "out"))

    for number in range(4):
        write(number)
    first = query(processingTime="0 seconds")
    while not (first.lastProgress and first.lastProgress["batchId"] >= 1):
        assert first.exception() is None
    first.stop()  # in the middle of the files
    write(4)
    second = query(availableNow=True)
    second.awaitTermination(120)
    assert second.exception() is None
    rows = spark.read.parquet(str(tmp_path / "out")).collect()
    assert sorted(row["value"] for row in rows) == sorted(
        line for n in range(5) for line in (f"File {n}. It ends.", f"Line two of {n}.")
    )
    assert sorted(len(row["sentence"]) for row in rows) == [1] * 5 + [2] * 5
