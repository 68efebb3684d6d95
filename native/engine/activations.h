// Matrices of activations: in float32, and as the products of another precision read them.
#pragma once

#include <algorithm>

#include "../kernels/kernels.h"
#include "buffer.h"

namespace embedpipe {

// A matrix of activations. Its stride is an odd number of cache lines, so that the rows of a tile fall into different
// sets of the first-level cache.
struct Activations {
  Activations(Index rows, Index columns, Index panel)
      : stride(rounded_up(columns, std::max<Index>(panel, 32)) + 16), values(rows * stride) {}
  float* row(Index i) { return values.data() + i * stride; }

  Index stride;
  Buffer values;
};

// The same as products of the precision read it; empty for float32, which reads activations as they are.
struct PreparedActivations {
  PreparedActivations(Index rows, Index columns, const Products& products)
      : stride(rounded_up(columns, std::max<Index>({products.panel, products.step, 32})) / products.group + 16),
        range_stride(2 * rounded_up(columns, kAttentionRangeBlock) / kAttentionRangeBlock),
        units(products.prepare ? (rows + products.spare) * stride : 0),
        ranges(products.prepare ? rows * range_stride : 0) {}
  Operand from(Index row) {
    return {units.data() + row * stride, stride, ranges.data() + row * range_stride, range_stride};
  }

  Index stride, range_stride;
  Buffer units, ranges;
};

}  // namespace embedpipe
