#include "weights.h"

#include <algorithm>
#include <cstring>

namespace embedpipe {

namespace {

Index total_outputs(const std::vector<LinearView>& parts) {
  Index total = 0;
  for (const LinearView& part : parts) total += part.outputs;
  return total;
}

}  // namespace

float* PackedMemory::take(Index floats) {
  constexpr Index kCacheLine = 64 / sizeof(float);
  float* piece = block_ ? block_ + taken_ : nullptr;
  taken_ += rounded_up(floats, kCacheLine);
  return piece;
}

Linear::Linear(const std::vector<LinearView>& parts, const Products& products, PackedMemory& memory,
               Index range_block) {
  const Index inputs = parts[0].inputs, outputs = total_outputs(parts);
  const Index padded = rounded_up(outputs, products.panel);
  const float* panels = memory.take(padded * (rounded_up(inputs, products.group) / products.group));
  float* bias = memory.take(padded);
  const float* scales = memory.take(padded);
  const float* sums = memory.take(padded * (rounded_up(inputs, range_block) / range_block));
  packed_ = {panels, bias, outputs, inputs, scales, sums, padded, range_block};
  if (!memory.fills()) return;
  Index done = 0;
  for (const LinearView& part : parts) {
    products.pack({part.weight, part.outputs, inputs, part.output_stride, part.input_stride}, done, packed_);
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

Layer::Layer(const LayerView& view, const Products& query_key_value_products, const Products& products,
             PackedMemory& memory)
    : query_key_value({view.query, view.key, view.value}, query_key_value_products, memory, kAttentionRangeBlock),
      attention_output({view.attention_output}, products, memory),
      attention_norm(view.attention_norm, view.attention_output.outputs, memory),
      intermediate({view.intermediate}, products, memory),
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
    layers.emplace_back(view.layers[i], once ? float32 : products, products, memory);
  }
}

Index PackedWeights::size(const EncoderView& view, const Products& float32, const Products& products) {
  PackedMemory measured;
  PackedWeights(view, float32, products, measured);
  return measured.taken();
}

}  // namespace embedpipe
