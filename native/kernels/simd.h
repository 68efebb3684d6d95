// One float vector type whose width follows the instruction set a file is compiled for, and the few operations that
// need an intrinsic. Everything else (+ - * /, comparisons) is the compilers' own vector arithmetic. What is built from
// these lies in math.h, matmul.h and their neighbors.
//
// This header and all that include it are compiled several times with different flags, so everything here has internal
// linkage: a function shared between those copies could run instructions that the processor lacks.
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>

#if defined(__AVX2__)
#include <immintrin.h>
#elif defined(__SSE2__)
#include <emmintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif

namespace {

using Index = std::ptrdiff_t;

#if defined(__AVX512F__)
constexpr Index kLanes = 16;
constexpr int kTileRows = 14;  // 14 x 2 accumulators, 2 weight vectors and 1 broadcast: 31 of 32 registers
#elif defined(__AVX2__)
constexpr Index kLanes = 8;
constexpr int kTileRows = 6;  // 6 x 2 accumulators, 2 weight vectors and 1 broadcast: 15 of 16 registers
#else
constexpr Index kLanes = 4;
constexpr int kTileRows = 6;
#endif

typedef float Vec __attribute__((vector_size(4 * kLanes)));
typedef int32_t IntVec __attribute__((vector_size(4 * kLanes)));

inline Vec load(const float* p) {
  Vec v;
  __builtin_memcpy(&v, p, sizeof v);
  return v;
}

inline void store(float* p, Vec v) { __builtin_memcpy(p, &v, sizeof v); }

#if defined(__AVX512F__)

inline Vec broadcast(float x) { return (Vec)_mm512_set1_ps(x); }
inline Vec fma(Vec a, Vec b, Vec c) { return (Vec)_mm512_fmadd_ps((__m512)a, (__m512)b, (__m512)c); }
inline Vec max(Vec a, Vec b) { return (Vec)_mm512_max_ps((__m512)a, (__m512)b); }
inline Vec min(Vec a, Vec b) { return (Vec)_mm512_min_ps((__m512)a, (__m512)b); }
inline float sum_lanes(Vec v) { return _mm512_reduce_add_ps((__m512)v); }
inline float max_lane(Vec v) { return _mm512_reduce_max_ps((__m512)v); }

#elif defined(__AVX2__)

inline Vec broadcast(float x) { return (Vec)_mm256_set1_ps(x); }
inline Vec fma(Vec a, Vec b, Vec c) { return (Vec)_mm256_fmadd_ps((__m256)a, (__m256)b, (__m256)c); }
inline Vec max(Vec a, Vec b) { return (Vec)_mm256_max_ps((__m256)a, (__m256)b); }
inline Vec min(Vec a, Vec b) { return (Vec)_mm256_min_ps((__m256)a, (__m256)b); }
inline float sum_lanes(Vec v) {
  __m128 s = _mm_add_ps(_mm256_castps256_ps128((__m256)v), _mm256_extractf128_ps((__m256)v, 1));
  s = _mm_add_ps(s, _mm_movehl_ps(s, s));
  return _mm_cvtss_f32(_mm_add_ss(s, _mm_movehdup_ps(s)));
}
inline float max_lane(Vec v) {
  __m128 m = _mm_max_ps(_mm256_castps256_ps128((__m256)v), _mm256_extractf128_ps((__m256)v, 1));
  m = _mm_max_ps(m, _mm_movehl_ps(m, m));
  return _mm_cvtss_f32(_mm_max_ss(m, _mm_movehdup_ps(m)));
}

#else

inline Vec broadcast(float x) { return Vec{x, x, x, x}; }
#if defined(__aarch64__)
inline Vec fma(Vec a, Vec b, Vec c) { return (Vec)vfmaq_f32((float32x4_t)c, (float32x4_t)a, (float32x4_t)b); }
#else
inline Vec fma(Vec a, Vec b, Vec c) { return a * b + c; }  // two roundings: SSE2 has no fused form
#endif
inline Vec max(Vec a, Vec b) { return a > b ? a : b; }
inline Vec min(Vec a, Vec b) { return a < b ? a : b; }
inline float sum_lanes(Vec v) { return (v[0] + v[2]) + (v[1] + v[3]); }
inline float max_lane(Vec v) {
  const float a = v[0] > v[2] ? v[0] : v[2], b = v[1] > v[3] ? v[1] : v[3];
  return a > b ? a : b;
}

#endif

// What the compiler must take for unknown from here on.
template <class Register>
inline void hide(Register& v) {
#if defined(__AVX512F__)
  asm("" : "+v"(v));
#elif defined(__SSE2__)
  asm("" : "+x"(v));
#elif defined(__aarch64__)
  asm("" : "+w"(v));
#else
  asm("" : "+m"(v));
#endif
}

inline IntVec lane_numbers() {
  IntVec v;
  for (int i = 0; i < kLanes; ++i) v[i] = i;
  return v;
}

// The first `count` lanes of v, and `other` in the rest.
inline Vec keep_first(Vec v, Index count, Vec other) {
  const IntVec limit = IntVec{} + static_cast<int32_t>(count);
  return lane_numbers() < limit ? v : other;
}

template <int Distance, int... Lane>
inline void exchange(Vec& a, Vec& b, std::integer_sequence<int, Lane...>) {
  const Vec low = __builtin_shufflevector(a, b, ((Lane & Distance) ? kLanes + Lane - Distance : Lane)...);
  b = __builtin_shufflevector(a, b, ((Lane & Distance) ? kLanes + Lane : Lane + Distance)...);
  a = low;
}

// Turns a square: lane j of vector i changes places with lane i of vector j, for blocks of doubling size.
template <int Distance = 1>
inline void transpose(Vec (&rows)[kLanes]) {
#pragma GCC unroll 16
  for (int i = 0; i < kLanes; ++i) {
    if (!(i & Distance)) exchange<Distance>(rows[i], rows[i + Distance], std::make_integer_sequence<int, kLanes>());
  }
  if constexpr (2 * Distance < kLanes) transpose<2 * Distance>(rows);
}

}  // namespace
