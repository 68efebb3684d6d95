// An encoder's weights: as they come (views of somebody's arrays) and as the kernels want them (packed, in one block).
#pragma once

#include <functional>
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
  Index type_count = 1;
};

struct EncoderView {
  Index hidden;
  Index heads;
  Activation activation;
  EmbeddingTables tables;
  LayerNormWeights embedding_norm;
  std::optional<LinearView> embedding_projection;  // ALBERT's, from the embedding size to the hidden size
  std::vector<LayerView> layers;                   // distinct ones
  std::vector<int> schedule;                       // which of them each pass uses
  std::optional<LinearView> pooler;

  // Whether a layer is the one that reads the embeddings, as they are, and nothing else: see first_projection.h.
  bool reads_embeddings(int layer) const;

  // The LayerNorm that a layer's input comes from, in its last pass; null for what ALBERT projects.
  const LayerNormWeights* norm_before(int layer) const;
};

// To be counted up whenever the same weights would be packed otherwise than before: blocks are kept in files.
constexpr int kPackingFormat = 4;

// One block of memory for all packed weights. What is packed takes its pieces one after the other, by the same code
// whether the block is only measured, filled, or was filled before, perhaps by another process: so the layout agrees.
// Filling is put off until all pieces are taken, and then shared by threads.
class PackedMemory {
 public:
  PackedMemory() = default;                                                                     // measures
  explicit PackedMemory(Index floats) : own_(Buffer::unfilled(floats)), block_(own_.data()) {}  // to be filled
  explicit PackedMemory(const float* filled) : block_(const_cast<float*>(filled)) {}

  // The next piece, on a cache line of its own; null while measuring, not to be written unless `fills`.
  float* take(Index floats);
  bool fills() const { return own_.size() > 0; }
  Index taken() const { return taken_; }
  const float* data() const { return block_; }

  // What fills pieces that were taken, all of them and what lies behind each up to the next cache line; it returns
  // whether what it read was finite. Nothing is kept unless the memory `fills`.
  void fill_later(std::function<bool()> work);
  // Does all that was put off; returns whether everything was finite.
  bool fill(int threads);

 private:
  Buffer own_;
  float* block_ = nullptr;
  Index taken_ = 0;
  std::vector<std::function<bool()>> work_;
};

// One or more linear maps of the same input, packed side by side. Products that quantize have the input balanced if it
// is a LayerNorm's.
class Linear {
 public:
  Linear(const std::vector<LinearView>& parts, const Products& products, PackedMemory& memory,
         Index range_block = kRangeBlock, const LayerNormWeights* inputs_norm = nullptr);
  const PackedLinear& packed() const { return packed_; }

 private:
  PackedLinear packed_;
};

class LayerNorm {
 public:
  LayerNorm(const LayerNormWeights& weights, Index size, PackedMemory& memory);
  const LayerNormWeights& weights() const { return weights_; }

 private:
  LayerNormWeights weights_;
};

struct Layer {
  // before: the LayerNorm that a layer's input comes from; null if none
  Layer(const LayerView& view, const LayerNormWeights* before, const Products& query_key_value_products,
        const Products& products, PackedMemory& memory);

  Linear query_key_value, attention_output;
  LayerNorm attention_norm;
  Linear intermediate, output;
  LayerNorm output_norm;
};

// Layers for `products`; for float32 the embedding projection, the pooler, and of the layer that reads the embeddings
// the queries, keys and values, which are computed but once for each piece. Of a view that is not packed from, the
// weights' values are not read; else each is read once, those of the embedding tables too, to see if it is finite.
struct PackedWeights {
  PackedWeights(const EncoderView& view, const Products& float32, const Products& products, PackedMemory& memory,
                int threads = 1);

  // Floats that the block of an encoder takes.
  static Index size(const EncoderView& view, const Products& float32, const Products& products);

  LayerNorm embedding_norm;
  std::optional<Linear> embedding_projection, pooler;
  std::vector<Layer> layers;
  bool finite = true;  // all that was read
};

}  // namespace embedpipe
