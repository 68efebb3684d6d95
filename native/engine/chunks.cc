#include "chunks.h"

#include <algorithm>
#include <functional>
#include <numeric>
#include <queue>
#include <utility>

#include "processor.h"

namespace embedpipe {

namespace {

// Enough rows for each weight to be worth loading, and few enough for those of a chunk to stay near its core.
constexpr Index kLeastRows = 128;
constexpr Index kMostRows = 256;

// How many chunks, all about as large: as many for one thread as for another, and if there is work for it two for each,
// so that a thread that is held up leaves one to the others. A chunk is full when the next sequence finds no room, so
// half of one is left over.
Index count_chunks(const Sequences& sequences, Index rows, Index most, Index threads) {
  if (rows < threads * kFewestRows) return std::clamp<Index>(rows / kFewestRows, 1, sequences.count);
  const Index all = threads * (most - std::min(rows / sequences.count, most) / 2);
  const Index each = rows < threads * kLeastRows ? 1 : std::max<Index>((rows + all - 1) / all, 2);
  return std::min(each * threads, sequences.count);
}

}  // namespace

Index most_rows(Index hidden, Index others) {
  const Index columns = 2 * hidden + others;
  const Index rows = second_level_cache() / (columns * static_cast<Index>(sizeof(float)));
  return std::clamp(rows, kLeastRows, kMostRows);  // fewer would wait for the weights of wide layers
}

Plan plan_chunks(const Sequences& sequences, Index most, int threads) {
  const Index rows = static_cast<Index>(sequences.offsets[sequences.count] - sequences.offsets[0]);
  Plan plan;
  if (rows == 0) return plan;
  std::vector<Index> order(static_cast<size_t>(sequences.count));
  std::iota(order.begin(), order.end(), Index{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](Index a, Index b) { return sequences.length(a) > sequences.length(b); });
  const Index count = count_chunks(sequences, rows, most, threads);
  plan.chunks.resize(static_cast<size_t>(count));
  using Filled = std::pair<Index, Index>;  // rows, and of which chunk
  std::priority_queue<Filled, std::vector<Filled>, std::greater<>> by_rows;
  for (Index i = 0; i < count; ++i) by_rows.push({0, i});
  for (const Index sequence : order) {
    const Index length = sequences.length(sequence);
    auto [filled, least] = by_rows.top();
    if (filled > 0 && filled + length > most) {
      least = static_cast<Index>(plan.chunks.size());
      plan.chunks.emplace_back();
    } else {
      by_rows.pop();
    }
    Chunk& chunk = plan.chunks[static_cast<size_t>(least)];
    chunk.sequences.push_back(sequence);
    chunk.starts.push_back(chunk.rows);
    chunk.rows += length;
    by_rows.push({chunk.rows, least});
  }
  const auto outsized = [&](const Chunk& chunk) {
    return chunk.rows >= 2 * kFewestRows && 2 * chunk.rows * threads > 3 * rows;
  };
  while (plan.shared < plan.chunks.size() && outsized(plan.chunks[plan.shared])) ++plan.shared;
  return plan;
}

}  // namespace embedpipe
