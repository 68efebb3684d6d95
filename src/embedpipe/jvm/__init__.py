"""Spark's JVM: stages for Scala and Java, which run the same Python functions on executors.

`python -m embedpipe.jvm` makes the JAR for the Spark that is installed; `serve` answers what its
classes ask.
"""
