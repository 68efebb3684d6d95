// The exact products: one float32 in a unit.
#pragma once

#include "kernels.h"
#include "matmul.h"

namespace {

constexpr float kZeros[kPanel] = {};  // where a product starts that has no bias

// Sums begin with `first`, one row of kPanel floats for all, or where it is null, are added to what C holds.
struct FloatEnds {
  const float* first;

  Vec start(Index lane) const { return first ? load(first + lane) : Vec{}; }
  template <int Rows>
  void finish(Index, const Vec (&left)[Rows], const Vec (&right)[Rows], float* out, Index stride) const {
#pragma GCC unroll 16
    for (int r = 0; r < Rows; ++r, out += stride) {
      store(out, first ? left[r] : load(out) + left[r]);
      store(out + kLanes, first ? right[r] : load(out + kLanes) + right[r]);
    }
  }
  Index depth_block() const { return 128; }
  void next_block() { first = nullptr; }
};

struct Float32 {
  using Unit = float;
  using Sum = Vec;
  using Ends = FloatEnds;
  using Attention = Float32;  // what attention is computed in
  static constexpr const char* kName = "float32";
  static constexpr bool kExact = true;
  static constexpr Index kGroup = 1, kStepInputs = kGroup, kPackedPanel = kPanel;
  static constexpr bool kQuantizes = false, kConverts = false;
  static constexpr decltype(embedpipe::Products::prepare) prepare = nullptr;

  static Vec load_units(const float* p) { return load(p); }
  static Vec spread(float x) { return broadcast(x); }
  static Vec dot(Vec x, Vec w, Vec sum) { return fma(x, w, sum); }
  static Ends ends(const embedpipe::Operand&, const embedpipe::PackedLinear& w, Index n, Index first) {
    return {first > 0 ? nullptr : w.bias + n};
  }

  struct Encoding {
    void encode(const float* row, Index, Index count, const embedpipe::PackedLinear&, Index, void* units) const {
      __builtin_memcpy(units, row, static_cast<size_t>(count) * sizeof(float));
    }
  };
};

}  // namespace
