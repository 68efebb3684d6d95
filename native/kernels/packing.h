// How weights become panels (see matmul.h): a few outputs at a time, a stretch of their inputs at a time, so that what
// comes from memory is read there once, whatever order it lies in.
#pragma once

#include "kernels.h"
#include "matmul.h"

namespace {

constexpr Index kStretch = embedpipe::kRangeBlock;  // inputs
constexpr Index kOutputsAtOnce = 16;                // of a transposed matrix, they share a cache line

// Rows of weights times their inputs' factors, with zeros behind the last input up to the end of the stretch. The
// stride keeps rows from meeting in the same sets of the first-level cache.
struct Stretch {
  alignas(64) float rows[kOutputsAtOnce][kStretch + 16];
};

inline float weight_at(const float* place) {  // which may have any address
  float value;
  __builtin_memcpy(&value, place, sizeof value);
  return value;
}

// The inputs from `input` on of `outputs` outputs. Returns zeros, or NaN where one of the weights is not finite.
inline Vec gather(const embedpipe::WeightMatrix& weight, Index output, Index outputs, Index input, Stretch& to) {
  const Index left = weight.inputs - input, count = left < kStretch ? left : kStretch;
  const Index whole = count / kLanes * kLanes;
  const float* from = weight.values + output * weight.output_stride + input * weight.input_stride;
  const float* factors = weight.input_factors ? weight.input_factors + input : nullptr;
  const bool contiguous = weight.input_stride == 1;
  for (Index k = contiguous ? whole : 0; k < count; ++k) {  // output by output, a transposed matrix would come line by
    for (Index o = 0; o < outputs; ++o) {                   // line for one number each
      to.rows[o][k] = weight_at(from + o * weight.output_stride + k * weight.input_stride);
    }
  }
  Vec undefined{};
  for (Index o = 0; o < outputs; ++o) {
    float* row = to.rows[o];
    const float* source = contiguous ? from + o * weight.output_stride : row;
    for (Index k = 0; k < whole; k += kLanes) {
      const Vec v = load(source + k);
      undefined = fma(v, Vec{}, undefined);
      store(row + k, factors ? v * load(factors + k) : v);
    }
    if (whole == count) continue;
    for (Index k = count; k < whole + kLanes; ++k) row[k] = 0.f;
    undefined = fma(load(row + whole), Vec{}, undefined);
    for (Index k = whole; factors && k < count; ++k) row[k] *= factors[k];
  }
  return undefined;
}

inline Vec size_of(Vec v) { return (Vec)((IntVec)v & 0x7FFFFFFF); }

inline void largest_weights(const embedpipe::WeightMatrix& weight, float* largest) {
  Stretch stretch;
  for (Index input = 0; input < weight.inputs; input += kStretch) {
    const Index left = weight.inputs - input, count = left < kStretch ? left : kStretch;
    for (Index output = 0; output < weight.outputs; output += kOutputsAtOnce) {
      const Index more = weight.outputs - output, outputs = more < kOutputsAtOnce ? more : kOutputsAtOnce;
      gather(weight, output, outputs, input, stretch);
      for (Index o = 0; o < outputs; ++o) {
        const float* row = stretch.rows[o];
        float* out = largest + input;
        Index k = 0;
        for (; k + kLanes <= count; k += kLanes) store(out + k, max(size_of(load(row + k)), load(out + k)));
        for (; k < count; ++k) out[k] = __builtin_fabsf(row[k]) > out[k] ? __builtin_fabsf(row[k]) : out[k];
      }
    }
  }
}

// Packs a matrix for a Math. Its Encoding is made for each output; where the Math quantizes, it measures all stretches
// first, and then it encodes each of them, `count` inputs from `input` on, as units of output n of w.
template <class Math>
bool pack(const embedpipe::WeightMatrix& weight, Index first, const embedpipe::PackedLinear& w) {
  typedef int32_t Unit __attribute__((may_alias));
  constexpr Index kOutputs = Math::kPackedPanel;
  const Index depth = embedpipe::rounded_up(weight.inputs, Math::kStepInputs) / Math::kGroup;
  Unit* panels = static_cast<Unit*>(const_cast<void*>(w.panels));
  Stretch stretch;
  Vec undefined{};
  for (Index output = 0; output < weight.outputs; output += kOutputsAtOnce) {
    const Index more = weight.outputs - output, outputs = more < kOutputsAtOnce ? more : kOutputsAtOnce;
    typename Math::Encoding encodings[kOutputsAtOnce] = {};
    if constexpr (Math::kQuantizes) {
      for (Index input = 0; input < weight.inputs; input += kStretch) {
        const Index left = weight.inputs - input, count = left < kStretch ? left : kStretch;
        gather(weight, output, outputs, input, stretch);
        for (Index o = 0; o < outputs; ++o) encodings[o].measure(stretch.rows[o], count);
      }
    }
    for (Index input = 0; input < weight.inputs; input += kStretch) {
      const Index left = weight.inputs - input, count = left < kStretch ? left : kStretch;
      undefined += gather(weight, output, outputs, input, stretch);
      for (Index o = 0; o < outputs; ++o) {
        const Index n = first + output + o, lane = n % kOutputs;
        alignas(64) Unit units[kStretch + 2 * kLanes];
        encodings[o].encode(stretch.rows[o], input, count, w, n, units);
        Unit* out = panels + (n - lane) * depth + input / Math::kGroup * kOutputs + lane;
        const Index whole = (count + Math::kGroup - 1) / Math::kGroup;
        for (Index u = 0; u < whole; ++u) out[u * kOutputs] = units[u];
      }
    }
  }
  return sum_lanes(undefined) == 0.f;
}

}  // namespace
