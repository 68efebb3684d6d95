package org.apache.spark.sql.embedpipe

import _root_.embedpipe.{EncoderStage, Stage}
import org.apache.spark.ml.param.Param
import org.json4s.{JArray, JObject, JString, JValue}
import org.json4s.jackson.JsonMethods.{compact, parse, render}

/** Stages as embedpipe saves them in its own files: class, uid, parameters, defaults, model. */
object Node {

  def of(stages: Seq[Stage]): JValue = JArray(stages.map(of(_)).toList)

  def of(stage: Stage): JObject = {
    val (given, others) = stage.params.toList.filter(_.name != "model").partition(stage.isSet(_))
    val model = stage match {
      case one: EncoderStage if one.isDefined(one.model) =>
        List("model" -> JObject("reference" -> JString(one.getOrDefault(one.model))))
      case _ => Nil
    }
    JObject(
      List(
        "class" -> JString(stage.getClass.getSimpleName),
        "uid" -> JString(stage.uid),
        "params" -> JObject(given.map(json(stage, _))),
        "defaults" -> JObject(others.filter(stage.hasDefault(_)).map(json(stage, _)))) ++ model: _*)
  }

  /** The values in a part of a node, with the stage's parameters that they are of. */
  def values(stage: Stage, node: JValue, part: String): Seq[(Param[Any], Any)] =
    node \ part match {
      case JObject(fields) =>
        fields.map { case (name, value) =>
          val param = stage.getParam(name).asInstanceOf[Param[Any]]
          (param, param.jsonDecode(compact(render(value))))
        }
      case _ => Nil
    }

  def text(value: JValue): String = value match {
    case JString(found) => found
    case other => throw new IllegalArgumentException(s"expected a text, found $other")
  }

  private def json(stage: Stage, param: Param[_]): (String, JValue) = {
    val one = param.asInstanceOf[Param[Any]]
    // Within an array, since some releases of json4s parse nothing but arrays and objects.
    val JArray(List(value)) = parse("[" + one.jsonEncode(stage.getOrDefault(one)) + "]"): @unchecked
    param.name -> value
  }
}
