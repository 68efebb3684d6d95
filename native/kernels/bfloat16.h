// Products of bfloat16, two in a unit, with float32 sums. Needs AVX512-BF16, whose instruction treats denormals as
// zero.
#pragma once

#include "float32.h"

namespace {

struct BFloat16 {
  typedef int32_t Unit __attribute__((may_alias));
  using Sum = Vec;
  using Ends = FloatEnds;
  static constexpr const char* kName = "bfloat16";
  static constexpr bool kExact = false;
  static constexpr Index kGroup = 2;
  static constexpr bool kQuantizes = false;

  static __m512bh load_units(const Unit* p) {
    __m512bh v;
    __builtin_memcpy(&v, p, sizeof v);
    return v;
  }
  static __m512bh spread(Unit x) { return (__m512bh)_mm512_set1_epi32(x); }
  static Vec dot(__m512bh x, __m512bh w, Vec sum) { return (Vec)_mm512_dpbf16_ps((__m512)sum, x, w); }
  static Ends ends(const embedpipe::Operand& x, const embedpipe::PackedLinear& w, Index n, Index first) {
    return Float32::ends(x, w, n, first);
  }

  static void prepare(const float* x, Index x_stride, Index rows, Index columns, const embedpipe::PackedLinear&,
                      const embedpipe::Operand& prepared) {
    Unit* units = static_cast<Unit*>(const_cast<void*>(prepared.units));
    for (Index r = 0; r < rows; ++r) {
      const float* row = x + r * x_stride;
      Unit* out = units + r * prepared.stride;
      for (Index k = 0; k < columns; k += kPanel) {
        float last[kPanel] = {};
        const float* from = row + k;
        if (columns - k < kPanel) {
          __builtin_memcpy(last, from, static_cast<size_t>(columns - k) * sizeof(float));
          from = last;
        }
        const __m512bh pairs = _mm512_cvtne2ps_pbh((__m512)load(from + kLanes), (__m512)load(from));
        __builtin_memcpy(out + k / kGroup, &pairs, sizeof pairs);
      }
    }
  }

  static void pack(const embedpipe::WeightMatrix& weight, Index first, const embedpipe::PackedLinear& w) {
    const Index depth = (weight.inputs + kGroup - 1) / kGroup;
    uint16_t* panels = static_cast<uint16_t*>(const_cast<void*>(w.panels));
    for (Index o = 0; o < weight.outputs; ++o) {
      const Index n = first + o, lane = n % kPanel;
      uint16_t* out = panels + ((n - lane) * depth + lane) * kGroup;
      for (Index k = 0; k < weight.inputs; ++k) {
        out[k / kGroup * kPanel * kGroup + k % kGroup] = rounded(weight_at(weight, o, k));
      }
    }
  }

 private:
  // To the nearest, ties to even, as the instruction does it for activations.
  static uint16_t rounded(float x) {
    uint32_t bits;
    __builtin_memcpy(&bits, &x, sizeof bits);
    if (x != x) return static_cast<uint16_t>(bits >> 16 | 0x40);  // stays undefined
    return static_cast<uint16_t>((bits + 0x7FFF + (bits >> 16 & 1)) >> 16);
  }
};

}  // namespace
