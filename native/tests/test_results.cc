// Memory of results: used again when it fits, never by two at once, and kept up to a limit only.

#include <cstdint>
#include <memory>

#include "check.h"
#include "engine/results.h"

namespace embedpipe::testing {

namespace {

constexpr std::ptrdiff_t kLarge = std::ptrdiff_t{1} << 20;  // 4 MB

}  // namespace

TEST(results_use_memory_again_that_fits) {
  auto first = std::make_unique<ResultMemory>(kLarge);
  const float* place = first->data();
  first.reset();
  ResultMemory again(kLarge - 100);
  check(again.data() == place, "a block that was given back is taken for a little less");
  ResultMemory other(kLarge);
  check(other.data() != place, "a block in use is not handed out");
}

TEST(results_do_not_occupy_much_more_than_they_need) {
  auto first = std::make_unique<ResultMemory>(3 * kLarge);
  const float* place = first->data();
  first.reset();
  ResultMemory small(kLarge);
  check(small.data() != place, "a block three times as large stays idle");
}

TEST(results_keep_no_more_than_the_limit) {
  constexpr int kCount = 80;  // of 4 MB: more than the 256 MB that are kept
  std::vector<std::unique_ptr<ResultMemory>> all;
  for (int i = 0; i < kCount; ++i) {
    all.push_back(std::make_unique<ResultMemory>(kLarge));
    all.back()->data()[0] = 1.f;
    check(reinterpret_cast<std::uintptr_t>(all.back()->data()) % 64 == 0, "results begin at a cache line");
  }
  all.clear();
  check(kept_result_floats() <= std::ptrdiff_t{1} << 26, "at most 256 MB are kept");
  check(kept_result_floats() >= 60 * kLarge, "most of it is used");
}

}  // namespace embedpipe::testing
