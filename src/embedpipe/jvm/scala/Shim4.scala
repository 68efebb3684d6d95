package org.apache.spark.sql.embedpipe

import org.apache.spark.sql.{DataFrame, Dataset}
import org.apache.spark.sql.classic.{Dataset => ClassicDataset, ExpressionUtils}
import org.apache.spark.sql.execution.QueryExecution
import org.apache.spark.sql.execution.python.UserDefinedPythonFunction

/** What Spark 4 calls otherwise than Spark 3. */
private[sql] object Shim {
  def execution(dataset: Dataset[_]): QueryExecution =
    dataset.asInstanceOf[ClassicDataset[_]].queryExecution

  def mapInArrow(frame: DataFrame, function: UserDefinedPythonFunction): DataFrame = {
    val classic = frame.asInstanceOf[ClassicDataset[org.apache.spark.sql.Row]]
    val columns = classic.queryExecution.analyzed.output.map(ExpressionUtils.column(_))
    classic.mapInArrow(function(columns: _*))
  }
}
