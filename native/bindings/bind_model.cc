#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include "bindings.h"
#include "bound_model.h"
#include "engine/processor.h"

namespace nb = nanobind;
using namespace nb::literals;

namespace embedpipe::bindings {

namespace {

void check_linear(const BoundLinear& linear, Index outputs, Index inputs) {
  const LinearView view = linear.view();
  require(view.outputs == outputs && view.inputs == inputs, "a weight has the wrong shape");
  require(static_cast<Index>(linear.bias.shape(0)) == outputs, "a bias has the wrong shape");
}

void check_norm(const BoundLayerNorm& norm, Index size) {
  require(static_cast<Index>(norm.weight.shape(0)) == size && static_cast<Index>(norm.bias.shape(0)) == size,
          "a LayerNorm has the wrong shape");
}

void check_layer(const BoundLayer& layer, Index hidden, Index intermediate) {
  for (const BoundLinear* linear : {&layer.query, &layer.key, &layer.value, &layer.attention_output}) {
    check_linear(*linear, hidden, hidden);
  }
  check_linear(layer.intermediate, intermediate, hidden);
  check_linear(layer.output, hidden, intermediate);
  check_norm(layer.attention_norm, hidden);
  check_norm(layer.output_norm, hidden);
}

}  // namespace

BoundModel::BoundModel(Index hidden, Index heads, const std::string& activation, Matrix words, Matrix positions,
                       Matrix types, const BoundLayerNorm& embedding_norm, std::optional<BoundLinear> projection,
                       const std::vector<BoundLayer>& layers, std::vector<int> schedule,
                       std::optional<BoundLinear> pooler)
    : words_(words),
      positions_(positions),
      types_(types),
      embedding_norm_(embedding_norm),
      projection_(projection),
      layers_(layers),
      pooler_(pooler) {
  const Index size = static_cast<Index>(words.shape(1));
  require(hidden > 0 && heads > 0 && hidden % heads == 0, "the hidden size is no multiple of the heads");
  require(activation == "gelu_erf" || activation == "gelu_tanh", "unknown activation");
  require(static_cast<Index>(positions.shape(1)) == size && static_cast<Index>(types.shape(1)) == size &&
              types.shape(0) > 0,
          "the embedding tables disagree");
  require(projection.has_value() || size == hidden, "an embedding projection is missing");
  require(layers.empty() == schedule.empty(), "layers and their schedule disagree");
  for (const int layer : schedule) {
    require(layer >= 0 && layer < static_cast<int>(layers.size()), "the schedule names an unknown layer");
  }
  check_norm(embedding_norm, size);
  if (projection) check_linear(*projection, hidden, size);
  if (pooler) check_linear(*pooler, hidden, hidden);
  const Index intermediate = layers.empty() ? 0 : layers[0].intermediate.view().outputs;
  view_.hidden = hidden;
  view_.heads = heads;
  view_.activation = activation == "gelu_erf" ? Activation::kGeluErf : Activation::kGeluTanh;
  view_.tables = {words.data(),
                  positions.data(),
                  types.data(),
                  static_cast<Index>(words.shape(0)),
                  static_cast<Index>(positions.shape(0)),
                  size,
                  static_cast<Index>(types.shape(0))};
  view_.embedding_norm = embedding_norm.view();
  if (projection) view_.embedding_projection = projection->view();
  if (pooler) view_.pooler = pooler->view();
  for (const BoundLayer& layer : layers) {
    check_layer(layer, hidden, intermediate);
    view_.layers.push_back(layer.view());
  }
  view_.schedule = std::move(schedule);
}

Index BoundModel::packed_size(const std::string& isa, const std::string& precision) const {
  const InstructionSet& set = instruction_set_named(isa);
  return PackedWeights::size(view_, set.kernels->float32, set.products(precision));
}

void bind_model(nb::module_& module) {
  nb::class_<BoundLinear>(module, "Linear", "y = x W^T + b: weight (outputs, inputs) in any order, bias (outputs,)")
      .def(
          "__init__",
          [](BoundLinear* self, AnyOrderMatrix weight, Vector bias) { new (self) BoundLinear{weight, bias}; },
          "weight"_a.noconvert(), "bias"_a.noconvert());
  nb::class_<BoundLayerNorm>(module, "LayerNorm", "weight and bias (size,)")
      .def(
          "__init__",
          [](BoundLayerNorm* self, Vector weight, Vector bias, float epsilon) {
            new (self) BoundLayerNorm{weight, bias, epsilon};
          },
          "weight"_a.noconvert(), "bias"_a.noconvert(), "epsilon"_a);
  nb::class_<BoundLayer>(module, "Layer", "The weights of one transformer layer")
      .def(
          "__init__",
          [](BoundLayer* self, BoundLinear query, BoundLinear key, BoundLinear value, BoundLinear attention_output,
             BoundLayerNorm attention_norm, BoundLinear intermediate, BoundLinear output, BoundLayerNorm output_norm) {
            new (self)
                BoundLayer{query, key, value, attention_output, attention_norm, intermediate, output, output_norm};
          },
          nb::kw_only(), "query"_a, "key"_a, "value"_a, "attention_output"_a, "attention_norm"_a, "intermediate"_a,
          "output"_a, "output_norm"_a);
  nb::class_<BoundModel>(module, "Model", "The sizes and the weights of an encoder, not yet packed")
      .def(nb::init<Index, Index, const std::string&, Matrix, Matrix, Matrix, const BoundLayerNorm&,
                    std::optional<BoundLinear>, const std::vector<BoundLayer>&, std::vector<int>,
                    std::optional<BoundLinear>>(),
           nb::kw_only(), "hidden_size"_a, "attention_heads"_a, "activation"_a, "word_embeddings"_a.noconvert(),
           "position_embeddings"_a.noconvert(), "token_type_embeddings"_a.noconvert(), "embedding_norm"_a,
           "embedding_projection"_a.none(), "layers"_a, "schedule"_a, "pooler"_a.none())
      .def("packed_size", &BoundModel::packed_size, "isa"_a, "precision"_a,
           "Floats in the block of packed weights; the weights are not read.");
}

}  // namespace embedpipe::bindings
