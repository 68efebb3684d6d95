package org.apache.spark.sql.embedpipe

import java.util.{ArrayList, Base64, HashMap}
import _root_.embedpipe.{EmbedpipeException, EncoderStage, Stage}
import org.apache.spark.api.python.{PythonBroadcast, SimplePythonFunction}
import org.apache.spark.broadcast.Broadcast
import org.apache.spark.sql.SparkSession
import org.apache.spark.sql.execution.python.UserDefinedPythonFunction
import org.apache.spark.sql.types.{DataType, StructType}
import org.json4s.{JArray, JBool, JInt, JNull, JObject, JString, JValue}

/** A Python function, and the type of what it gives: of a column, or of all of a frame. */
case class Plan(
    command: Array[Byte],
    evalType: Int,
    made: DataType,
    python: String,
    pythonVersion: String) {

  /** What Spark calls, under a name that its plans show. */
  def function(name: String): UserDefinedPythonFunction = {
    val called = new SimplePythonFunction(
      command,
      new HashMap[String, String](),
      new ArrayList[String](),
      python,
      pythonVersion,
      new ArrayList[Broadcast[PythonBroadcast]](),
      null)
    UserDefinedPythonFunction(name, called, made, evalType, true)
  }
}

/** What only Python knows: asked of a Python process on the driver. */
object Planner {

  /** The schema of the result; an EmbedpipeException says which stage misses which column. */
  def schemaOf(stages: Seq[Stage], schema: StructType): StructType = {
    val answer = ask("schema", "stages" -> Node.of(stages), "schema" -> JString(schema.json))
    DataType.fromJson(Node.text(answer \ "schema")).asInstanceOf[StructType]
  }

  /** The pickled function, and what it needs on executors is sent there. */
  def plan(spark: SparkSession, stages: Seq[Stage], schema: StructType): Plan = {
    val answer = ask(
      "plan",
      "stages" -> Node.of(stages),
      "schema" -> JString(schema.json),
      "shared" -> JBool(isShared(spark)))
    val JArray(files) = answer \ "files": @unchecked
    send(spark, files.map(Node.text))
    val JInt(evalType) = answer \ "eval_type": @unchecked
    Plan(
      Base64.getDecoder.decode(Node.text(answer \ "command")),
      evalType.toInt,
      DataType.fromJson(Node.text(answer \ "schema")),
      PythonProcess.onExecutors,
      Node.text(answer \ "python_version"))
  }

  /** The SQL functions by their names, whose models are sent to executors. */
  def functions(
      spark: SparkSession, models: Seq[String]): Map[String, UserDefinedPythonFunction] = {
    val answer = ask(
      "functions",
      "models" -> JArray(models.map(JString(_)).toList),
      "shared" -> JBool(isShared(spark)))
    val JArray(files) = answer \ "files": @unchecked
    send(spark, files.map(Node.text))
    val JArray(made) = answer \ "functions": @unchecked
    made.map { one =>
      val JInt(evalType) = one \ "eval_type": @unchecked
      val name = Node.text(one \ "name")
      val plan = Plan(
        Base64.getDecoder.decode(Node.text(one \ "command")),
        evalType.toInt,
        DataType.fromJson(Node.text(one \ "type")),
        PythonProcess.onExecutors,
        Node.text(answer \ "python_version"))
      name -> plan.function(name)
    }.toMap
  }

  def register(spark: SparkSession, models: Seq[String]): Unit =
    functions(spark, models).foreach { case (name, function) =>
      Shim.registration(spark).registerPython(name, function)
    }

  /** Each file once: models' archives are named by their content. */
  private def send(spark: SparkSession, files: Seq[String]): Unit = Shim.inSession(spark) {
    def name(path: String) = path.split('/').last
    val there = spark.sparkContext.listFiles().map(name).toSet
    files.filterNot(file => there(name(file))).foreach(spark.sparkContext.addFile)
  }

  /** Whether executors open models where the driver has them. */
  private def isShared(spark: SparkSession): Boolean =
    spark.conf.getOption("spark.embedpipe.models").getOrElse("auto") match {
      case "auto" => spark.sparkContext.isLocal
      case "shared" => true
      case "files" => false
      case other =>
        throw new EmbedpipeException(
          s"spark.embedpipe.models is '$other'; expected 'shared', 'files' or 'auto'")
    }

  /** The node of a stage with the model of that name. */
  def pretrained(
      kind: String, name: Option[String], lang: String, remoteLoc: Option[String]): JValue = {
    def given(value: Option[String]): JValue = value.fold[JValue](JNull)(JString(_))
    ask(
      "pretrained",
      "class" -> JString(kind),
      "name" -> given(name),
      "lang" -> JString(lang),
      "remoteLoc" -> given(remoteLoc)) \ "stage"
  }

  /** The node of a stage with the model in that folder. */
  def loaded(kind: String, folder: String): JValue =
    ask("load", "class" -> JString(kind), "path" -> JString(folder)) \ "stage"

  /** Write the files of a stage's model into a new folder in this one; the path of the new one. */
  def modelFiles(stage: EncoderStage, folder: String): String =
    Node.text(
      ask("model", "stages" -> Node.of(Seq(stage)), "folder" -> JString(folder)) \ "path")

  /** The nodes of a pipeline that embedpipe saved. */
  def pipeline(path: String): List[JValue] = {
    val JArray(nodes) = ask("pipeline", "path" -> JString(path)) \ "stages": @unchecked
    nodes
  }

  private def ask(what: String, fields: (String, JValue)*): JValue =
    PythonProcess.ask(JObject(("ask" -> JString(what)) +: fields: _*))
}
