// Where an encoder's threads work: encoder.cc's alone.
#pragma once

#include <algorithm>
#include <vector>

#include "activations.h"
#include "encoder.h"
#include "parallel.h"

namespace embedpipe {

// Columns of the feed-forward network's middle that are computed and consumed together, so that they stay near the
// core.
constexpr Index kIntermediateBlock = kRangeBlock;

// What a chunk's activations are kept in. A team's members work on different rows of the same matrices; each has its
// own scratch.
struct Encoder::Workspace {
  struct Scratch {
    Buffer attention;
    std::vector<int32_t> pieces, positions;
    FirstProjection::Scratch first_projection;
  };

  Workspace(const Encoder& e, Index row_count, Index longest_sequence, int members)
      : rows(row_count),
        longest(longest_sequence),
        embedded(e.weights_.embedding_projection ? row_count : 0, e.tables_.size, e.kernels_.float32.panel),
        x(matrix(e, e.hidden_)),
        context(matrix(e, e.hidden_ + e.products_.panel)),
        y(matrix(e, e.hidden_)),
        intermediate(matrix(e, std::min(e.intermediate_, kIntermediateBlock))),
        prepared(row_count, e.hidden_, e.products_),
        prepared_intermediate(row_count, kIntermediateBlock, e.products_),
        scales(static_cast<size_t>(row_count)),
        words(static_cast<size_t>(row_count)),
        positions(static_cast<size_t>(row_count)) {
    query_key_value.push_back(matrix(e, 3 * e.head_group_.hidden));
    if (members > 1) query_key_value.push_back(matrix(e, 3 * e.head_group_.hidden));
    scratch.resize(static_cast<size_t>(members));
    for (Scratch& one : scratch) one.attention = Buffer(e.products_.attention_scratch(longest, e.head_group_));
  }

  Activations matrix(const Encoder& e, Index columns) const { return {rows, columns, e.kernels_.float32.panel}; }

  Index rows, longest;
  Activations embedded, x, context, y, intermediate;
  PreparedActivations prepared, prepared_intermediate;
  std::vector<Activations> query_key_value;
  std::vector<float> scales;                   // of each row's first LayerNorm
  std::vector<const float*> words, positions;  // what they add to each row's first queries, keys and values
  std::vector<Scratch> scratch;
};

// The rows of a chunk that one thread works on, and whom it waits for; alone, it has all of them.
struct Encoder::Share {
  Index first, last;
  int member = 0;
  Barrier* barrier = nullptr;

  Index count() const { return last - first; }
  void wait() const {
    if (barrier) barrier->wait();
  }
};

}  // namespace embedpipe
