// exp and the two forms of GELU on vectors of float32, to within a unit or two in the last place of the sums they
// enter. The coefficients come from tools/fit_polynomials.py, which prints the errors they reach.
//
// Each function works on N vectors, in place and step by step: a step waits for the one before it, and while one vector
// waits the others are served.
#pragma once

#include "simd.h"

namespace {

template <int N, class F>
inline void for_each(Vec (&x)[N], const F& f) {
#pragma GCC unroll 16
  for (int i = 0; i < N; ++i) x[i] = f(x[i], i);
}

template <int N, int Terms>
inline void polynomial(Vec (&x)[N], const float (&highest_first)[Terms]) {
  Vec result[N];
  for_each(result, [&](Vec, int) { return broadcast(highest_first[0]); });
#pragma GCC unroll 16
  for (int term = 1; term < Terms; ++term) {
    for_each(result, [&](Vec sum, int i) { return fma(sum, x[i], broadcast(highest_first[term])); });
  }
  for_each(x, [&](Vec, int i) { return result[i]; });
}

// e^x for x in [-87.3, 88.3]; what lies outside is clamped there, so the result is never 0, infinite or denormal.
// e^x = 2^n e^f with n the nearest integer to x / ln 2 and |f| <= ln2 / 2; the relative error stays below 1.2e-7.
template <int N>
inline void exp(Vec (&x)[N]) {
  constexpr float kCoefficients[] = {
      0.00138367421f, 0.00837489869f, 0.0416682325f, 0.166664198f, 0.499999911f, 1.f, 1.f};
  for_each(x, [](Vec v, int) { return min(max(v, broadcast(-87.3f)), broadcast(88.3f)); });
  const Vec shift = broadcast(12582912.f);  // 1.5 * 2^23: adding it rounds to an integer held in the low bits
  Vec shifted[N];
  for_each(shifted, [&](Vec, int i) { return fma(x[i], broadcast(1.44269504f), shift); });
  // ln 2 in two parts, the first exact in products with n
  for_each(x, [&](Vec v, int i) { return fma(shifted[i] - shift, broadcast(-0.693145752f), v); });
  for_each(x, [&](Vec v, int i) { return fma(shifted[i] - shift, broadcast(-1.42860677e-06f), v); });
  polynomial(x, kCoefficients);
  for_each(x, [&](Vec v, int i) { return v * (Vec)(((IntVec)shifted[i] - (IntVec)shift + 127) << 23); });
}

// 2^x for x <= 0, never below 2^-126, to 7.6e-5 of itself: for what is rounded to bfloat16.
template <int N>
inline void coarse_exp2(Vec (&x)[N]) {
  constexpr float kCoefficients[] = {0.0551710017f, 0.242615849f, 0.693261445f, 0.999927819f};
  for_each(x, [](Vec v, int) { return max(v, broadcast(-126.f)); });
  const Vec shift = broadcast(12582912.f);
  Vec shifted[N];
  for_each(shifted, [&](Vec, int i) { return x[i] + shift; });
  for_each(x, [&](Vec v, int i) { return v - (shifted[i] - shift); });
  polynomial(x, kCoefficients);
  for_each(x, [&](Vec v, int i) { return (Vec)((IntVec)v + ((IntVec)shifted[i] << 23)); });
}

// x * Phi(x), Phi the normal distribution: Phi(x) = 1/2 + x p(x^2) for |x| <= 5.55, 0 or 1 beyond. p is a polynomial in
// x^2 moved to [-1, 1], where its terms neither grow nor cancel.
template <int N, int Terms>
inline void gelu(Vec (&x)[N], float limit, const float (&highest_first)[Terms]) {
  const float square = limit * limit;
  Vec p[N];
  for_each(
      p, [&](Vec, int i) { return fma(min(x[i] * x[i], broadcast(square)), broadcast(2 / square), broadcast(-1.f)); });
  polynomial(p, highest_first);
  for_each(x, [&](Vec v, int i) { return v * (min(max(v * p[i], broadcast(-0.5f)), broadcast(0.5f)) + 0.5f); });
}

template <int N>
inline void gelu_erf(Vec (&x)[N]) {
  constexpr float kCoefficients[] = {-0.000224911841f, 0.000689927838f, -0.000752190768f, 0.000885323039f,
                                     -0.00241913297f,  0.00482702255f,  -0.00731304893f,  0.0106891906f,
                                     -0.0153400945f,   0.020640295f,    -0.0261971354f,   0.0320305452f,
                                     -0.0385719053f,   0.0473581776f,   -0.0636075288f,   0.127395555f};
  gelu(x, 5.55f, kCoefficients);
}

// Both forms to 1.3e-4, for precisions that round the result more coarsely than that.
template <int N>
inline void coarse_gelu_erf(Vec (&x)[N]) {
  constexpr float kCoefficients[] = {-0.00272901426f, 0.00821128301f, -0.013259978f,  0.0216217078f,
                                     -0.0364953801f,  0.056050811f,   -0.0843574703f, 0.175947756f};
  gelu(x, 4.f, kCoefficients);
}

template <int N>
inline void coarse_gelu_tanh(Vec (&x)[N]) {
  constexpr float kCoefficients[] = {-0.00305909081f, 0.00875729229f, -0.0131757632f, 0.0210221168f,
                                     -0.0361219756f,  0.056020692f,   -0.0844553038f, 0.176004753f};
  gelu(x, 4.f, kCoefficients);
}

// x / 2 (1 + tanh u) = x / (1 + exp(-2u)) with u = sqrt(2 / pi) (x + 0.044715 x^3).
template <int N>
inline void gelu_tanh(Vec (&x)[N]) {
  Vec power[N];
  for_each(power, [&](Vec, int i) { return x[i] * fma(x[i] * x[i], broadcast(0.044715f), broadcast(1.f)); });
  for_each(power, [](Vec u, int) { return u * -1.59576912f; });
  exp(power);
  for_each(x, [&](Vec v, int i) { return v / (1.f + power[i]); });
}

// tanh y = 1 - 2 / (1 + exp 2y)
template <int N>
inline void tanh(Vec (&y)[N]) {
  for_each(y, [](Vec v, int) { return v + v; });
  exp(y);
  for_each(y, [](Vec v, int) { return 1.f - 2.f / (1.f + v); });
}

}  // namespace
