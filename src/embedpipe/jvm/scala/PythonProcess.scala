package org.apache.spark.sql.embedpipe

import java.io.{BufferedReader, File, IOException, InputStreamReader, OutputStreamWriter, Writer}
import java.nio.charset.StandardCharsets.UTF_8
import _root_.embedpipe.EmbedpipeException
import org.apache.spark.SparkEnv
import org.apache.spark.api.python.PythonUtils
import org.json4s.{JObject, JString, JValue}
import org.json4s.jackson.JsonMethods.{compact, parse, render}
import scala.io.Source

/** A Python process on the driver that answers questions, one line of JSON each.
  *
  * It starts with the first question and ends by itself a minute after the last one, or when this
  * process does.
  */
private[sql] object PythonProcess {
  private val module = "embedpipe.jvm.serve"
  private val remedy = "Install embedpipe there (python -m pip install 'embedpipe[spark]'), or " +
    "name a Python that has it, by the environment variable PYSPARK_PYTHON or by " +
    "--conf spark.pyspark.python=/path/to/python"

  private class Running(val process: Process) {
    val lines = new BufferedReader(new InputStreamReader(process.getInputStream, UTF_8))
    val questions: Writer = new OutputStreamWriter(process.getOutputStream, UTF_8)
    @volatile var lastWords = ""
    private val relay = new Thread("embedpipe-python-messages") {
      override def run(): Unit =
        try Source.fromInputStream(process.getErrorStream, "UTF-8").getLines().foreach { line =>
          System.err.println(line)
          if (line.trim.nonEmpty) lastWords = line.trim
        } catch { case _: IOException => } // the stream is closed with the process
    }
    relay.setDaemon(true)
    relay.start()

    def ask(question: String): Option[String] =
      try {
        questions.write(question + "\n")
        questions.flush()
        Option(lines.readLine())
      } catch { case _: IOException => None } // it has ended
  }

  private var running: Option[Running] = None

  /** The Python of the executors, as spark-submit documents it. */
  def onExecutors: String =
    setting("spark.pyspark.python").orElse(sys.env.get("PYSPARK_PYTHON")).getOrElse("python3")

  private def onDriver: String =
    setting("spark.pyspark.driver.python")
      .orElse(sys.env.get("PYSPARK_DRIVER_PYTHON"))
      .getOrElse(onExecutors)

  /** The answer; what went wrong in Python is thrown as EmbedpipeException in Python's words. */
  def ask(question: JObject): JValue = synchronized {
    val line = compact(render(question))
    // A process that was there may have ended for want of questions: a new one is asked then.
    val answer = running.flatMap(_.ask(line)).getOrElse {
      val fresh = start()
      running = Some(fresh)
      fresh.ask(line).getOrElse(throw new EmbedpipeException(s"$module: ${ended(fresh)}"))
    }
    val found = parse(answer)
    found \ "error" match {
      case JString(words) => throw new EmbedpipeException(words)
      case _ => found
    }
  }

  private def start(): Running = {
    val python = onDriver
    val builder = new ProcessBuilder(python, "-m", module)
    val path = Seq(PythonUtils.sparkPythonPath, sys.env.getOrElse("PYTHONPATH", ""))
    builder.environment().put("PYTHONPATH", path.filter(_.nonEmpty).mkString(File.pathSeparator))
    val started =
      try new Running(builder.start())
      catch {
        case error: IOException =>
          throw new EmbedpipeException(s"no Python can be started: ${error.getMessage}. $remedy")
      }
    Option(started.lines.readLine()) match {
      case Some(Build.version) => started
      case Some(other) =>
        started.process.destroy()
        throw new EmbedpipeException(
          s"the JAR was made by embedpipe ${Build.version}, and $python has $other; expected the " +
            "same on both sides. Make the JAR again with that Python: python -m embedpipe.jvm")
      case None => throw new EmbedpipeException(s"$python: ${ended(started)}. $remedy")
    }
  }

  private def ended(one: Running): String = {
    val code = one.process.waitFor()
    Thread.sleep(100) // for its last words
    s"Python ended with status $code instead of answering: ${one.lastWords}"
  }

  private def setting(name: String): Option[String] =
    Option(SparkEnv.get).flatMap(_.conf.getOption(name))
}
