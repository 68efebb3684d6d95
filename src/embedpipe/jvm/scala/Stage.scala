package embedpipe

import org.apache.spark.ml.Transformer
import org.apache.spark.ml.param.{Param, ParamMap, Params}
import org.apache.spark.ml.util.{DefaultParamsReadable, DefaultParamsWritable, MLReader, MLWriter}
import org.apache.spark.sql.{DataFrame, Dataset}
import org.apache.spark.sql.embedpipe.{Fusion, Node, Planner, SavedModel}
import org.apache.spark.sql.types.StructType
import org.json4s.JValue

/** A stage of a pipeline: its parameters live here, what it does is done by Python.
  *
  * Values are checked when a pipeline is fitted or transforms, together and by the same rules as
  * in Python, and not by the setters.
  */
abstract class Stage extends Transformer with DefaultParamsWritable {

  /** The frame with this stage's columns. Neighboring stages run in one pass over the data. */
  override def transform(dataset: Dataset[_]): DataFrame = Fusion.transform(dataset, this)

  override def transformSchema(schema: StructType): StructType =
    Planner.schemaOf(Seq(this), schema)

  override def copy(extra: ParamMap): Transformer = defaultCopy(extra)

  /** Take over the parameters and defaults of a node. */
  private[embedpipe] def restore(node: JValue): this.type = {
    Node.values(this, node, "defaults").foreach { case (param, value) => setDefault(param, value) }
    Node.values(this, node, "params").foreach { case (param, value) => set(param, value) }
    this
  }
}

/** A stage with a model, which is told by its name, or by where it lies. */
abstract class EncoderStage extends Stage {
  final val model = new Param[String](this, "model", "name or place of the model")

  /** Saves the model's files too, so that what is saved can be loaded anywhere. */
  override def write: MLWriter = new EncoderStage.Writer(this, super.write)

  private[embedpipe] override def restore(node: JValue): this.type = {
    set(model, Node.text(node \ "model" \ "reference"))
    super.restore(node)
  }

  private[embedpipe] def at(place: String): this.type = set(model, place)
}

private object EncoderStage {
  class Writer(stage: EncoderStage, metadata: MLWriter) extends MLWriter {
    override protected def saveImpl(path: String): Unit = {
      metadata.save(path)
      SavedModel.write(stage, path, sparkSession)
    }
  }

  class Reader[S <: EncoderStage](metadata: MLReader[S]) extends MLReader[S] {
    override def load(path: String): S =
      metadata.load(path).at(SavedModel.place(path, sparkSession))
  }
}

/** What the companions of stages with a model do. */
abstract class EncoderCompanion[S <: EncoderStage] extends DefaultParamsReadable[S] {
  protected def make(uid: String): S

  override def read: MLReader[S] = new EncoderStage.Reader(super.read)

  private def kind: String = getClass.getSimpleName.stripSuffix("$")

  protected def named(name: Option[String], lang: String, remoteLoc: Option[String]): S =
    made(Planner.pretrained(kind, name, lang, remoteLoc))

  protected def saved(folder: String): S = made(Planner.loaded(kind, folder))

  private def made(node: JValue): S = make(Node.text(node \ "uid")).restore(node)
}

/** A parameter whose values are JSON, as text: what only Python knows how to make. */
class JsonParam(parent: Params, name: String, doc: String)
    extends Param[String](parent.uid, name, doc) {
  override def jsonEncode(value: String): String = value
  override def jsonDecode(json: String): String = json
}

/** What is wrong, with what, and what to do about it: in the words of embedpipe's Python side.
  *
  * The stack tells where the user's own code stood; how Spark and this layer came from there to
  * Python says nothing about what is wrong.
  */
class EmbedpipeException(message: String) extends RuntimeException(message) {
  setStackTrace(getStackTrace.filterNot(frame =>
    EmbedpipeException.inner.exists(frame.getClassName.startsWith(_))))
}

private object EmbedpipeException {
  val inner = Seq("embedpipe.", "java.", "jdk.", "org.apache.spark.", "scala.")
}
