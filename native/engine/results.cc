#include "results.h"

#include <cstdlib>
#include <mutex>
#include <vector>

#include "buffer.h"

namespace embedpipe {

namespace {

constexpr std::ptrdiff_t kLeastKept = std::ptrdiff_t{1} << 18;  // floats: malloc itself keeps what is smaller than 1 MB
constexpr std::ptrdiff_t kMostKept = std::ptrdiff_t{1} << 26;   // floats in all: 256 MB

struct Block {
  float* data;
  std::ptrdiff_t floats;
};

struct Idle {
  std::mutex mutex;
  std::vector<Block> blocks;  // the one given back last at the end
  std::ptrdiff_t floats = 0;

  Block take_out(std::size_t i) {
    const Block block = blocks[i];
    blocks.erase(blocks.begin() + static_cast<std::ptrdiff_t>(i));
    floats -= block.floats;
    return block;
  }
};

// Never destroyed: results may outlive everything else when the interpreter ends.
Idle& idle() {
  static Idle& instance = *new Idle;
  return instance;
}

// The mutex is only tried: after a fork it may stay locked by a thread that the child does not have.
Block take(std::ptrdiff_t floats) {
  Idle& kept = idle();
  const std::unique_lock<std::mutex> lock(kept.mutex, std::try_to_lock);
  if (lock.owns_lock()) {
    std::size_t best = kept.blocks.size();
    for (std::size_t i = 0; i < kept.blocks.size(); ++i) {
      const std::ptrdiff_t there = kept.blocks[i].floats;
      const bool fits = there >= floats && there <= 2 * floats;
      if (fits && (best == kept.blocks.size() || there < kept.blocks[best].floats)) best = i;
    }
    if (best < kept.blocks.size()) return kept.take_out(best);
  }
  return {allocate_floats(floats), floats};
}

void give_back(const Block& block) {
  Idle& kept = idle();
  const std::unique_lock<std::mutex> lock(kept.mutex, std::try_to_lock);
  if (!lock.owns_lock() || block.floats < kLeastKept || block.floats > kMostKept) {
    std::free(block.data);
    return;
  }
  while (kept.floats + block.floats > kMostKept) std::free(kept.take_out(0).data);
  kept.blocks.push_back(block);
  kept.floats += block.floats;
}

}  // namespace

ResultMemory::ResultMemory(std::ptrdiff_t floats) {
  const Block block = floats < kLeastKept ? Block{allocate_floats(floats), floats} : take(floats);
  data_ = block.data;
  floats_ = block.floats;
}

ResultMemory::~ResultMemory() { give_back({data_, floats_}); }

std::ptrdiff_t kept_result_floats() {
  const std::lock_guard<std::mutex> lock(idle().mutex);
  return idle().floats;
}

}  // namespace embedpipe
