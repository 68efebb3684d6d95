#include "chunks.h"

#include <algorithm>
#include <functional>
#include <numeric>
#include <queue>
#include <utility>

#include "processor.h"

namespace embedpipe {

namespace {

// Rows of a full chunk: with fewer, threads would wait for the weights of wide layers; more would not stay near a core.
constexpr Index kFewestFull = 128, kMostFull = 256;

// With so many rows for each, threads get two chunks instead of one: if one is held up, another takes its second.
constexpr Index kRowsForTwo = 128;

// How many chunks of sequences that are shorter than `most`: as many for one thread as for another. A chunk is full
// when the next sequence finds no room, so half of one is left over.
Index count_chunks(Index rows, Index sequences, Index most, Index threads) {
  if (rows < threads * kRowsForThread) return std::max<Index>(rows / kRowsForThread, 1);
  const Index all = threads * (most - rows / sequences / 2);
  const Index each = rows < threads * kRowsForTwo ? 1 : std::max<Index>((rows + all - 1) / all, 2);
  return each * threads;
}

void add(Chunk& chunk, Index sequence, Index length) {
  chunk.sequences.push_back(sequence);
  chunk.starts.push_back(chunk.rows);
  chunk.rows += length;
}

}  // namespace

Index most_rows(Index hidden, Index others) {
  const Index columns = 2 * hidden + others;
  const Index rows = second_level_cache() / (columns * static_cast<Index>(sizeof(float)));
  return std::clamp(rows, kFewestFull, kMostFull);
}

Plan plan_chunks(const Sequences& sequences, Index most, int threads) {
  std::vector<Index> order(static_cast<size_t>(sequences.count));
  std::iota(order.begin(), order.end(), Index{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](Index a, Index b) { return sequences.length(a) > sequences.length(b); });
  Plan plan;
  Index left = static_cast<Index>(sequences.offsets[sequences.count] - sequences.offsets[0]);
  auto next = order.begin();
  const auto take_alone = [&](const auto& condition) {
    for (; next != order.end() && condition(sequences.length(*next)); ++next) {
      add(plan.chunks.emplace_back(), *next, sequences.length(*next));
      left -= plan.chunks.back().rows;
    }
  };
  // While a team is done with all that is left before one thread is with this sequence.
  take_alone([&](Index length) { return length * members_for(length, threads) > left; });
  plan.shared = plan.chunks.size();
  take_alone([&](Index length) { return length >= most; });
  if (next == order.end()) return plan;

  const Index sequences_left = order.end() - next;
  const Index count = std::min(count_chunks(left, sequences_left, most, threads), sequences_left);
  using Filled = std::pair<Index, size_t>;  // rows, and of which chunk
  std::priority_queue<Filled, std::vector<Filled>, std::greater<>> by_rows;
  for (Index i = 0; i < count; ++i) by_rows.push({0, plan.chunks.size() + static_cast<size_t>(i)});
  plan.chunks.resize(plan.chunks.size() + static_cast<size_t>(count));
  for (; next != order.end(); ++next) {
    const Index length = sequences.length(*next);
    size_t least = by_rows.top().second;
    if (plan.chunks[least].rows + length > most) {
      least = plan.chunks.size();
      plan.chunks.emplace_back();
    } else {
      by_rows.pop();
    }
    add(plan.chunks[least], *next, length);
    by_rows.push({plan.chunks[least].rows, least});
  }
  return plan;
}

}  // namespace embedpipe
