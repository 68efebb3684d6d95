#include "chunks.h"

#include <algorithm>
#include <numeric>

#include "processor.h"

namespace embedpipe {

namespace {

// Enough rows for each weight to be worth loading, and, for small inputs, few enough for every thread to get some. One
// sequence alone may be longer.
constexpr Index kFewestRows = 64;
constexpr Index kMostRows = 256;

}  // namespace

Index most_rows(Index hidden, Index others) {
  const Index columns = 2 * hidden + others;
  const Index rows = second_level_cache() / (columns * static_cast<Index>(sizeof(float)));
  return std::clamp(rows, 2 * kFewestRows, kMostRows);  // fewer would wait for the weights of wide layers
}

std::vector<Chunk> plan_chunks(const Sequences& sequences, Index most, int threads) {
  const Index rows = static_cast<Index>(sequences.offsets[sequences.count] - sequences.offsets[0]);
  const Index budget = std::clamp(rows / (2 * threads), kFewestRows, most);
  std::vector<Index> order(static_cast<size_t>(sequences.count));
  std::iota(order.begin(), order.end(), Index{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](Index a, Index b) { return sequences.length(a) > sequences.length(b); });
  std::vector<Chunk> chunks;
  for (const Index sequence : order) {
    const Index length = sequences.length(sequence);
    if (chunks.empty() || chunks.back().rows + length > budget) chunks.emplace_back();
    Chunk& chunk = chunks.back();
    chunk.sequences.push_back(sequence);
    chunk.starts.push_back(chunk.rows);
    chunk.rows += length;
  }
  return chunks;
}

}  // namespace embedpipe
