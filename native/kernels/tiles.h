// Intel's AMX: eight tiles of 16 rows by 64 bytes, and products of whole tiles. Four macros and a scope stand for the
// instructions, and where EMBEDPIPE_TILE_MODEL is defined, for a plain model of them that runs on every processor,
// gives the same bits, and lets sanitizers see what is read and written. A tile's number must be a literal.
//
//   TILE_ZERO(t)                 all bytes of tile t
//   TILE_LOAD(t, from, stride)   sixteen rows of 64 bytes, `stride` bytes apart
//   TILE_STORE(t, to, stride)
//   TILE_DOT(tdpbf16ps, c, a, b) c[m][n] += the sum over k of a[m][k] b[k/2][2n + k%2]: float32, of 32 bfloat16
//   TILE_DOT(tdpbusd, c, a, b)   c[m][n] += the sum over k of a[m][k] b[k/4][4n + k%4]: int32, of 64 uint8 times int8
#pragma once

#include <cstdint>

#include "kernels.h"

namespace {

constexpr embedpipe::Index kTileBytes = 64;        // of a row
constexpr embedpipe::Index kTileRowsOfBytes = 16;  // of a tile

}  // namespace

#if defined(EMBEDPIPE_TILE_MODEL)

#include "tile_model.h"

#define TILE_ZERO(t) model_zero(t)
#define TILE_LOAD(t, from, stride) model_load(t, from, stride)
#define TILE_STORE(t, to, stride) model_store(t, to, stride)
#define TILE_DOT(op, sum, x, w) model_##op(sum, x, w)

namespace {

struct Tiles {
  ~Tiles() {}  // so that it counts as used
};

}  // namespace

#else

// Assembly rather than intrinsics: GCC's do not say that they read memory, so that stores before them may come late;
// and so no flag is needed, only an assembler that knows the instructions.
#define TILE_ZERO(t) asm volatile("tilezero %%tmm" #t::)
#define TILE_LOAD(t, from, stride) \
  asm volatile("tileloadd (%0,%1,1), %%tmm" #t::"r"(from), "r"(static_cast<long>(stride)) : "memory")
#define TILE_STORE(t, to, stride) \
  asm volatile("tilestored %%tmm" #t ", (%0,%1,1)" ::"r"(to), "r"(static_cast<long>(stride)) : "memory")
#define TILE_DOT(op, sum, x, w) asm volatile(#op " %%tmm" #w ", %%tmm" #x ", %%tmm" #sum::)

namespace {

// While this exists, the thread has tiles. They are given up again soon, since the system saves 8 KB more at each
// change of threads that hold some, and signals need as much more of their stack.
class Tiles {
 public:
  Tiles() {
    const Configuration all;
    asm volatile("ldtilecfg %0" ::"m"(all) : "memory");
  }
  Tiles(const Tiles&) = delete;
  Tiles& operator=(const Tiles&) = delete;
  ~Tiles() { asm volatile("tilerelease" ::); }

 private:
  struct alignas(64) Configuration {
    uint8_t palette = 1, start_row = 0, reserved[14] = {};
    uint16_t row_bytes[16] = {64, 64, 64, 64, 64, 64, 64, 64};
    uint8_t rows[16] = {16, 16, 16, 16, 16, 16, 16, 16};
  };
};

}  // namespace

#endif
