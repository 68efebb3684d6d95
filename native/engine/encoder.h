// A BERT or ALBERT encoder over sequences that lie end to end, without padding.
//
// Work is cut into chunks of whole sequences that one thread carries through all layers, so that activations stay in
// its caches and threads never wait for each other. Every output row is computed in one fixed order, whatever its
// company.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "chunks.h"
#include "first_projection.h"
#include "weights.h"

namespace embedpipe {

enum class Pooling { kCls, kMean, kPooler };

class Encoder {
 public:
  // Layers are computed with `products`, a table of the same panel as the kernels'; embeddings and pooler in float32.
  // packed: what `packed` of an encoder with the same weights and tables gave, `PackedWeights::size` floats on a cache
  // line that outlive this encoder; null to pack the weights, on so many threads.
  Encoder(const EncoderView& view, const Kernels& kernels, const Products& products, const float* packed = nullptr,
          int threads = 1);
  ~Encoder();

  // On how many threads, and what the caller's thread calls between chunks: it may throw to stop the work.
  struct Execution {
    int threads = 1;
    std::function<void()> poll = [] {};
  };

  // out (pieces, hidden): the last hidden states.
  void hidden_states(const Sequences& sequences, const Execution& execution, float* out);

  // out (sequences, hidden): one pooled vector each.
  void encode_pieces(const Sequences& sequences, Pooling pooling, bool normalize, const Execution& execution,
                     float* out);

  Index hidden() const { return hidden_; }

  const float* packed() const { return memory_.data(); }
  Index packed_size() const { return memory_.taken(); }
  bool weights_are_finite() const { return weights_.finite; }  // as far as they were read to be packed

 private:
  struct Workspace;
  struct Share;

  template <class Finish>
  void run(const Sequences& sequences, const Execution& execution, const Finish& finish);
  void encode_as_team(const Sequences& sequences, const Chunk& chunk, int threads, Workspace& work);
  void encode(const Sequences& sequences, const Chunk& chunk, const Share& share, Workspace& work);
  void embed_pieces(const Sequences& sequences, const Chunk& chunk, const Share& share, Workspace& work) const;
  void find_first_projection(const Share& share, Workspace& work);
  Operand prepare(Activations& x, const Share& share, Index columns, const PackedLinear& w,
                  PreparedActivations& space) const;
  Operand add_and_norm(const LayerNorm& norm, const Linear* reader, const Share& share, Workspace& work) const;
  Operand apply(const Layer& layer, const Layer* next, const Operand& x, const Sequences& sequences, const Chunk& chunk,
                const Share& share, int& turn, Workspace& work) const;
  void attend(const Layer& layer, const Operand& x, const Sequences& sequences, const Chunk& chunk, const Share& share,
              int& turn, Workspace& work) const;
  void project(const PackedLinear& weights, const Operand& x, const Share& share, Index first, Activations& qkv) const;
  void take_first_projection(const Share& share, Index first, Activations& qkv, Workspace& work) const;
  void feed_forward(const Layer& layer, const Operand& x, const Share& share, Workspace& work) const;
  void pool(const Sequences& sequences, const Chunk& chunk, Pooling pooling, bool normalize, Workspace& work,
            float* out) const;
  std::unique_ptr<Workspace> take_workspace(Index rows, Index longest, int members);
  void keep_workspace(std::unique_ptr<Workspace> work);

  const Kernels& kernels_;
  const Products& products_;
  Index hidden_, intermediate_;
  AttentionShape head_group_;  // heads that are computed together, and the columns that they fill
  Index most_rows_;            // in a chunk of several sequences
  Activation activation_;
  EmbeddingTables tables_;
  std::vector<int> schedule_;
  PackedMemory memory_;
  PackedWeights weights_;
  std::optional<FirstProjection> first_projection_;  // where the first layer reads the embeddings as they are

  std::mutex idle_mutex_;
  std::vector<std::unique_ptr<Workspace>> idle_;  // kept between calls: no allocation once warm
};

}  // namespace embedpipe
