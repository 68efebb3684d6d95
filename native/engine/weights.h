// An encoder's weights: as they come (views of somebody's arrays) and as the kernels want them (packed, owned).
#pragma once

#include <optional>
#include <vector>

#include "../kernels/kernels.h"
#include "buffer.h"

namespace embedpipe {

// weight (outputs, inputs) in any order and at any address, strides in elements; bias (outputs)
struct LinearView {
  const float* weight;
  const float* bias;
  Index outputs;
  Index inputs;
  Index output_stride;
  Index input_stride;
};

struct LayerView {
  LinearView query, key, value, attention_output, intermediate, output;
  LayerNormWeights attention_norm, output_norm;
};

// The tables are not copied: they must outlive the encoder.
struct EmbeddingTables {
  const float* words;      // (vocabulary, size)
  const float* positions;  // (positions, size)
  const float* types;      // (types, size); row 0 is the one in use
  Index vocabulary;
  Index position_count;
  Index size;
};

// One or more linear maps of the same input, packed side by side.
class Linear {
 public:
  Linear(const std::vector<LinearView>& parts, const Products& products, Index range_block = kRangeBlock);
  const PackedLinear& packed() const { return packed_; }

 private:
  Buffer panels_, bias_, scales_, sums_;
  PackedLinear packed_;
};

class LayerNorm {
 public:
  LayerNorm(const LayerNormWeights& weights, Index size);
  const LayerNormWeights& weights() const { return weights_; }

 private:
  Buffer values_;
  LayerNormWeights weights_;
};

struct Layer {
  Layer(const LayerView& view, const Products& products);

  Linear query_key_value, attention_output;
  LayerNorm attention_norm;
  Linear intermediate, output;
  LayerNorm output_norm;
};

}  // namespace embedpipe
