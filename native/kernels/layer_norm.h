// LayerNorm of a row: (x - mean) / sqrt(variance + epsilon) * weight + bias, the variance without Bessel's correction,
// in two passes so that a large mean costs no precision.
#pragma once

#include "simd.h"

namespace {

inline float mean_of(const float* x, Index size) {
  const Index whole = size / kLanes * kLanes;
  Vec sum{};
  for (Index i = 0; i < whole; i += kLanes) sum += load(x + i);
  float total = sum_lanes(sum);
  for (Index i = whole; i < size; ++i) total += x[i];
  return total / static_cast<float>(size);
}

// In place; returns 1 / sqrt(variance + epsilon).
inline float layer_norm(float* x, Index size, const float* weight, const float* bias, float epsilon) {
  const Index whole = size / kLanes * kLanes;
  const float mean = mean_of(x, size);
  Vec squares{};
  for (Index i = 0; i < whole; i += kLanes) {
    const Vec d = load(x + i) - mean;
    squares = fma(d, d, squares);
  }
  float total = sum_lanes(squares);
  for (Index i = whole; i < size; ++i) total += (x[i] - mean) * (x[i] - mean);
  const float scale = 1.f / __builtin_sqrtf(total / static_cast<float>(size) + epsilon);

  for (Index i = 0; i < whole; i += kLanes) {
    store(x + i, fma((load(x + i) - mean) * scale, load(weight + i), load(bias + i)));
  }
  for (Index i = whole; i < size; ++i) x[i] = (x[i] - mean) * scale * weight[i] + bias[i];
  return scale;
}

}  // namespace
