package org.apache.spark.sql.embedpipe

import java.util.{Collections, WeakHashMap}
import _root_.embedpipe.Stage
import org.apache.spark.ml.param.ParamMap
import org.apache.spark.sql.{DataFrame, Dataset}
import org.apache.spark.sql.execution.QueryExecution

/** Makes one pass over the data of stages that follow one another, however they are called. */
object Fusion {

  /** What the frames of ours were made of. A query's execution is one object, however its frame
    * is wrapped, and goes when nobody has the frame any longer. */
  private val made = Collections.synchronizedMap(
    new WeakHashMap[QueryExecution, (DataFrame, Seq[Stage])])

  def transform(dataset: Dataset[_], stage: Stage): DataFrame = {
    val (source, before) =
      Option(made.get(Shim.execution(dataset))).getOrElse((dataset.toDF(), Nil))
    // A copy: what is set later does not reach frames that were made before.
    val stages = before :+ stage.copy(ParamMap.empty).asInstanceOf[Stage]
    val result = mapped(source, stages)
    made.put(Shim.execution(result), (source, stages))
    result
  }

  private def mapped(source: DataFrame, stages: Seq[Stage]): DataFrame = {
    val plan = Planner.plan(source.sparkSession, stages, source.schema)
    val name = stages.map(_.getClass.getSimpleName).mkString("embedpipe: ", ", ", "")
    Shim.mapInArrow(source, plan.function(name))
  }
}
