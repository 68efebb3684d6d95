// How sequences are dealt into chunks, for one to 64 threads.

#include "engine/chunks.h"

#include <algorithm>

#include "check.h"

namespace embedpipe::testing {

namespace {

constexpr Index kMost = 256;

struct Lengths {
  explicit Lengths(const std::vector<Index>& lengths) : offsets{0} {
    for (const Index length : lengths) offsets.push_back(offsets.back() + length);
  }
  Sequences view() const { return {nullptr, offsets.data(), static_cast<Index>(offsets.size()) - 1}; }
  std::vector<int64_t> offsets;
};

std::vector<Index> drawn(size_t count, Index longest, unsigned seed) {
  std::vector<Index> lengths;
  for (const float x : random_floats(count, 1.f, seed)) {
    lengths.push_back(1 + static_cast<Index>((x + 1) / 2 * static_cast<float>(longest - 1)));
  }
  return lengths;
}

std::vector<Index> rows_of(const Plan& plan) {
  std::vector<Index> rows;
  for (const Chunk& chunk : plan.chunks) rows.push_back(chunk.rows);
  return rows;
}

}  // namespace

TEST(every_sequence_is_in_one_chunk_behind_the_one_before) {
  for (const int threads : {1, 2, 3, 64}) {
    for (const size_t count : {1, 2, 7, 40, 3000}) {
      for (const Index longest : {3, 60, 512}) {
        const std::vector<Index> lengths = drawn(count, longest, 5);
        const Lengths sequences(lengths);
        const Plan plan = plan_chunks(sequences.view(), kMost, threads);
        std::vector<int> seen(count, 0);
        for (const Chunk& chunk : plan.chunks) {
          Index rows = 0;
          for (size_t i = 0; i < chunk.sequences.size(); ++i) {
            check(chunk.starts[i] == rows, "a sequence starts where the one before ends");
            rows += lengths[static_cast<size_t>(chunk.sequences[i])];
            ++seen[static_cast<size_t>(chunk.sequences[i])];
          }
          check(chunk.rows == rows && rows > 0, "a chunk has the rows of its sequences");
          check(rows <= kMost || chunk.sequences.size() == 1, "of several sequences it has the most that it may");
        }
        check(seen == std::vector<int>(count, 1), "each sequence once");
        const Chunk& first = plan.chunks.front();
        check(
            lengths[static_cast<size_t>(first.sequences.front())] == *std::max_element(lengths.begin(), lengths.end()),
            "the longest is the first");
      }
    }
  }
}

TEST(threads_get_as_many_rows_each) {
  const auto plan = [](size_t count, Index length, int threads) {
    return rows_of(plan_chunks(Lengths(std::vector<Index>(count, length)).view(), kMost, threads));
  };
  using Rows = std::vector<Index>;
  check(plan(2, 25, 2) == Rows{50}, "fewer rows than are worth a thread stay together");
  check(plan(6, 25, 2) == Rows{75, 75}, "few rows: one chunk for each");
  check(plan(32, 25, 2) == Rows(4, 200), "more rows: two for each");
  check(plan(44, 25, 2) == Rows({200, 200, 175, 175, 175, 175}), "no more rows than a chunk may have");
  check(plan(4, 25, 64) == Rows({50, 25, 25}), "as many threads as have work");
  std::vector<Index> mixed(100, 512);
  mixed.insert(mixed.end(), 100, 8);
  const std::vector<Index> rows = rows_of(plan_chunks(Lengths(mixed).view(), kMost, 2));
  check(rows.size() == 104 && rows.back() == 200, "long texts do not split short ones into small chunks");
}

TEST(what_would_keep_one_thread_busy_when_the_others_are_done_is_shared) {
  const auto shared = [](const std::vector<Index>& lengths, int threads) {
    return plan_chunks(Lengths(lengths).view(), kMost, threads).shared;
  };
  check(shared({512}, 1) == 0, "one thread shares with nobody");
  check(shared({512}, 2) == 1 && shared({63}, 2) == 0, "one text alone, if it is long");
  check(shared({30, 512, 30}, 2) == 1, "a long text among short ones");
  check(shared({512, 10, 10, 10}, 2) == 1 && shared({512, 256, 10}, 4) == 2, "what is left is compared");
  check(shared({512, 512}, 2) == 0, "a text for each");
  check(shared({512, 512}, 3) == 2 && shared(std::vector<Index>(6, 512), 8) == 6, "fewer texts than threads");
  check(shared({512, 512, 500}, 64) == 3, "some texts for many threads");
  check(shared(std::vector<Index>(40, 512), 64) == 0, "enough texts for more threads than a team can have");
  check(shared(std::vector<Index>(3000, 512), 64) == 0, "many texts");
}

}  // namespace embedpipe::testing
