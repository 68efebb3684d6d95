package org.apache.spark.sql.embedpipe

import org.apache.spark.sql.{Column, DataFrame, Dataset, SparkSession, UDFRegistration}
import org.apache.spark.sql.catalyst.expressions.PythonUDF
import org.apache.spark.sql.execution.QueryExecution
import org.apache.spark.sql.execution.python.UserDefinedPythonFunction

/** What Spark 3 calls otherwise than Spark 4. */
private[sql] object Shim {
  def execution(dataset: Dataset[_]): QueryExecution = dataset.queryExecution

  def inSession[T](spark: SparkSession)(what: => T): T = what

  def registration(spark: SparkSession): UDFRegistration = spark.udf

  def mapInArrow(frame: DataFrame, function: UserDefinedPythonFunction): DataFrame = {
    val columns = frame.queryExecution.analyzed.output.map(new Column(_))
    frame.pythonMapInArrow(function(columns: _*).expr.asInstanceOf[PythonUDF])
  }
}
