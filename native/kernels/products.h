// A precision's table of products, made of its Math.
#pragma once

#include "attention.h"
#include "bfloat16_numbers.h"
#include "kernels.h"
#include "math.h"
#include "matmul.h"
#include "packing.h"

namespace {

using embedpipe::Activation;
using embedpipe::Operand;
using embedpipe::PackedLinear;
using embedpipe::Products;

template <class Math>
Index depth_of(const PackedLinear& w) {
  return (w.inputs + Math::kGroup - 1) / Math::kGroup;
}

template <class Math>
void linear(const Operand& x, Index rows, const PackedLinear& w, Index first, Index last, float* y, Index y_stride) {
  using Unit = typename Math::Unit;
  const Index depth = depth_of<Math>(w), units = (last - first + Math::kGroup - 1) / Math::kGroup;
  for (Index n = 0; n < w.outputs; n += kPanel) {
    const Unit* panel = static_cast<const Unit*>(w.panels) + n * depth + first / Math::kGroup * kPanel;
    panel_product<Math>(static_cast<const Unit*>(x.units), x.stride, rows, panel, units, panel + depth * kPanel,
                        Math::ends(x, w, n, first), y + n, y_stride, [](Index, Index) {});
  }
}

// A panel's outputs, the columns from `column` on of rows from `row` on: in place, or to bfloat16 in `prepared`. Two
// rows at a time, to hide latency; an odd row at the end stands in for its neighbor.
template <class Math, class Gelu>
void activate(float* y, Index y_stride, Index rows, const Gelu& gelu, const Operand& prepared, Index row,
              Index column) {
  const auto keep = [&](Index r, Vec left, Vec right) {
    if constexpr (Math::kConverts) {
      float* units = static_cast<float*>(const_cast<void*>(prepared.units));
      store(units + (row + r) * prepared.stride + column / 2, bfloat16_units(left, right));
    } else {
      store(y + r * y_stride, left);
      store(y + r * y_stride + kLanes, right);
    }
  };
  for (Index r = 0; r < rows; r += 2) {
    const Index other = r + 1 < rows ? r + 1 : r;
    const float *one = y + r * y_stride, *two = y + other * y_stride;
    Vec v[] = {load(one), load(one + kLanes), load(two), load(two + kLanes)};
    gelu(v);
    keep(r, v[0], v[1]);
    keep(other, v[2], v[3]);
  }
}

template <class Math, class Work>
void with_gelu(Activation activation, const Work& work) {
  if (activation == Activation::kGeluErf) {
    work([](Vec(&v)[4]) { Math::kExact ? gelu_erf(v) : coarse_gelu_erf(v); });
  } else {
    work([](Vec(&v)[4]) { Math::kExact ? gelu_tanh(v) : coarse_gelu_tanh(v); });
  }
}

// To bfloat16 a number goes alone, so while it is in the first-level cache, and all panels use the same strip of y. To
// an integer it goes once its row is known.
template <class Math>
void linear_gelu(const Operand& x, Index rows, const PackedLinear& w, Index first, Index last, Activation activation,
                 float* y, Index y_stride, const PackedLinear& reader, const Operand& prepared) {
  using Unit = typename Math::Unit;
  const Index depth = depth_of<Math>(w);
  with_gelu<Math>(activation, [&](const auto& gelu) {
    for (Index n = first; n < last; n += kPanel) {
      float* strip = Math::kConverts ? y : y + n - first;
      const Unit* panel = static_cast<const Unit*>(w.panels) + n * depth;
      panel_product<Math>(static_cast<const Unit*>(x.units), x.stride, rows, panel, depth, panel + depth * kPanel,
                          Math::ends(x, w, n, 0), strip, y_stride, [&](Index row, Index count) {
                            activate<Math>(strip + row * y_stride, y_stride, count, gelu, prepared, row, n - first);
                          });
    }
  });
  if constexpr (Math::kQuantizes) Math::prepare(y, y_stride, rows, last - first, reader, prepared);
}

template <class Math>
double multiply_add_loop(Index steps) {
  constexpr int kChains = kLanes == 16 ? 24 : 12;  // more than latency times units; few enough to stay in registers
  const typename Math::Unit ones[kPanel] = {};
  typename Math::Sum sums[kChains] = {};
  for (int c = 0; c < kChains; ++c) hide(sums[c]);  // or all would be one and the same
  auto x = Math::spread(ones[0]);
  const auto w = Math::load_units(ones);
  for (Index s = 0; s < steps; ++s) {
#pragma GCC unroll 24
    for (int c = 0; c < kChains; ++c) {
      hide(x);  // or a product that is not one instruction with its sum would be computed once for all
      sums[c] = Math::dot(x, w, sums[c]);
    }
  }
  for (int c = 0; c < kChains; ++c) hide(sums[c]);
  return 2.0 * kChains * kLanes * Math::kGroup * static_cast<double>(steps);
}

template <class Math>
constexpr Products products_of() {
  return {Math::kName,
          kPanel,
          Math::kGroup,
          Math::kStepInputs,
          0,
          Math::kQuantizes,
          pack<Math>,
          largest_weights,
          Math::prepare,
          linear<Math>,
          linear_gelu<Math>,
          attend<VectorAttention<typename Math::Attention>>,
          attention_scratch<VectorAttention<typename Math::Attention>>,
          multiply_add_loop<Math>};
}

}  // namespace
