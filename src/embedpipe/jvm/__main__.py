"""Make the JAR for Scala and Java, and print where it lies.

spark-shell --jars $(python -m embedpipe.jvm)
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from embedpipe.errors import EmbedpipeError
from embedpipe.jvm.build import build_jar, cached_jar, find_spark


def main() -> int:
    """Print the JAR's path; 1 with an error on standard error where it cannot be made."""
    parser = argparse.ArgumentParser(
        prog="python -m embedpipe.jvm",
        description="Make the JAR with embedpipe's classes for Scala and Java, with the compiler "
        "that Spark brings, and print where it lies: spark-shell --jars $(python -m embedpipe.jvm)",
    )
    parser.add_argument(
        "--spark-home",
        metavar="FOLDER",
        help="the Spark to make it for; by default SPARK_HOME, or the installed pyspark",
    )
    parser.add_argument(
        "-o", "--output", type=Path, metavar="FILE", help="by default, a file in the cache"
    )
    given = parser.parse_args()
    try:
        spark = find_spark(given.spark_home)
        jar = build_jar(spark, given.output) if given.output else cached_jar(spark)
    except EmbedpipeError as error:
        print(f"embedpipe.jvm: {error}", file=sys.stderr)  # noqa: T201 - a command
        return 1
    print(jar)  # noqa: T201
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
