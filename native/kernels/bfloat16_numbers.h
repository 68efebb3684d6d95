// float32 to bfloat16: activations as they come, and weights.
#pragma once

#include "kernels.h"
#include "simd.h"

namespace {

typedef uint32_t UnsignedVec __attribute__((vector_size(4 * kLanes)));
typedef uint16_t BFloat16Vec __attribute__((vector_size(2 * kLanes)));

// To the nearest, ties to even; what is undefined stays so. Results that are denormal numbers may be zeros instead:
// products take them for zeros.
inline BFloat16Vec to_bfloat16(Vec x) {
#if defined(__AVX512BF16__)
  return (BFloat16Vec)_mm512_cvtneps_pbh((__m512)x);
#else
  const UnsignedVec bits = (UnsignedVec)x;
  const UnsignedVec rounded = (bits + 0x7FFF + (bits >> 16 & 1)) >> 16;
  UnsignedVec result = x == x ? rounded : (bits >> 16 | 0x40);
  hide(result);  // or the compiler takes its lanes apart
  return __builtin_convertvector(result, BFloat16Vec);
#endif
}

inline void store_bfloat16(uint16_t* out, Vec x) {
  const BFloat16Vec narrow = to_bfloat16(x);
  __builtin_memcpy(out, &narrow, sizeof narrow);
}

template <int... Lane>
inline Vec concatenated(BFloat16Vec a, BFloat16Vec b, std::integer_sequence<int, Lane...>) {
  return (Vec)__builtin_shufflevector(a, b, Lane...);
}

// A vector of units, each of two neighbors: those of `first`, then those of `second`.
inline Vec bfloat16_units(Vec first, Vec second) {
  return concatenated(to_bfloat16(first), to_bfloat16(second), std::make_integer_sequence<int, 2 * kLanes>());
}

// A vector of units, each of the same lane of both.
inline Vec bfloat16_pairs(Vec first, Vec second) {
  const UnsignedVec low = __builtin_convertvector(to_bfloat16(first), UnsignedVec);
  return (Vec)(low | __builtin_convertvector(to_bfloat16(second), UnsignedVec) << 16);
}

// `prepare` of kernels.h, with zeros behind the columns up to a multiple of Step.
template <Index Step>
void prepare_bfloat16(const float* x, Index x_stride, Index rows, Index columns, const embedpipe::PackedLinear&,
                      const embedpipe::Operand& prepared) {
  uint16_t* units = static_cast<uint16_t*>(const_cast<void*>(prepared.units));
  for (Index r = 0; r < rows; ++r) {
    const float* row = x + r * x_stride;
    uint16_t* out = units + r * prepared.stride * 2;
    Index k = 0;
    for (; k + Step <= columns; k += Step) {
      for (Index i = 0; i < Step; i += kLanes) store_bfloat16(out + k + i, load(row + k + i));
    }
    if (k == columns) continue;
    float last[Step] = {};
    __builtin_memcpy(last, row + k, static_cast<size_t>(columns - k) * sizeof(float));
    for (Index i = 0; i < Step; i += kLanes) store_bfloat16(out + k + i, load(last + i));
  }
}

struct BFloat16Encoding {
  void encode(const float* row, Index, Index count, const embedpipe::PackedLinear&, Index, void* units) const {
    for (Index k = 0; k < count; k += kLanes) store_bfloat16(static_cast<uint16_t*>(units) + k, load(row + k));
  }
};

}  // namespace
