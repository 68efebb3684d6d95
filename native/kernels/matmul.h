// Matrix product of activations with weights that were packed into panels, the loop in which nearly all time is spent.
//
//   C (rows, columns) = A (rows, depth) · W^T,   W (columns, depth)
//
// Packing cuts W's columns into panels of kPanel = 2 vectors, and lays a panel out by depth:
//   packed[panel][k][lane] = W[panel * kPanel + lane][k], zero where the last panel has no column.
// A tile is kTileRows rows by one panel. Its accumulators stay in registers while k runs; each step broadcasts one
// element per row of A and multiplies it with the panel's two vectors: 2 kTileRows multiply-adds for kTileRows + 2
// loads.
//
// Order of sums: within a block of kDepthBlock steps k ascends, from the bias in the first block and from zero in the
// others, and blocks are added to C in ascending order. That order depends on nothing else (not on the rows, the tile,
// or the thread), so a row has the same bits in any company. A block also bounds the part of a panel in use to 16 KB or
// less: it stays in the first-level cache for all rows.
#pragma once

#include "simd.h"

namespace {

constexpr Index kPanel = 2 * kLanes;
constexpr Index kDepthBlock = 128;

constexpr float kZeros[kPanel] = {};  // where a product starts that has no bias

inline Index round_up(Index n, Index multiple) { return (n + multiple - 1) / multiple * multiple; }

void pack_panels(const float* weight, Index column_stride, Index depth_stride, Index columns, Index depth,
                 float* packed) {
  for (Index first = 0; first < columns; first += kPanel) {
    const Index used = columns - first < kPanel ? columns - first : kPanel;
    for (Index k = 0; k < depth; ++k) {
      float* out = packed + first * depth + k * kPanel;
      const float* in = weight + first * column_stride + k * depth_stride;
      for (Index lane = 0; lane < kPanel; ++lane)
        out[lane] = lane < used ? embedpipe::unaligned(in + lane * column_stride) : 0.f;
    }
  }
}

// One tile over one block of depth: c = start + a · panel, or, where `start` is null, c += a · panel; `start` is one
// row for all, of kPanel floats. The rows are a template parameter so that the accumulators become registers.
//
// Meanwhile what comes next is brought into the first-level cache, two lines a step from `next` on: waiting for weights
// at each block's first tile would cost a tenth of the time, and asking for all at once would hold up every other load.
template <int Rows>
inline void tile(const float* a, Index a_stride, const float* panel, Index depth, const float* start, float* c,
                 Index c_stride, const float* next, Index next_step) {
  Vec left[Rows], right[Rows];
  const Vec start_left = start ? load(start) : Vec{}, start_right = start ? load(start + kLanes) : Vec{};
#pragma GCC unroll 16
  for (int r = 0; r < Rows; ++r) left[r] = start_left, right[r] = start_right;
  // Four rows share a pointer. Hidden behind an empty asm, it stays one: compilers would otherwise give every row an
  // offset of its own, run out of registers for them, and lose four percent.
  constexpr int kGroups = (Rows + 3) / 4;
  const float* group[kGroups];
#pragma GCC unroll 4
  for (int g = 0; g < kGroups; ++g) {
    group[g] = a + 4 * g * a_stride;
    asm("" : "+r"(group[g]));
  }
  for (Index k = 0; k < depth; ++k) {
    __builtin_prefetch(next);
    __builtin_prefetch(next + 16);
    next += next_step;
    const Vec w_left = load(panel + k * kPanel);
    const Vec w_right = load(panel + k * kPanel + kLanes);
#pragma GCC unroll 16
    for (int r = 0; r < Rows; ++r) {
      const Vec x = broadcast(group[r / 4][r % 4 * a_stride + k]);
      left[r] = fma(x, w_left, left[r]);
      right[r] = fma(x, w_right, right[r]);
    }
  }
#pragma GCC unroll 16
  for (int r = 0; r < Rows; ++r) {
    float* out = c + r * c_stride;
    store(out, start ? left[r] : load(out) + left[r]);
    store(out + kLanes, start ? right[r] : load(out + kLanes) + right[r]);
  }
}

template <int Rows>
inline void tile_of(int rows, const float* a, Index a_stride, const float* panel, Index depth, const float* start,
                    float* c, Index c_stride, const float* next, Index next_step) {
  if (rows == Rows) {
    tile<Rows>(a, a_stride, panel, depth, start, c, c_stride, next, next_step);
  } else if constexpr (Rows > 1) {
    tile_of<Rows - 1>(rows, a, a_stride, panel, depth, start, c, c_stride, next, next_step);
  }
}

// All rows by one panel: C (rows, kPanel) = start + A (rows, depth) · panel, or, where `start` is null, C += the same.
// Then finish(row, count) for each tile's rows, while they are in the first-level cache; `following` is the panel that
// will be used next. Rows are dealt evenly over the tiles, since a last tile of one or two rows would leave the
// multipliers waiting for each other.
template <class Finish>
inline void panel_product(const float* a, Index a_stride, Index rows, const float* panel, Index depth,
                          const float* following, const float* start, float* c, Index c_stride, const Finish& finish) {
  for (Index k = 0; k < depth; k += kDepthBlock) {
    const Index block = depth - k < kDepthBlock ? depth - k : kDepthBlock;
    Index tiles = (rows + kTileRows - 1) / kTileRows;
    const bool last = k + block == depth;
    const float* next = last ? following : panel + (k + block) * kPanel;
    const Index step = (kPanel + tiles - 1) / tiles;
    for (Index row = 0; tiles > 0; --tiles, next += step * block) {
      const Index count = (rows - row + tiles - 1) / tiles;
      tile_of<kTileRows>(static_cast<int>(count), a + row * a_stride + k, a_stride, panel + k * kPanel, block,
                         k > 0 ? nullptr : start, c + row * c_stride, c_stride, next, step);
      if (last) finish(row, count);
      row += count;
    }
  }
}

}  // namespace
