package embedpipe.base

import embedpipe.Stage
import org.apache.spark.ml.PipelineModel
import org.apache.spark.ml.embedpipe.Fitted
import org.apache.spark.sql.embedpipe.{Node, Planner}

/** Pipelines that were saved outside of the JVM. */
object SavedPipeline {

  /** What embedpipe saved as a folder or bundle, or Spark NLP as a folder: on the driver's disk. */
  def load(path: String): PipelineModel = {
    val stages = Planner.pipeline(path).map { node =>
      val name = Node.text(node \ "class")
      val kind: Class[_] =
        try Class.forName(s"embedpipe.base.$name")
        catch { case _: ClassNotFoundException => Class.forName(s"embedpipe.annotator.$name") }
      val made = kind.getConstructor(classOf[String]).newInstance(Node.text(node \ "uid"))
      made.asInstanceOf[Stage].restore(node)
    }
    Fitted.pipeline(stages)
  }
}
