// The first layer's queries, keys and values, from what each word piece and each position adds to them.
//
// The first layer reads LayerNorm(word + position + type), which but for its scale is linear: with c(e) being the row e
// less its mean, times LayerNorm's weight,
//   LayerNorm(e) W^T + b = scale(e) (c(word) W^T + c(position + type) W^T) + (LayerNorm's bias W^T + b).
// So a piece is multiplied with W when it is met for the first time rather than each time it occurs: of a model with
// two layers, that saves an eighth of all products. (Graef, "Transformer tricks: Precomputing the first layer", 2024,
// does so for models that have no positions there.)
//
// What a piece adds depends on the piece alone, so the bits are the same whether it was kept or not.
#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>
#include <vector>

#include "activations.h"
#include "weights.h"

namespace embedpipe {

class FirstProjection {
 public:
  // Real text repeats itself: with 512 columns there is room for 5,000 pieces, which nineteen of twenty are among.
  static constexpr Index kMostBytes = Index{32} << 20;

  // One thread's: pieces or positions that are missing, their centered rows, and their products if they are not kept.
  struct Scratch {
    std::vector<int32_t> missing;
    Activations centered{0, 0, 0};
    Buffer words, positions;
  };

  // All must outlive this. query_key_value: of the first layer, in float32; most_bytes: to keep words in.
  FirstProjection(const EmbeddingTables& tables, const LayerNormWeights& norm, const PackedLinear& query_key_value,
                  const Kernels& kernels, Index most_bytes = kMostBytes);

  // rows[i]: what the piece pieces[i] adds, (3 hidden); valid until the scratch is used to find other pieces.
  void find_words(const std::vector<int32_t>& pieces, Scratch& scratch, const float** rows) {
    find(words_, pieces, scratch, scratch.words, rows);
  }
  // The same for positions.
  void find_positions(const std::vector<int32_t>& positions, Scratch& scratch, const float** rows) {
    find(positions_, positions, scratch, scratch.positions, rows);
  }

  // What is the same for all, (3 hidden).
  const float* constant() const { return constant_.data(); }

 private:
  // Products of the rows of an embedding table, kept as they are met while there is room.
  struct Kept {
    Kept(const float* rows, const float* addend, Index count, Index most)
        : table(rows), added(addend), products(static_cast<size_t>(count)), room(most) {}

    const float* table;                               // (count, size)
    const float* added;                               // (size), to each of its rows; or null
    std::vector<std::atomic<const float*>> products;  // of each row: null, kUnderWay, or where it lies
    Index room;                                       // for so many more
    std::vector<Buffer> memory;
  };

  void find(Kept& kept, const std::vector<int32_t>& items, Scratch& scratch, Buffer& others, const float** rows);
  float* claim(Kept& kept, std::vector<int32_t>& missing, Index& count);
  void multiply(const Kept& kept, const int32_t* items, Index count, Activations& centered, float* products) const;

  const Kernels& kernels_;
  Index size_, stride_;
  LayerNormWeights norm_;
  PackedLinear weights_;
  Buffer zeros_, constant_;
  std::mutex mutex_;
  Kept words_, positions_;
};

}  // namespace embedpipe
