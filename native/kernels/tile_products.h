// Products by tiles (tiles.h): the loop, and what becomes of its sums.
//
// A block of 32 rows by one panel is 2 x 2 tiles of sums, and a step is what 64 bytes of a row hold. Panels that `pack`
// makes, 32 outputs wide, are weight tiles already: sixteen units of depth are sixteen rows of 64 bytes, twice side by
// side. Prepared activations are the other operand. So packing and preparing are those of the vectors' precisions, but
// that depth is padded with zeros to whole steps.
//
// A range of the depth goes into a block's sums; these pass through the first-level cache to the vectors that finish
// them. Of the last block only some rows exist. The others are multiplied as well, which changes nothing for them, and
// must be readable. A row's sums depend on that row alone.
#pragma once

#include "bfloat16_numbers.h"
#include "int8.h"
#include "products.h"
#include "tiles.h"

namespace {

using embedpipe::Activation;
using embedpipe::Operand;
using embedpipe::PackedLinear;
using embedpipe::Products;

constexpr Index kBlockRows = 2 * kTileRowsOfBytes;
constexpr Index kTilePanel = 32;  // outputs, whatever the vectors' width
constexpr Index kPanelStepBytes = 2 * kTileRowsOfBytes * kTileBytes;

struct BlockSums {
  const float* row(Index r) const { return values + r * kTilePanel; }
  alignas(64) float values[kBlockRows * kTilePanel];  // or integers
};

// Two by two tiles: 0 to 3 are sums, 4 and 5 activations, 6 and 7 weights. Two: whether there are more than 16 rows.
template <bool Two>
inline void load_operands(const char* a, Index stride, const char* w) {
  TILE_LOAD(4, a, stride);
  if constexpr (Two) TILE_LOAD(5, a + kTileRowsOfBytes * stride, stride);
  TILE_LOAD(6, w, 2 * kTileBytes);
  TILE_LOAD(7, w + kTileBytes, 2 * kTileBytes);
}

template <bool Two>
inline void store_sums(float* to, Index stride) {
  TILE_STORE(0, to, stride * 4);
  TILE_STORE(1, to + kTilePanel / 2, stride * 4);
  if constexpr (Two) {
    TILE_STORE(2, to + kTileRowsOfBytes * stride, stride * 4);
    TILE_STORE(3, to + kTileRowsOfBytes * stride + kTilePanel / 2, stride * 4);
  }
}

inline void zero_sums() {
  TILE_ZERO(0);
  TILE_ZERO(1);
  TILE_ZERO(2);
  TILE_ZERO(3);
}

struct TileBFloat16 {
  static constexpr const char* kName = "bfloat16";
  static constexpr bool kExact = false, kQuantizes = false, kConverts = true;
  static constexpr Index kGroup = 2, kStepInputs = kTileBytes / 2, kPackedPanel = kTilePanel;
  using Encoding = BFloat16Encoding;
  static constexpr auto prepare = prepare_bfloat16<kStepInputs>;

  template <bool Two>
  static void multiply() {
    TILE_DOT(tdpbf16ps, 0, 4, 6);
    TILE_DOT(tdpbf16ps, 1, 4, 7);
    if constexpr (Two) {
      TILE_DOT(tdpbf16ps, 2, 5, 6);
      TILE_DOT(tdpbf16ps, 3, 5, 7);
    }
  }
  static Index range_steps(const PackedLinear&) { return embedpipe::kRangeBlock / kStepInputs; }

  // y = the sums + the bias, or if it `adds`, what y holds.
  static void finish(const BlockSums* sums, Index ranges, const Operand&, Index, const PackedLinear& w, Index n, Index,
                     bool adds, Index rows, float* y, Index y_stride) {
    for (Index i = 0; i < kTilePanel; i += kLanes) {
      const Vec bias = load(w.bias + n + i);
      for (Index r = 0; r < rows; ++r) {
        float* out = y + r * y_stride + i;
        Vec total = adds ? load(out) : bias;
        for (Index g = 0; g < ranges; ++g) total += load(sums[g].row(r) + i);
        store(out, total);
      }
    }
  }
};

struct TileInt8 {
  static constexpr const char* kName = "int8";
  static constexpr bool kExact = false, kQuantizes = true, kConverts = false;
  static constexpr Index kGroup = 4, kStepInputs = kTileBytes, kPackedPanel = kTilePanel;
  using Encoding = Int8::Encoding;
  static constexpr auto prepare = Int8::prepare;

  template <bool Two>
  static void multiply() {
    TILE_DOT(tdpbusd, 0, 4, 6);
    TILE_DOT(tdpbusd, 1, 4, 7);
    if constexpr (Two) {
      TILE_DOT(tdpbusd, 2, 5, 6);
      TILE_DOT(tdpbusd, 3, 5, 7);
    }
  }
  static Index range_steps(const PackedLinear& w) { return w.range_block / kStepInputs; }

  // The operations of IntegerEnds in their order, so that equal sums become equal bits.
  static void finish(const BlockSums* sums, Index ranges, const Operand& x, Index row, const PackedLinear& w, Index n,
                     Index first, bool adds, Index rows, float* y, Index y_stride) {
    const float* weight_sums = w.sums + first / w.range_block * w.sums_stride + n;
    for (Index i = 0; i < kTilePanel; i += kLanes) {
      const Vec scale = load(w.scales + n + i), bias = load(w.bias + n + i);
      for (Index r = 0; r < rows; ++r) {
        float* out = y + r * y_stride + i;
        const float* range = x.ranges + (row + r) * x.range_stride;
        Vec total = adds ? load(out) : bias;
        for (Index g = 0; g < ranges; ++g) {
          IntVec whole;
          __builtin_memcpy(&whole, sums[g].row(r) + i, sizeof whole);
          total = fma(broadcast(range[2 * g + 1]), load(weight_sums + g * w.sums_stride + i), total);
          total = fma(__builtin_convertvector(whole, Vec), broadcast(range[2 * g]) * scale, total);
        }
        store(out, total);
      }
    }
  }
};

// The sums of a block for the steps begin..end; meanwhile what comes next is brought into the second-level cache, since
// the first-level cache has no room for it beside the rows.
template <class Math, bool Two>
[[gnu::noinline]] void block_sums(const char* a, Index stride, const char* w, Index steps, float* sums,
                                  Index sums_stride, const char* next, Index lines) {
  zero_sums();
  for (Index s = 0; s < steps; ++s, a += kTileBytes, w += kPanelStepBytes) {
    for (Index i = 0; i < lines; ++i) __builtin_prefetch(next + kTileBytes * i, 0, 2);
    next += kTileBytes * lines;
    load_operands<Two>(a, stride, w);
    Math::template multiply<Two>();
  }
  store_sums<Two>(sums, sums_stride);
}

// The outputs begin..end of a product, in blocks at place(output, row), whose rows are y_stride apart; then
// after(output, row, rows) for each while it is in the first-level cache. `first`, `last`: the inputs.
template <class Math, class Place, class After>
void tile_product(const Operand& x, Index rows, const PackedLinear& w, Index begin, Index end, Index first, Index last,
                  const Place& place, Index y_stride, const After& after) {
  constexpr Index kMostRanges = 8;  // whose sums are kept until they are finished together
  BlockSums sums[kMostRanges];
  const Tiles tiles;
  const Index stride = x.stride * 4, steps = embedpipe::rounded_up(last - first, Math::kStepInputs) / Math::kStepInputs;
  const Index panel_bytes = embedpipe::rounded_up(w.inputs, Math::kStepInputs) / Math::kStepInputs * kPanelStepBytes;
  const Index range = Math::range_steps(w), row_blocks = (rows + kBlockRows - 1) / kBlockRows;
  const Index lines = (kPanelStepBytes / kTileBytes + row_blocks - 1) / row_blocks;
  for (Index n = begin; n < end; n += kTilePanel) {
    const char* panel =
        static_cast<const char*>(w.panels) + n / kTilePanel * panel_bytes + first / Math::kStepInputs * kPanelStepBytes;
    const char* next = panel + panel_bytes;
    for (Index row = 0; row < rows; row += kBlockRows) {
      const Index count = rows - row < kBlockRows ? rows - row : kBlockRows;
      const char* a = static_cast<const char*>(x.units) + row * stride;
      float* out = place(n, row);
      const auto& block = count > kTileRowsOfBytes ? block_sums<Math, true> : block_sums<Math, false>;
      Index ranges = 0, finished = 0;  // ranges whose sums wait, and those before them
      for (Index s = 0; s < steps; s += range) {
        const Index some = steps - s < range ? steps - s : range;
        block(a + s * kTileBytes, stride, panel + s * kPanelStepBytes, some, sums[ranges++].values, kTilePanel, next,
              lines);
        next += some * lines * kTileBytes;
        if (ranges < kMostRanges && s + some < steps) continue;
        Operand rest = x;
        rest.ranges += 2 * finished;
        Math::finish(sums, ranges, rest, row, w, n, first + finished * range * Math::kStepInputs, first + finished > 0,
                     count, out, y_stride);
        finished += ranges;
        ranges = 0;
      }
      after(n, row, count);
    }
  }
}

template <class Math>
void tile_linear(const Operand& x, Index rows, const PackedLinear& w, Index first, Index last, float* y,
                 Index y_stride) {
  tile_product<Math>(
      x, rows, w, 0, w.outputs, first, last, [&](Index n, Index row) { return y + row * y_stride + n; }, y_stride,
      [](Index, Index, Index) {});
}

// As linear_gelu of products.h.
template <class Math>
void tile_linear_gelu(const Operand& x, Index rows, const PackedLinear& w, Index first, Index last,
                      Activation activation, float* y, Index y_stride, const PackedLinear& reader,
                      const Operand& prepared) {
  const auto place = [&](Index n, Index row) { return Math::kConverts ? y : y + row * y_stride + n - first; };
  with_gelu<Math>(activation, [&](const auto& gelu) {
    tile_product<Math>(x, rows, w, first, last, 0, w.inputs, place, y_stride, [&](Index n, Index row, Index count) {
      for (Index i = 0; i < kTilePanel; i += kPanel) {
        activate<Math>(place(n, row) + i, y_stride, count, gelu, prepared, row, n - first + i);
      }
    });
  });
  if constexpr (Math::kQuantizes) Math::prepare(y, y_stride, rows, last - first, reader, prepared);
}

// Of numbers as they occur: with zeros, tiles are up to 1.5 times as fast where power is short.
template <class Math>
double tile_loop(Index steps) {
  alignas(64) uint8_t data[4 * kTileRowsOfBytes * kTileBytes];
  uint32_t random = 1;
  for (Index i = 0; i < static_cast<Index>(sizeof data); ++i) {
    random = random * 1664525u + 1013904223u;
    const uint8_t byte = static_cast<uint8_t>(random >> 24);
    data[i] = Math::kQuantizes || i % 2 == 0 ? byte : static_cast<uint8_t>(0x3C + byte % 4 + (byte & 0x80));
  }
  const Tiles tiles;
  const char* bytes = reinterpret_cast<const char*>(data);
  load_operands<true>(bytes, kTileBytes, bytes + kPanelStepBytes);
  zero_sums();
  for (Index s = 0; s < steps; ++s) Math::template multiply<true>();
  return 2.0 * kBlockRows * kTilePanel * static_cast<double>(Math::kStepInputs) * static_cast<double>(steps);
}

// A way of attention (attention.h): of the rows behind the last, anything is read and becomes anything.
struct TileAttention {
  using Scope = Tiles;
  static constexpr Index kRows = kBlockRows, kPanel = kTilePanel, kGroup = 2, kStep = TileBFloat16::kStepInputs;

  static void product(const float* a, Index a_stride, Index rows, const float* panel, Index depth, float* out,
                      Index out_stride) {
    const auto& block = rows > kTileRowsOfBytes ? block_sums<TileBFloat16, true> : block_sums<TileBFloat16, false>;
    block(reinterpret_cast<const char*>(a), a_stride * 4, reinterpret_cast<const char*>(panel),
          depth / kTileRowsOfBytes, out, out_stride, nullptr, 0);
  }
};

template <class Math>
constexpr Products tile_products_of() {
  return {Math::kName,
          kTilePanel,
          Math::kGroup,
          Math::kStepInputs,
          kBlockRows - 1,
          Math::kQuantizes,
          pack<Math>,
          largest_weights,
          Math::prepare,
          tile_linear<Math>,
          tile_linear_gelu<Math>,
          attend<TileAttention>,
          attention_scratch<TileAttention>,
          tile_loop<Math>};
}

}  // namespace
