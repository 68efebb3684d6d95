#include "weights.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstdint>
#include <cstring>

#include "parallel.h"

namespace embedpipe {

namespace {

Index total_outputs(const std::vector<LinearView>& parts) {
  Index total = 0;
  for (const LinearView& part : parts) total += part.outputs;
  return total;
}

bool all_finite(const float* values, Index count) {
  constexpr uint32_t kExponent = 0x7F800000;
  uint32_t bad = 0;
  for (Index i = 0; i < count; ++i) {
    uint32_t bits;
    std::memcpy(&bits, values + i, sizeof bits);
    bad |= (bits & kExponent) == kExponent;
  }
  return bad == 0;
}

size_t bytes_of(Index floats) { return static_cast<size_t>(floats) * sizeof(float); }

WeightMatrix matrix_of(const LinearView& part, const float* factors) {
  return {part.weight, part.outputs, part.inputs, part.output_stride, part.input_stride, factors};
}

// What to multiply the inputs of quantized products by, so that a few large ones do not make the steps of all others
// coarse: (largest weight)^(1/4) / (reach of the input)^(3/4), whose reciprocal goes into the weights. This is
// SmoothQuant (Xiao et al., 2023) with what a LayerNorm's own weights say of an input instead of a sample's largest.
// Returns the reciprocals.
std::vector<float> balance(const std::vector<LinearView>& parts, const LayerNormWeights& norm, const Products& products,
                           float* scales) {
  constexpr double kSmallest = 1e-30;  // what is smaller counts as zero
  std::vector<float> largest(static_cast<size_t>(parts[0].inputs)), weight(largest), bias(largest), factors(largest);
  std::memcpy(weight.data(), norm.weight, weight.size() * sizeof(float));
  std::memcpy(bias.data(), norm.bias, bias.size() * sizeof(float));
  for (const LinearView& part : parts) products.largest_weights(matrix_of(part, nullptr), largest.data());
  for (size_t k = 0; k < largest.size(); ++k) {
    const double most = largest[k], reach = std::fabs(double{weight[k]}) + std::fabs(double{bias[k]});
    const bool matters = most > kSmallest && reach > kSmallest;
    scales[k] = matters ? static_cast<float>(std::sqrt(std::sqrt(most / reach) / reach)) : 0.f;
    factors[k] = scales[k] > 0.f ? 1.f / scales[k] : 0.f;
  }
  return factors;
}

}  // namespace

float* PackedMemory::take(Index floats) {
  constexpr Index kCacheLine = 64 / sizeof(float);
  float* piece = block_ ? block_ + taken_ : nullptr;
  taken_ += rounded_up(floats, kCacheLine);
  return piece;
}

void PackedMemory::fill_later(std::function<bool()> work) {
  if (fills()) work_.push_back(std::move(work));
}

bool PackedMemory::fill(int threads) {
  std::atomic<bool> finite{true};
  for_each_in_parallel(static_cast<Index>(work_.size()), threads, [&](const auto& next) {
    for (Index i = next(); i >= 0; i = next()) {
      if (!work_[static_cast<size_t>(i)]()) finite = false;
    }
  });
  work_.clear();
  return finite;
}

Linear::Linear(const std::vector<LinearView>& parts, const Products& products, PackedMemory& memory, Index range_block,
               const LayerNormWeights* inputs_norm) {
  const Index inputs = parts[0].inputs, outputs = total_outputs(parts);
  const Index padded = rounded_up(outputs, products.panel);
  float* const begin = memory.take(padded * units_of(products, inputs));
  float* const bias = memory.take(padded);
  const float* scales = memory.take(padded);
  const float* sums = memory.take(padded * (rounded_up(inputs, range_block) / range_block));
  const bool balanced = products.quantizes && inputs_norm != nullptr;
  float* const input_scales = balanced ? memory.take(inputs) : nullptr;
  packed_ = {begin, bias, outputs, inputs, scales, sums, padded, range_block, input_scales};
  const float* const end = memory.take(0);
  const std::optional<LayerNormWeights> norm = balanced ? std::optional(*inputs_norm) : std::nullopt;
  memory.fill_later([=, &products, packed = packed_] {
    std::memset(begin, 0, bytes_of(end - begin));
    const std::vector<float> factors = norm ? balance(parts, *norm, products, input_scales) : std::vector<float>();
    bool finite = true;
    Index done = 0;
    for (const LinearView& part : parts) {
      finite &= products.pack(matrix_of(part, norm ? factors.data() : nullptr), done, packed);
      finite &= all_finite(part.bias, part.outputs);
      std::memcpy(bias + done, part.bias, bytes_of(part.outputs));
      done += part.outputs;
    }
    return finite;
  });
}

LayerNorm::LayerNorm(const LayerNormWeights& weights, Index size, PackedMemory& memory) {
  float* const weight = memory.take(size);
  float* const bias = memory.take(size);
  weights_ = {weight, bias, weights.epsilon};
  const float* const end = memory.take(0);
  memory.fill_later([=] {
    std::memset(weight, 0, bytes_of(end - weight));
    std::memcpy(weight, weights.weight, bytes_of(size));
    std::memcpy(bias, weights.bias, bytes_of(size));
    return all_finite(weight, size) && all_finite(bias, size);
  });
}

// Whether the tables are finite, which are not packed but used as they are.
static void check_later(const EmbeddingTables& tables, PackedMemory& memory) {
  constexpr Index kRows = 2048;  // for every thread to get some
  const auto check = [&](const float* table, Index rows) {
    for (Index row = 0; row < rows; row += kRows) {
      const Index count = std::min(kRows, rows - row) * tables.size;
      memory.fill_later([=, size = tables.size] { return all_finite(table + row * size, count); });
    }
  };
  check(tables.words, tables.vocabulary);
  check(tables.positions, tables.position_count);
  check(tables.types, tables.type_count);
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
                             PackedMemory& memory, int threads)
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
  check_later(view.tables, memory);
  finite = memory.fill(threads);
}

Index PackedWeights::size(const EncoderView& view, const Products& float32, const Products& products) {
  PackedMemory measured;
  PackedWeights(view, float32, products, measured);
  return measured.taken();
}

}  // namespace embedpipe
