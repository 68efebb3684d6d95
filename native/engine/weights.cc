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

void copy_rows(const LinearView& from, float* to) {
  for (Index o = 0; o < from.outputs; ++o) {
    for (Index i = 0; i < from.inputs; ++i) {
      *to++ = unaligned(from.weight + o * from.output_stride + i * from.input_stride);
    }
  }
}

}  // namespace

// A part's outputs must fill whole panels for the next part to start at one; parts that do not are joined first.
Linear::Linear(const std::vector<LinearView>& parts, const Kernels& kernels) {
  const Index inputs = parts[0].inputs;
  const Index outputs = total_outputs(parts);
  panels_ = Buffer(round_up(outputs, kernels.panel) * inputs);
  bias_ = Buffer(round_up(outputs, kernels.panel));
  Buffer joined;
  if (parts.size() > 1 && parts[0].outputs % kernels.panel != 0) joined = Buffer(outputs * inputs);
  Index done = 0;
  for (const LinearView& part : parts) {
    if (joined.size() > 0) {
      copy_rows(part, joined.data() + done * inputs);
    } else {
      kernels.pack(part.weight, part.output_stride, part.input_stride, part.outputs, inputs,
                   panels_.data() + done * inputs);
    }
    std::memcpy(bias_.data() + done, part.bias, static_cast<size_t>(part.outputs) * sizeof(float));
    done += part.outputs;
  }
  if (joined.size() > 0) kernels.pack(joined.data(), inputs, 1, outputs, inputs, panels_.data());
  packed_ = {panels_.data(), bias_.data(), outputs, inputs};
}

LayerNorm::LayerNorm(const LayerNormWeights& weights, Index size) : values_(2 * size) {
  const size_t bytes = static_cast<size_t>(size) * sizeof(float);
  std::memcpy(values_.data(), weights.weight, bytes);
  std::memcpy(values_.data() + size, weights.bias, bytes);
  weights_ = {values_.data(), values_.data() + size, weights.epsilon};
}

Layer::Layer(const LayerView& view, const Kernels& kernels)
    : query_key_value({view.query, view.key, view.value}, kernels),
      attention_output({view.attention_output}, kernels),
      attention_norm(view.attention_norm, view.attention_output.outputs),
      intermediate({view.intermediate}, kernels),
      output({view.output}, kernels),
      output_norm(view.output_norm, view.output.outputs) {}

}  // namespace embedpipe
