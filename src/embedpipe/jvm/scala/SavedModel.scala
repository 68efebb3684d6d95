package org.apache.spark.sql.embedpipe

import java.nio.file.Files
import _root_.embedpipe.{EmbedpipeException, EncoderStage}
import org.apache.hadoop.fs.Path
import org.apache.spark.sql.SparkSession
import org.apache.spark.util.ShutdownHookManager

/** The files of a model within a saved stage, on any file system that Spark knows. */
object SavedModel {
  private val folder = "model"

  def write(stage: EncoderStage, path: String, spark: SparkSession): Unit = {
    val made = Planner.modelFiles(stage, Files.createTempDirectory("embedpipe-").toString)
    val target = new Path(path, folder)
    val files = target.getFileSystem(spark.sessionState.newHadoopConf())
    files.copyFromLocalFile(true, new Path("file://" + made), target)
    new java.io.File(made).getParentFile.delete()
  }

  /** Where Python finds them: there, or in a copy of them that goes when this process ends. */
  def place(path: String, spark: SparkSession): String = {
    val source = new Path(path, folder)
    val files = source.getFileSystem(spark.sessionState.newHadoopConf())
    if (!files.exists(source))
      throw new EmbedpipeException(
        s"$path holds no folder named $folder; expected a stage that was saved with its model. " +
          "Save it again, or get a new copy of it")
    if (files.getScheme == "file") files.makeQualified(source).toUri.getPath
    else {
      val copy = Files.createTempDirectory("embedpipe-").toFile
      ShutdownHookManager.registerShutdownDeleteDir(copy)
      files.copyToLocalFile(source, new Path("file://" + copy))
      s"$copy/$folder"
    }
  }
}
