// How sequences are dealt into chunks: whole sequences that one thread carries through all layers.
#pragma once

#include <cstdint>
#include <vector>

#include "../kernels/kernels.h"

namespace embedpipe {

// Sequence i is ids[offsets[i] .. offsets[i + 1]); the caller has checked ids, lengths and offsets.
struct Sequences {
  const int32_t* ids;
  const int64_t* offsets;
  Index count;

  Index length(Index i) const { return static_cast<Index>(offsets[i + 1] - offsets[i]); }
};

// Which sequences, and where each one's rows start in the chunk.
struct Chunk {
  std::vector<Index> sequences;
  std::vector<Index> starts;
  Index rows = 0;
};

// The most rows that a chunk of several sequences should have: as many as the second-level cache holds of what is in
// use together, two matrices of `hidden` columns and `others` columns of others.
Index most_rows(Index hidden, Index others);

// Of `most` rows at most, unless one sequence is longer. Longest sequences first, so that the last chunks to be taken
// are small and threads end together.
std::vector<Chunk> plan_chunks(const Sequences& sequences, Index most, int threads);

}  // namespace embedpipe
