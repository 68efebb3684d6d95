// What the tile instructions do, in plain code: see tiles.h.
//
// Of bfloat16, even and odd inputs are summed apart, from zero and by fused multiply-adds; the two sums are joined, and
// then added to what is there. Everything rounds to the nearest and takes denormal numbers for zeros, of inputs and of
// results, whatever the thread has set. Emerald Rapids agreed in all of half a million outputs that were tried.
#pragma once

#include <cstdint>
#include <cstring>

#include "kernels.h"

namespace {

struct TileModel {
  alignas(64) uint8_t rows[16][64];
};

thread_local TileModel model_tiles[8];

inline TileModel& model_tile(int number) { return model_tiles[number]; }

inline void model_zero(int t) { std::memset(model_tile(t).rows, 0, sizeof(TileModel)); }

inline void model_load(int t, const void* from, embedpipe::Index stride) {
  for (int r = 0; r < 16; ++r) std::memcpy(model_tile(t).rows[r], static_cast<const char*>(from) + r * stride, 64);
}

inline void model_store(int t, void* to, embedpipe::Index stride) {
  for (int r = 0; r < 16; ++r) std::memcpy(static_cast<char*>(to) + r * stride, model_tile(t).rows[r], 64);
}

constexpr float kLeastNormal = 1.17549435e-38f;  // 2^-126

inline float model_flushed(float x) { return __builtin_fabsf(x) < kLeastNormal ? __builtin_copysignf(0.f, x) : x; }

// a * b + c of numbers that are not denormal, a and b bfloat16. A result counts as denormal if it would be so with an
// exponent of any size: then it can still round up to the least normal number, from as near as 2^-151. In double, a sum
// of such a size is exact.
inline float model_fused(float a, float b, float c) {
  const float result = __builtin_fmaf(a, b, c);
  if (__builtin_fabsf(result) != kLeastNormal) return model_flushed(result);
  const double exact = __builtin_fabs(static_cast<double>(a) * b + c);
  return exact < static_cast<double>(kLeastNormal) - 0x1p-151 ? __builtin_copysignf(0.f, result) : result;
}

inline float model_bfloat16(const uint8_t* row, int k) {
  uint16_t high;
  std::memcpy(&high, row + 2 * k, sizeof high);
  const uint32_t bits = static_cast<uint32_t>(high) << 16;
  float x;
  std::memcpy(&x, &bits, sizeof x);
  return model_flushed(x);
}

inline void model_tdpbf16ps(int sum, int x, int w) {
  TileModel &c = model_tile(sum), &a = model_tile(x), &b = model_tile(w);
  for (int m = 0; m < 16; ++m) {
    for (int n = 0; n < 16; ++n) {
      float sums[2] = {}, before;
      for (int k = 0; k < 32; ++k) {
        sums[k % 2] =
            model_fused(model_bfloat16(a.rows[m], k), model_bfloat16(b.rows[k / 2], 2 * n + k % 2), sums[k % 2]);
      }
      std::memcpy(&before, c.rows[m] + 4 * n, sizeof before);
      const float after = model_flushed(model_flushed(before) + model_flushed(sums[0] + sums[1]));
      std::memcpy(c.rows[m] + 4 * n, &after, sizeof after);
    }
  }
}

inline void model_tdpbusd(int sum, int x, int w) {
  TileModel &c = model_tile(sum), &a = model_tile(x), &b = model_tile(w);
  for (int m = 0; m < 16; ++m) {
    for (int n = 0; n < 16; ++n) {
      uint32_t total;
      std::memcpy(&total, c.rows[m] + 4 * n, sizeof total);
      for (int k = 0; k < 64; ++k) {
        const int weight = static_cast<int8_t>(b.rows[k / 4][4 * n + k % 4]);
        total += static_cast<uint32_t>(a.rows[m][k] * weight);
      }
      std::memcpy(c.rows[m] + 4 * n, &total, sizeof total);
    }
  }
}

}  // namespace
