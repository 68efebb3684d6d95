"""The data source `embedpipe`, which Spark 4 finds by this package's name: nothing to register.

    spark.read.format("embedpipe").option("model", "sent_small_bert_L2_512").load("reviews")
    frame.write.format("embedpipe").option("model", "…").mode("append").save("vectors")

From Scala, Java, SQL and R too: Spark itself starts Python for it. `docs/spark-jvm.md` lists the
options. Spark imports this package whenever it looks for any data source, so that everything that
takes time is imported later.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyspark.sql.datasource import DataSource, DataSourceArrowWriter, DataSourceReader

if TYPE_CHECKING:
    from pyspark.sql.types import StructType

__all__ = ["DefaultSource"]


class DefaultSource(DataSource):  # type: ignore[misc]  # untyped
    """Reads texts from files with what a pipeline makes of them, or writes that to Parquet."""

    @classmethod
    def name(cls) -> str:
        """What `format` takes."""
        return "embedpipe"

    def schema(self) -> StructType:
        """The files' columns, and those that the stages make."""
        from pyspark_embedpipe.reading import schema_of_files

        return schema_of_files(self.options)

    def reader(self, schema: StructType) -> DataSourceReader:
        """One partition a file."""
        from pyspark_embedpipe.reading import Reader

        return Reader(self.options, schema)

    def writer(self, schema: StructType, overwrite: bool) -> DataSourceArrowWriter:
        """One file a partition."""
        from pyspark_embedpipe.writing import Writer

        return Writer(self.options, schema, overwrite=overwrite)
