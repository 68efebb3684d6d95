// Products of bfloat16, two in a unit, with float32 sums. Needs AVX512-BF16, whose instruction treats denormals as
// zero.
#pragma once

#include "bfloat16_numbers.h"
#include "float32.h"

namespace {

struct BFloat16 {
  typedef int32_t Unit __attribute__((may_alias));
  using Sum = Vec;
  using Ends = FloatEnds;
  using Attention = BFloat16;
  static constexpr const char* kName = "bfloat16";
  static constexpr bool kExact = false;
  static constexpr Index kGroup = 2, kStepInputs = kGroup, kPackedPanel = kPanel;
  static constexpr bool kQuantizes = false, kConverts = true;

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

  static constexpr auto prepare = prepare_bfloat16<kPanel>;
  using Encoding = BFloat16Encoding;
};

}  // namespace
