// Products in int8 and bfloat16, for tests: the tables of this processor, activations prepared for them, whole
// products.
#pragma once

#include <cstdint>
#include <cstring>

#include "check.h"
#include "matrices.h"

namespace embedpipe::testing {

inline float to_bfloat16(float x) {
  uint32_t bits;
  std::memcpy(&bits, &x, sizeof bits);
  bits = (bits + 0x7FFF + (bits >> 16 & 1)) & 0xFFFF0000u;
  std::memcpy(&x, &bits, sizeof bits);
  return x;
}

struct Table {
  std::string name;
  const Products* products;
};

inline std::vector<Table> tables(const char* precision) {
  std::vector<Table> found;
  for (const InstructionSet& set : instruction_sets()) {
    const bool int8 = std::string(precision) == "int8";
    const Products* products = int8 ? set.int8 : set.bfloat16;
    if (products == nullptr || (!found.empty() && found.back().products == products)) continue;
    found.push_back({std::string(set.name) + " " + precision, products});
  }
  return found;
}

// Activations prepared in exactly the room that kernels.h promises, with numbers that are undefined as bfloat16 behind
// them.
struct Prepared {
  Prepared(const Products& products, const Matrix& x, const PackedLinear& w)
      : units(static_cast<size_t>((x.rows + products.spare) * stride(products, x.columns)), -1),
        ranges(static_cast<size_t>(x.rows * range_stride(x.columns, w.range_block)), kNaN),
        operand{units.data(), stride(products, x.columns), ranges.data(), range_stride(x.columns, w.range_block)} {
    products.prepare(x.row(0), x.stride, x.rows, x.columns, w, operand);
  }
  static Index stride(const Products& products, Index columns) {
    return rounded_up(columns, std::max(products.panel, products.step));
  }
  static Index range_stride(Index columns, Index block) { return 2 * rounded_up(columns, block) / block; }
  std::vector<int32_t> units;
  std::vector<float> ranges;
  Operand operand;
};

inline std::vector<float> product(const Products& products, const Matrix& x, const LinearView& w,
                                  Index range_block = kRangeBlock, const LayerNormWeights* inputs_norm = nullptr) {
  const PackedAlone packed({w}, products, range_block, inputs_norm);
  const Prepared prepared(products, x, packed.packed());
  Matrix y(x.rows, w.outputs, rounded_up(w.outputs, products.panel), kNaN);
  products.linear(prepared.operand, x.rows, packed.packed(), 0, w.inputs, y.row(0), y.stride);
  return y.dense<float>();
}

constexpr Index kDepths[] = {1, 3, 16, 30, 64, 511, 512, 513, 1100};

}  // namespace embedpipe::testing
