// Matrix product of activations with weights that were packed into panels, the loop in which nearly all time is spent.
//
//   C (rows, columns) = A (rows, depth) · W^T,   W (columns, depth)
//
// Depth is counted in units of four bytes: one float32, two bfloat16, or as many small integers as the processor
// multiplies and adds at once. Packing cuts W's columns into panels of kPanel = 2 vectors, and lays a panel out by
// depth:
//   packed[panel][k][lane] = unit k of W[panel * kPanel + lane], zero where the last panel has no column.
// A tile is kTileRows rows by one panel. Its sums stay in registers while k runs; each step broadcasts one unit per row
// of A and multiplies it with the panel's two vectors: 2 kTileRows multiply-adds for kTileRows + 2 loads.
//
// Order of sums: within a block of steps k ascends, and blocks are added to C in ascending order. That
// order depends on nothing else (not on the rows, the tile, or the thread), so a row has the same bits in any company.
// A block also bounds the part of a panel in use to 16 KB or less: it stays in the first-level cache for all rows.
//
// What differs between precisions is their `Math`: Unit, Vector (a panel's units), Sum, dot, whether what follows must
// be exact to float32 (kExact), whether activations are prepared number by number (kConverts) or by ranges of a row
// (kQuantizes), and Ends, which says what a block's sums begin with and what becomes of them.
#pragma once

#include "kernels.h"
#include "simd.h"

namespace {

constexpr Index kPanel = 2 * kLanes;

// One tile over one block of depth. The rows are a template parameter so that the sums become registers.
//
// Not to be inlined: in a larger function compilers keep one of the sums in memory, which costs a tenth of the speed.
//
// Meanwhile what comes next is brought into the first-level cache, two lines a step from `next` on: waiting for weights
// at each block's first tile would cost a tenth of the time, and asking for all at once would hold up every other load.
template <class Math, int Rows>
[[gnu::noinline]] void tile(const typename Math::Unit* a, Index a_stride, const typename Math::Unit* panel, Index depth,
                            const typename Math::Ends& ends, Index row, float* c, Index c_stride,
                            const typename Math::Unit* next, Index next_step) {
  typename Math::Sum left[Rows], right[Rows];
  const typename Math::Sum start_left = ends.start(0), start_right = ends.start(kLanes);
#pragma GCC unroll 16
  for (int r = 0; r < Rows; ++r) left[r] = start_left, right[r] = start_right;
  // Four rows share a pointer. Hidden behind an empty asm, it stays one: compilers would otherwise give every row an
  // offset of its own, run out of registers for them, and lose four percent.
  constexpr int kGroups = (Rows + 3) / 4;
  const typename Math::Unit* group[kGroups];
#pragma GCC unroll 4
  for (int g = 0; g < kGroups; ++g) {
    group[g] = a + 4 * g * a_stride;
    asm("" : "+r"(group[g]));
  }
  for (Index k = 0; k < depth; ++k) {
    __builtin_prefetch(next);
    __builtin_prefetch(next + 16);
    next += next_step;
    const auto w_left = Math::load_units(panel + k * kPanel);
    const auto w_right = Math::load_units(panel + k * kPanel + kLanes);
#pragma GCC unroll 16
    for (int r = 0; r < Rows; ++r) {
      const auto x = Math::spread(group[r / 4][r % 4 * a_stride + k]);
      left[r] = Math::dot(x, w_left, left[r]);
      right[r] = Math::dot(x, w_right, right[r]);
    }
  }
  const typename Math::Ends own = ends;  // or its members would be read anew after everything stored
  own.finish(row, left, right, c, c_stride);
}

template <class Math, int Rows>
inline void tile_of(int rows, const typename Math::Unit* a, Index a_stride, const typename Math::Unit* panel,
                    Index depth, const typename Math::Ends& ends, Index row, float* c, Index c_stride,
                    const typename Math::Unit* next, Index next_step) {
  if (rows == Rows) {
    tile<Math, Rows>(a, a_stride, panel, depth, ends, row, c, c_stride, next, next_step);
  } else if constexpr (Rows > 1) {
    tile_of<Math, Rows - 1>(rows, a, a_stride, panel, depth, ends, row, c, c_stride, next, next_step);
  }
}

// All rows by one panel, block after block of the depth, `ends` moving on from each to the next. Then finish(row,
// count) for each tile's rows, while they are in the first-level cache; `following` is the panel that will be used
// next. Rows are dealt evenly over the tiles, since a last tile of one or two rows would leave the multipliers waiting
// for each other.
template <class Math, class Finish>
inline void panel_product(const typename Math::Unit* a, Index a_stride, Index rows, const typename Math::Unit* panel,
                          Index depth, const typename Math::Unit* following, typename Math::Ends ends, float* c,
                          Index c_stride, const Finish& finish) {
  for (Index k = 0; k < depth; k += ends.depth_block()) {
    const Index block = depth - k < ends.depth_block() ? depth - k : ends.depth_block();
    Index tiles = (rows + kTileRows - 1) / kTileRows;
    const bool last = k + block == depth;
    const typename Math::Unit* next = last ? following : panel + (k + block) * kPanel;
    const Index step = (kPanel + tiles - 1) / tiles;
    for (Index row = 0; tiles > 0; --tiles, next += step * block) {
      const Index count = (rows - row + tiles - 1) / tiles;
      tile_of<Math, kTileRows>(static_cast<int>(count), a + row * a_stride + k, a_stride, panel + k * kPanel, block,
                               ends, row, c + row * c_stride, c_stride, next, step);
      if (last) finish(row, count);
      row += count;
    }
    ends.next_block();
  }
}

}  // namespace
