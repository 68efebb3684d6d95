package embedpipe

import org.apache.spark.sql.{SparkSession, SparkSessionExtensions}
import org.apache.spark.sql.catalyst.FunctionIdentifier
import org.apache.spark.sql.catalyst.expressions.{Expression, ExpressionInfo}
import org.apache.spark.sql.embedpipe.Planner
import scala.annotation.varargs

/** The SQL functions embed_sentence, embed_tokens and cosine. */
object Functions {
  private[embedpipe] val names = Seq("embed_sentence", "embed_tokens", "cosine")

  /** Give a session the functions, and its executors the models of these names or places. */
  @varargs
  def register(spark: SparkSession, models: String*): Unit = Planner.register(spark, models)
}

/** The functions for spark-sql and other programs without code of ours:
  * `--conf spark.sql.extensions=embedpipe.SqlExtensions`. Executors find models as the driver does.
  */
class SqlExtensions extends (SparkSessionExtensions => Unit) {
  private lazy val functions = Planner.functions(SparkSession.active, Nil)

  override def apply(extensions: SparkSessionExtensions): Unit =
    Functions.names.foreach { name =>
      def build(arguments: Seq[Expression]) = functions(name).builder(arguments)
      val about = new ExpressionInfo(classOf[SqlExtensions].getName, name)
      extensions.injectFunction((FunctionIdentifier(name), about, build))
    }
}
