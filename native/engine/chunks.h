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

// Rows that are worth a thread of their own.
constexpr Index kFewestRows = 32;

// The first `shared` chunks are so much more than a thread's part of all rows that a team should work on each; every
// other one is for one thread.
struct Plan {
  std::vector<Chunk> chunks;
  size_t shared = 0;
};

// The most rows that a chunk of several sequences should have: as many as the second-level cache holds of what is in
// use together, two matrices of `hidden` columns and `others` columns of others.
Index most_rows(Index hidden, Index others);

// Of `most` rows at most, unless one sequence is longer: the longest sequence is the first, and each goes where there
// are fewest rows yet.
Plan plan_chunks(const Sequences& sequences, Index most, int threads);

}  // namespace embedpipe
