// Attention within one sequence, one head: softmax(Q K^T / sqrt d) V over exactly the pieces there are, no padding.
//
// Keys are transposed and values copied into the panel layout of matmul.h; then tiles of query rows go through scores,
// softmax and the product with V while their scores are still in the first-level cache.
//
// How the two products are computed is a `Way`: kRows by kPanel numbers at a time, in units of kGroup numbers, depth
// padded with zeros to multiples of kStep numbers. Sums, scores and softmax are float32 in all of them.
#pragma once

#include "bfloat16_numbers.h"
#include "float32.h"
#include "math.h"

namespace {

using embedpipe::AttentionShape;
using embedpipe::rounded_up;

// By vectors, with a Math whose sums are float32.
template <class Math>
struct VectorAttention {
  static constexpr Index kRows = kTileRows, kPanel = ::kPanel, kGroup = Math::kGroup, kStep = kGroup;

  struct Scope {
    ~Scope() {}  // so that it counts as used
  };

  // out (rows, panel) = a (rows, depth) * the panel
  static void product(const float* a, Index a_stride, Index rows, const float* panel, Index depth, float* out,
                      Index out_stride) {
    using Unit = typename Math::Unit;
    const Unit* units = reinterpret_cast<const Unit*>(panel);
    panel_product<Math>(reinterpret_cast<const Unit*>(a), a_stride, rows, units, depth, units + depth * kPanel,
                        {kZeros}, out, out_stride, [](Index, Index) {});
  }
};

template <class Way>
constexpr Index units_in(Index numbers) {
  return rounded_up(numbers, Way::kStep) / Way::kGroup;
}

// The first `count` numbers at x, at most a vector's, and zeros in the lanes behind them.
inline Vec first_of(const float* x, Index count) {
  if (count >= kLanes) return load(x);
  float lanes[kLanes] = {};
  if (count > 0) __builtin_memcpy(lanes, x, static_cast<size_t>(count) * sizeof(float));
  return load(lanes);
}

inline void store_first(float* out, Vec v, Index count) {
  if (count >= kLanes) return store(out, v);
  __builtin_memcpy(out, &v, static_cast<size_t>(count) * sizeof(float));
}

// A vector of units from the unit `u` on of `size` numbers times the scale, with zeros behind them.
template <Index Group>
inline Vec units_of_row(const float* x, Index u, Index size, float scale) {
  x += u * Group, size -= u * Group;
  if constexpr (Group == 1) {
    return first_of(x, size) * scale;
  } else {
    return bfloat16_units(first_of(x, size) * scale, first_of(x + kLanes, size - kLanes) * scale);
  }
}

inline Vec joined(const Vec (&numbers)[1]) { return numbers[0]; }
inline Vec joined(const Vec (&numbers)[2]) { return bfloat16_pairs(numbers[0], numbers[1]); }

// Numbers from i on, a vector's, into a row of units.
template <Index Group>
inline void store_number(float* row, Index i, Vec v) {
  if constexpr (Group == 1) {
    store(row + i, v);
  } else {
    store_bfloat16(reinterpret_cast<uint16_t*>(row) + i, v);
  }
}

// Lane i of the result joins all lanes of rows[i].
template <class Join>
inline Vec across_lanes(Vec (&rows)[kLanes], const Join& join) {
  transpose(rows);
#pragma GCC unroll 4
  for (Index half = kLanes / 2; half > 0; half /= 2) {
#pragma GCC unroll 8
    for (Index i = 0; i < half; ++i) rows[i] = join(rows[i], rows[i + half]);
  }
  return rows[0];
}

// In place, for up to kLanes rows: row := exp(row - its largest), zeros behind `count` up to the end of a panel; lane r
// of the result is 1 / the sum of row r. In units of several numbers exp is coarse and of base 2, and rows become
// units. Two rows at a time, to hide latency; an odd row at the end stands in for its neighbor.
template <class Way>
inline Vec softmax_numerators(float* scores, Index stride, Index rows, Index count) {
  const Vec lowest = broadcast(-3.0e38f);
  Vec lanes[kLanes];
  for (Index r = 0; r < kLanes; ++r) lanes[r] = lowest;
  for (Index r = 0; r < rows; ++r) {
    const float* row = scores + r * stride;
    for (Index j = 0; j < count; j += kLanes) {
      lanes[r] = max(lanes[r], j + kLanes <= count ? load(row + j) : keep_first(load(row + j), count - j, lowest));
    }
  }
  float largest[kLanes];
  store(largest, across_lanes(lanes, [](Vec a, Vec b) { return max(a, b); }));

  for (Index r = 0; r < kLanes; ++r) lanes[r] = Vec{};
  for (Index r = 0; r < rows; r += 2) {
    const Index numbers[] = {r, r + 1 < rows ? r + 1 : r};
    float* row[] = {scores + numbers[0] * stride, scores + numbers[1] * stride};
    const Vec top[] = {broadcast(largest[numbers[0]]), broadcast(largest[numbers[1]])};
    Vec sum[2] = {};
    for (Index j = 0; j < rounded_up(count, Way::kPanel); j += kPanel) {
      Vec v[4];
      for_each(v, [&](Vec, int i) { return load(row[i / 2] + j + i % 2 * kLanes) - top[i / 2]; });
      Way::kGroup == 1 ? exp(v) : coarse_exp2(v);
      if (j + kPanel > count) {
        for_each(v, [&](Vec x, int i) { return keep_first(x, count - j - i % 2 * kLanes, Vec{}); });
      }
      for (int i = 0; i < 4; ++i) {
        sum[i / 2] += v[i];
        store_number<Way::kGroup>(row[i / 2], j + i % 2 * kLanes, v[i]);
      }
    }
    for (int i = 0; i < 2; ++i) lanes[numbers[i]] = sum[i];
  }
  return 1.f / across_lanes(lanes, [](Vec a, Vec b) { return a + b; });
}

// Keys (length, head_size) become panels of their transpose, scaled, with zeros behind the last key and feature.
// Squares of kLanes keys and units are turned in registers.
template <class Way>
inline void pack_keys(const float* keys, Index stride, Index length, Index head_size, float scale, float* packed) {
  const Index depth = units_in<Way>(head_size);
  for (Index first = 0; first < rounded_up(length, Way::kPanel); first += kLanes) {
    float* lanes = packed + first / Way::kPanel * Way::kPanel * depth + first % Way::kPanel;
    for (Index u = 0; u < depth; u += kLanes) {
      Vec square[kLanes];
      for (Index i = 0; i < kLanes; ++i) {
        const float* key = keys + (first + i) * stride;
        square[i] = first + i < length ? units_of_row<Way::kGroup>(key, u, head_size, scale) : Vec{};
      }
      transpose(square);
      for (Index i = 0; i < kLanes && u + i < depth; ++i) store(lanes + (u + i) * Way::kPanel, square[i]);
    }
  }
}

// Units of values hold those of kGroup keys, one after the other, with zeros behind the last key and feature.
template <class Way>
inline void pack_values(const float* values, Index stride, Index length, Index head_size, float* packed) {
  const Index depth = units_in<Way>(length);
  for (Index first = 0; first < rounded_up(head_size, Way::kPanel); first += kLanes) {
    float* lanes = packed + first / Way::kPanel * Way::kPanel * depth + first % Way::kPanel;
    for (Index u = 0; u < depth; ++u) {
      Vec numbers[Way::kGroup];
      for_each(numbers, [&](Vec, int i) {
        const Index key = u * Way::kGroup + i;
        return first_of(values + key * stride + first, key < length ? head_size - first : 0);
      });
      store(lanes + u * Way::kPanel, joined(numbers));
    }
  }
}

// One head of one sequence; qkv: (length, 3 hidden), rows of queries, keys, values.
struct Head {
  const float* qkv;
  Index stride, length, hidden, size, number;

  const float* queries() const { return qkv + number * size; }
  const float* keys() const { return queries() + hidden; }
  const float* values() const { return queries() + 2 * hidden; }
};

// Where one head's matrices lie in scratch.
template <class Way>
struct AttentionScratch {
  AttentionScratch(Index length, Index head_size)
      : key_depth(units_in<Way>(head_size)),
        value_depth(units_in<Way>(length)),
        stride(rounded_up(length, Way::kPanel) + 16),
        values(rounded_up(length, Way::kPanel) * key_depth),
        scores(values + rounded_up(head_size, Way::kPanel) * value_depth),
        queries(scores + Way::kRows * stride),
        size(queries + (Way::kGroup > 1 ? Way::kRows * key_depth : 0)) {}

  Index key_depth, value_depth, stride, values, scores, queries, size;
};

// The rows of queries from `row` on as units, with their stride.
template <class Way>
inline std::pair<const float*, Index> queries_of(const Head& head, Index row, Index rows, Index depth, float* space) {
  const float* from = head.queries() + row * head.stride;
  if constexpr (Way::kGroup == 1) return {from, head.stride};
  for (Index r = 0; r < rows; ++r) {
    for (Index u = 0; u < depth; u += kLanes) {
      const Vec units = units_of_row<Way::kGroup>(from + r * head.stride, u, head.size, 1.f);
      store_first(space + r * depth + u, units, depth - u);
    }
  }
  return {space, depth};
}

// The rows first..last of the context (length, hidden), written from the head's first column on. A head whose size is
// no multiple of the panel writes beyond its columns: the next head, computed after it, overwrites that, and rows are
// long enough to take it for the last one.
template <class Way>
inline void attend_head(const Head& head, Index first, Index last, float* context, Index context_stride, float* keys) {
  const Index length = head.length, size = head.size;
  const AttentionScratch<Way> layout(length, size);
  float *values = keys + layout.values, *scores = keys + layout.scores;
  const float scale = (Way::kGroup == 1 ? 1.f : 1.44269504f) / __builtin_sqrtf(static_cast<float>(size));
  pack_keys<Way>(head.keys(), head.stride, length, size, scale, keys);
  pack_values<Way>(head.values(), head.stride, length, size, values);
  context += head.number * size;
  Index tiles = (last - first + Way::kRows - 1) / Way::kRows;
  for (Index row = first; tiles > 0; --tiles) {
    const Index count = (last - row + tiles - 1) / tiles;
    const auto [queries, stride] = queries_of<Way>(head, row, count, layout.key_depth, keys + layout.queries);
    for (Index j = 0; j < length; j += Way::kPanel) {
      Way::product(queries, stride, count, keys + j * layout.key_depth, layout.key_depth, scores + j, layout.stride);
    }
    float inverse_sums[Way::kRows + kLanes];
    for (Index r = 0; r < count; r += kLanes) {
      const Index some = count - r < kLanes ? count - r : kLanes;
      store(inverse_sums + r, softmax_numerators<Way>(scores + r * layout.stride, layout.stride, some, length));
    }
    for (Index d = 0; d < size; d += Way::kPanel) {
      alignas(64) float sums[Way::kRows * Way::kPanel];
      Way::product(scores, layout.stride, count, values + d * layout.value_depth, layout.value_depth, sums,
                   Way::kPanel);
      for (Index r = 0; r < count; ++r) {
        for (Index i = 0; i < Way::kPanel; i += kLanes) {
          store(context + (row + r) * context_stride + d + i, load(sums + r * Way::kPanel + i) * inverse_sums[r]);
        }
      }
    }
    row += count;
  }
}

// `attend` and `attention_scratch` of kernels.h.
template <class Way>
void attend(const float* qkv, Index qkv_stride, Index length, Index first, Index last, const AttentionShape& shape,
            float* context, Index context_stride, float* scratch) {
  const typename Way::Scope scope;
  for (Index head = 0; head < shape.heads; ++head) {
    attend_head<Way>({qkv, qkv_stride, length, shape.hidden, shape.hidden / shape.heads, head}, first, last, context,
                     context_stride, scratch);
  }
}

template <class Way>
Index attention_scratch(Index longest, const AttentionShape& shape) {
  return AttentionScratch<Way>(longest, shape.hidden / shape.heads).size;
}

}  // namespace
