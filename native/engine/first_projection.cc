#include "first_projection.h"

#include <algorithm>

namespace embedpipe {

namespace {

constexpr float kUnderWay[1] = {};  // where products point to that another thread computes

}  // namespace

FirstProjection::FirstProjection(const EmbeddingTables& tables, const LayerNormWeights& norm,
                                 const PackedLinear& query_key_value, const Kernels& kernels, Index most_bytes)
    : kernels_(kernels),
      size_(tables.size),
      stride_(rounded_up(query_key_value.outputs, kernels.float32.panel)),
      norm_(norm),
      weights_(query_key_value),
      zeros_(stride_),
      constant_(stride_),
      words_(tables.words, nullptr, tables.vocabulary, most_bytes / (stride_ * static_cast<Index>(sizeof(float)))),
      positions_(tables.positions, tables.types, tables.position_count, tables.position_count) {
  kernels_.float32.linear({norm.bias, size_}, 1, weights_, 0, size_, constant_.data(), stride_);
  weights_.bias = zeros_.data();
}

void FirstProjection::find(Kept& kept, const std::vector<int32_t>& items, Scratch& scratch, Buffer& others,
                           const float** rows) {
  const auto look_up = [&](int32_t item) {
    const float* found = kept.products[static_cast<size_t>(item)].load(std::memory_order_acquire);
    return found == kUnderWay ? nullptr : found;
  };
  std::vector<int32_t>& missing = scratch.missing;
  missing.clear();
  for (size_t i = 0; i < items.size(); ++i) {
    rows[i] = look_up(items[i]);
    if (rows[i] == nullptr) missing.push_back(items[i]);
  }
  if (missing.empty()) return;
  std::sort(missing.begin(), missing.end());
  missing.erase(std::unique(missing.begin(), missing.end()), missing.end());

  Index claimed;
  float* const mine = claim(kept, missing, claimed);
  multiply(kept, missing.data(), claimed, scratch.centered, mine);
  for (Index i = 0; i < claimed; ++i) {
    const size_t item = static_cast<size_t>(missing[static_cast<size_t>(i)]);
    kept.products[item].store(mine + i * stride_, std::memory_order_release);
  }
  const auto first_other = missing.begin() + claimed;
  const Index other_count = static_cast<Index>(missing.end() - first_other);
  if (others.size() < other_count * stride_) others = Buffer(other_count * stride_);
  multiply(kept, missing.data() + claimed, other_count, scratch.centered, others.data());
  for (size_t i = 0; i < items.size(); ++i) {
    if (rows[i] == nullptr) rows[i] = look_up(items[i]);
    if (rows[i] == nullptr) {
      rows[i] = others.data() + (std::lower_bound(first_other, missing.end(), items[i]) - first_other) * stride_;
    }
  }
}

// Those of `missing` that nobody computes yet and that there is room for come first, `count` of them, to be computed
// into the memory returned; the others stay sorted behind them. The mutex is only tried: nobody must wait, and after a
// fork it may stay locked by a thread that the child does not have.
float* FirstProjection::claim(Kept& kept, std::vector<int32_t>& missing, Index& count) {
  count = 0;
  const std::unique_lock<std::mutex> lock(mutex_, std::try_to_lock);
  if (!lock) return nullptr;
  Index left = kept.room;
  const auto end = std::stable_partition(missing.begin(), missing.end(), [&](int32_t item) {
    const bool absent = kept.products[static_cast<size_t>(item)].load(std::memory_order_relaxed) == nullptr;
    return absent && left-- > 0;
  });
  count = static_cast<Index>(end - missing.begin());
  if (count == 0) return nullptr;
  kept.memory.emplace_back(count * stride_);
  for (auto item = missing.begin(); item < end; ++item) {
    kept.products[static_cast<size_t>(*item)].store(kUnderWay, std::memory_order_relaxed);
  }
  kept.room -= count;
  return kept.memory.back().data();
}

void FirstProjection::multiply(const Kept& kept, const int32_t* items, Index count, Activations& centered,
                               float* products) const {
  if (count == 0) return;
  const Index panel = kernels_.float32.panel;
  if (centered.values.size() < count * centered.stride) centered = Activations(count, size_, panel);
  for (Index i = 0; i < count; ++i) {
    kernels_.center(kept.table + items[i] * size_, kept.added, size_, norm_.weight, centered.row(i));
  }
  kernels_.float32.linear({centered.row(0), centered.stride}, count, weights_, 0, size_, products, stride_);
}

}  // namespace embedpipe
