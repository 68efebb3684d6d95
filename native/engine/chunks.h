// How sequences are dealt into chunks: whole sequences that one thread carries through all layers.
#pragma once

#include <algorithm>
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
constexpr Index kRowsForThread = 32;

// How many threads a team for so many rows should have.
static inline Index members_for(Index rows, Index threads) {
  return std::clamp<Index>(rows / kRowsForThread, 1, threads);
}

// A team should work on each of the first `shared` chunks, one after the other, and one thread on each that follows.
struct Plan {
  std::vector<Chunk> chunks;
  size_t shared = 0;
};

// The most rows that a chunk of several sequences should have: as many as the second-level cache holds of what is in
// use together, two matrices of `hidden` columns and `others` columns of others.
Index most_rows(Index hidden, Index others);

// The longest sequences first. Those that would keep one thread busy when the others are done are shared; of the
// others, those of `most` rows or more are alone, and each further one goes where there are fewest rows yet.
Plan plan_chunks(const Sequences& sequences, Index most, int threads);

}  // namespace embedpipe
