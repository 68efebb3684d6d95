// Which heads' columns of a product are computed together.
#pragma once

#include "encoder.h"

namespace embedpipe {

// Heads whose queries, keys and values are computed together, right before their attention: those of all heads would
// not fit into the second-level cache. They must fill whole panels; where no share of the heads does, all go together.
inline constexpr Index kHeadColumns = 128;

inline Index heads_together(const AttentionShape& shape, Index panel) {
  const Index size = shape.hidden / shape.heads;
  for (Index heads = 1; heads < shape.heads; ++heads) {
    const Index columns = heads * size;
    if (columns >= kHeadColumns && columns % panel == 0 && shape.heads % heads == 0) return heads;
  }
  return shape.heads;
}

// The outputs first .. first + count of a linear map, both multiples of the panel.
inline PackedLinear outputs_of(const PackedLinear& w, Index first, Index count, const Products& products) {
  PackedLinear part = w;
  part.panels = static_cast<const float*>(w.panels) + first * units_of(products, w.inputs);
  part.bias += first;
  part.scales += first;
  part.sums += first;
  part.outputs = count;
  return part;
}

}  // namespace embedpipe
