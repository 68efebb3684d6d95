package org.apache.spark.ml.embedpipe // for a constructor that Spark keeps to itself

import org.apache.spark.ml.{PipelineModel, Transformer}
import org.apache.spark.ml.util.Identifiable

/** Makes a PipelineModel of stages that learn nothing from data. */
object Fitted {
  def pipeline(stages: Seq[Transformer]): PipelineModel =
    new PipelineModel(Identifiable.randomUID("PipelineModel"), stages.toArray)
}
