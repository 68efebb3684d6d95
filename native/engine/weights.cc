#include "weights.h"

#include <cstring>

namespace embedpipe {

namespace {

Index round_up(Index n, Index multiple) { return (n + multiple - 1) / multiple * multiple; }

Index total_outputs(const std::vector<LinearView>& parts) {
  Index total = 0;
  for (const LinearView& part : parts) total += part.outputs;
  return total;
}

}  // namespace

Linear::Linear(const std::vector<LinearView>& parts, const Products& products, Index range_block) {
  const Index inputs = parts[0].inputs, outputs = total_outputs(parts);
  const Index padded = round_up(outputs, products.panel);
  panels_ = Buffer(padded * (round_up(inputs, products.group) / products.group));
  bias_ = Buffer(padded);
  scales_ = Buffer(padded);
  sums_ = Buffer(padded * (round_up(inputs, range_block) / range_block));
  packed_ = {panels_.data(), bias_.data(), outputs, inputs, scales_.data(), sums_.data(), padded, range_block};
  Index done = 0;
  for (const LinearView& part : parts) {
    products.pack({part.weight, part.outputs, inputs, part.output_stride, part.input_stride}, done, packed_);
    std::memcpy(bias_.data() + done, part.bias, static_cast<size_t>(part.outputs) * sizeof(float));
    done += part.outputs;
  }
}

LayerNorm::LayerNorm(const LayerNormWeights& weights, Index size) : values_(2 * size) {
  const size_t bytes = static_cast<size_t>(size) * sizeof(float);
  std::memcpy(values_.data(), weights.weight, bytes);
  std::memcpy(values_.data() + size, weights.bias, bytes);
  weights_ = {values_.data(), values_.data() + size, weights.epsilon};
}

Layer::Layer(const LayerView& view, const Products& products)
    : query_key_value({view.query, view.key, view.value}, products, kAttentionRangeBlock),
      attention_output({view.attention_output}, products),
      attention_norm(view.attention_norm, view.attention_output.outputs),
      intermediate({view.intermediate}, products),
      output({view.output}, products),
      output_norm(view.output_norm, view.output.outputs) {}

}  // namespace embedpipe
