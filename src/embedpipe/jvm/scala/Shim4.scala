package org.apache.spark.sql.embedpipe

import org.apache.spark.sql.{DataFrame, Dataset, Row, SparkSession}
import org.apache.spark.sql.classic.{Dataset => ClassicDataset, ExpressionUtils, SparkSession => ClassicSession, UDFRegistration}
import org.apache.spark.sql.execution.QueryExecution
import org.apache.spark.sql.execution.python.UserDefinedPythonFunction

/** What Spark 4 calls otherwise than Spark 3. */
private[sql] object Shim {
  def execution(dataset: Dataset[_]): QueryExecution =
    dataset.asInstanceOf[ClassicDataset[_]].queryExecution

  /** What is done so reaches executors under the session's name, as its queries ask for it. */
  def inSession[T](spark: SparkSession)(what: => T): T =
    spark.asInstanceOf[ClassicSession].artifactManager.withResources(what)

  def registration(spark: SparkSession): UDFRegistration = spark.asInstanceOf[ClassicSession].udf

  def mapInArrow(frame: DataFrame, function: UserDefinedPythonFunction): DataFrame = {
    val classic = frame.asInstanceOf[ClassicDataset[Row]]
    val columns = classic.queryExecution.analyzed.output.map(ExpressionUtils.column(_))
    classic.mapInArrow(function(columns: _*))
  }
}
