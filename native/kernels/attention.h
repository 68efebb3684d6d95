// Attention within one sequence, one head: softmax(Q K^T / sqrt d) V over exactly the pieces there are, no padding.
//
// Keys are transposed and values copied into the panel layout of matmul.h; then tiles of query rows go through scores,
// softmax and the product with V while their scores are still in the first-level cache.
#pragma once

#include "float32.h"
#include "math.h"

namespace {

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

// In place, for up to kLanes rows: row := exp(row - its largest), zeros behind `count` up to the panel's end; lane r of
// the result is 1 / the sum of row r. Two rows at a time, to hide latency; an odd row at the end stands in for its
// neighbor.
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
    for (Index j = 0; j < count; j += kPanel) {
      Vec v[4];
      for_each(v, [&](Vec, int i) { return load(row[i / 2] + j + i % 2 * kLanes) - top[i / 2]; });
      exp(v);
      if (j + kPanel > count) {
        for_each(v, [&](Vec x, int i) { return keep_first(x, count - j - i % 2 * kLanes, Vec{}); });
      }
      for (int i = 0; i < 4; ++i) {
        sum[i / 2] += v[i];
        store(row[i / 2] + j + i % 2 * kLanes, v[i]);
      }
    }
    for (int i = 0; i < 2; ++i) lanes[numbers[i]] = sum[i];
  }
  return 1.f / across_lanes(lanes, [](Vec a, Vec b) { return a + b; });
}

// Keys (length, head_size) become panels of their transpose, scaled, with zeros behind the last key. Squares of kLanes
// keys and features are turned in registers; a square may read features beyond the head, which are not stored.
inline void pack_keys(const float* keys, Index stride, Index length, Index head_size, float scale, float* packed) {
  for (Index first = 0; first < embedpipe::rounded_up(length, kPanel); first += kLanes) {
    float* lanes = packed + first / kPanel * kPanel * head_size + first % kPanel;
    for (Index d = 0; d < head_size; d += kLanes) {
      Vec square[kLanes];
      for (Index i = 0; i < kLanes; ++i) {
        square[i] = first + i < length ? load(keys + (first + i) * stride + d) * scale : Vec{};
      }
      transpose(square);
      for (Index i = 0; i < kLanes && d + i < head_size; ++i) store(lanes + (d + i) * kPanel, square[i]);
    }
  }
}

inline void pack_values(const float* values, Index stride, Index length, Index head_size, float* packed) {
  for (Index first = 0; first < head_size; first += kPanel) {
    const Index used = head_size - first < kPanel ? head_size - first : kPanel;
    for (Index j = 0; j < length; ++j) {
      const float* value = values + j * stride + first;
      float* out = packed + first * length + j * kPanel;
      if (used == kPanel) {
        store(out, load(value));
        store(out + kLanes, load(value + kLanes));
      } else {
        for (Index lane = 0; lane < kPanel; ++lane) out[lane] = lane < used ? value[lane] : 0.f;
      }
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

// The rows first..last of the context (length, hidden), written from the head's first column on. A head whose size is
// no multiple of the panel writes beyond its columns: the next head, computed after it, overwrites that, and rows are
// long enough to take it for the last one.
inline void attend_head(const Head& head, Index first, Index last, float* context, Index context_stride,
                        float* scratch) {
  const Index length = head.length, size = head.size, padded = embedpipe::rounded_up(length, kPanel);
  float* keys = scratch;
  float* values = keys + padded * size;
  float* scores = values + embedpipe::rounded_up(size, kPanel) * length;
  pack_keys(head.keys(), head.stride, length, size, 1.f / __builtin_sqrtf(static_cast<float>(size)), keys);
  pack_values(head.values(), head.stride, length, size, values);
  context += head.number * size;
  Index tiles = (last - first + kTileRows - 1) / kTileRows;
  for (Index row = first; tiles > 0; --tiles) {
    const Index count = (last - row + tiles - 1) / tiles;
    for (Index j = 0; j < length; j += kPanel) {
      const float* panel = keys + j * size;
      panel_product<Float32>(head.queries() + row * head.stride, head.stride, count, panel, size, panel + size * kPanel,
                             {kZeros}, scores + j, padded, [](Index, Index) {});
    }
    float inverse_sums[kTileRows + kLanes];
    for (Index r = 0; r < count; r += kLanes) {
      const Index some = count - r < kLanes ? count - r : kLanes;
      store(inverse_sums + r, softmax_numerators(scores + r * padded, padded, some, length));
    }
    for (Index d = 0; d < size; d += kPanel) {
      float* out = context + row * context_stride + d;
      const float* panel = values + d * length;
      panel_product<Float32>(scores, padded, count, panel, length, panel + length * kPanel, {kZeros}, out,
                             context_stride, [&](Index begin, Index rows) {
                               for (Index r = begin; r < begin + rows; ++r) {
                                 for (Index i = 0; i < kPanel; i += kLanes) {
                                   float* share = out + r * context_stride + i;
                                   store(share, load(share) * inverse_sums[r]);
                                 }
                               }
                             });
    }
    row += count;
  }
}

}  // namespace
