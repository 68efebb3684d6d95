#include "weights.h"

#include <algorithm>
#include <cmath>
#include <cstring>

namespace embedpipe {

namespace {

Index total_outputs(const std::vector<LinearView>& parts) {
  Index total = 0;
  for (const LinearView& part : parts) total += part.outputs;
  return total;
}

// What to multiply the inputs of quantized products by, so that a few large ones do not make the steps of all others
// coarse: (largest weight)^(1/4) / (reach of the input)^(3/4), whose reciprocal goes into the weights. This is
// SmoothQuant (Xiao et al., 2023) with what a LayerNorm's own weights say of an input instead of a sample's largest.
void balance(const std::vector<LinearView>& parts, const LayerNormWeights& norm, float* scales) {
  constexpr double kSmallest = 1e-30;  // what is smaller counts as zero
  const Index inputs = parts[0].inputs;
  std::vector<float> largest(static_cast<size_t>(inputs)), weight(largest), bias(largest);
  std::memcpy(weight.data(), norm.weight, weight.size() * sizeof(float));
  std::memcpy(bias.data(), norm.bias, bias.size() * sizeof(float));
  for (const LinearView& part : parts) {
    const WeightMatrix matrix = {part.weight, part.outputs, inputs, part.output_stride, part.input_stride};
    for (Index o = 0; o < part.outputs; ++o) {
      for (size_t k = 0; k < largest.size(); ++k) {
        largest[k] = std::max(largest[k], std::fabs(weight_at(matrix, o, static_cast<Index>(k))));
      }
    }
  }
  for (size_t k = 0; k < largest.size(); ++k) {
    const double most = largest[k], reach = std::fabs(double{weight[k]}) + std::fabs(double{bias[k]});
    const bool matters = most > kSmallest && reach > kSmallest;
    scales[k] = matters ? static_cast<float>(std::sqrt(std::sqrt(most / reach) / reach)) : 0.f;
  }
}

}  // namespace

float* PackedMemory::take(Index floats) {
  constexpr Index kCacheLine = 64 / sizeof(float);
  float* piece = block_ ? block_ + taken_ : nullptr;
  taken_ += rounded_up(floats, kCacheLine);
  return piece;
}

Linear::Linear(const std::vector<LinearView>& parts, const Products& products, PackedMemory& memory, Index range_block,
               const LayerNormWeights* inputs_norm) {
  const Index inputs = parts[0].inputs, outputs = total_outputs(parts);
  const Index padded = rounded_up(outputs, products.panel);
  const float* panels = memory.take(padded * (rounded_up(inputs, products.group) / products.group));
  float* bias = memory.take(padded);
  const float* scales = memory.take(padded);
  const float* sums = memory.take(padded * (rounded_up(inputs, range_block) / range_block));
  const bool balanced = products.quantizes && inputs_norm != nullptr;
  float* input_scales = balanced ? memory.take(inputs) : nullptr;
  packed_ = {panels, bias, outputs, inputs, scales, sums, padded, range_block, input_scales};
  if (!memory.fills()) return;
  if (balanced) balance(parts, *inputs_norm, input_scales);
  Index done = 0;
  for (const LinearView& part : parts) {
    const WeightMatrix weight = {part.weight,        part.outputs,      inputs,
                                 part.output_stride, part.input_stride, input_scales};
    products.pack(weight, done, packed_);
    std::memcpy(bias + done, part.bias, static_cast<size_t>(part.outputs) * sizeof(float));
    done += part.outputs;
  }
}

LayerNorm::LayerNorm(const LayerNormWeights& weights, Index size, PackedMemory& memory) {
  float* weight = memory.take(size);
  float* bias = memory.take(size);
  weights_ = {weight, bias, weights.epsilon};
  if (!memory.fills()) return;
  const size_t bytes = static_cast<size_t>(size) * sizeof(float);
  std::memcpy(weight, weights.weight, bytes);
  std::memcpy(bias, weights.bias, bytes);
}

bool EncoderView::reads_embeddings(int layer) const {
  return !embedding_projection && layer == schedule.at(0) && std::count(schedule.begin(), schedule.end(), layer) == 1;
}

const LayerNormWeights* EncoderView::norm_before(int layer) const {
  const auto last = std::find(schedule.rbegin(), schedule.rend(), layer);
  if (last + 1 < schedule.rend()) return &layers[static_cast<size_t>(*(last + 1))].output_norm;
  return embedding_projection ? nullptr : &embedding_norm;
}

Layer::Layer(const LayerView& view, const LayerNormWeights* before, const Products& query_key_value_products,
             const Products& products, PackedMemory& memory)
    : query_key_value({view.query, view.key, view.value}, query_key_value_products, memory, kAttentionRangeBlock,
                      before),
      attention_output({view.attention_output}, products, memory),
      attention_norm(view.attention_norm, view.attention_output.outputs, memory),
      intermediate({view.intermediate}, products, memory, kRangeBlock, &view.attention_norm),
      output({view.output}, products, memory),
      output_norm(view.output_norm, view.output.outputs, memory) {}

PackedWeights::PackedWeights(const EncoderView& view, const Products& float32, const Products& products,
                             PackedMemory& memory)
    : embedding_norm(view.embedding_norm, view.tables.size, memory) {
  if (view.embedding_projection) {
    embedding_projection.emplace(std::vector{*view.embedding_projection}, float32, memory);
  }
  if (view.pooler) pooler.emplace(std::vector{*view.pooler}, float32, memory);
  layers.reserve(view.layers.size());
  for (size_t i = 0; i < view.layers.size(); ++i) {
    const bool once = view.reads_embeddings(static_cast<int>(i));
    layers.emplace_back(view.layers[i], view.norm_before(static_cast<int>(i)), once ? float32 : products, products,
                        memory);
  }
}

Index PackedWeights::size(const EncoderView& view, const Products& float32, const Products& products) {
  PackedMemory measured;
  PackedWeights(view, float32, products, measured);
  return measured.taken();
}

}  // namespace embedpipe
