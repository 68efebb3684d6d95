// Products of small integers, four or two in a unit.
//
// Weights are symmetric: w = scale q, q from -127 to 127, one scale per output. Activations are quantized as they come,
// a row at a time and a block of columns at a time: x = low + step q, q from 0 to 255, so that what lies on one side
// of zero (as after GELU) uses all steps as well. A row's result depends on that row alone. With this,
//   sum x w = step scale (sum q_x q_w) + low (scale sum q_w),
// whose integer sum is exact on every instruction set: VNNI adds products of bytes in 32 bits. AVX2 and AVX-512 without
// it add two of them in 16 bits, which would saturate, so an output's scale is large enough for the weights of an even
// input and its neighbor to stay within 128 together: 255 * 128 fits. SSE2 multiplies 16-bit integers.
#pragma once

#if defined(__AVX512BF16__)
#include "bfloat16.h"
#endif
#include "float32.h"
#include "kernels.h"
#include "matmul.h"
#include "packing.h"

namespace {

#if defined(__AVX2__) || defined(EMBEDPIPE_TILE_MODEL)
using Quantized = uint8_t;
using QuantizedWeight = int8_t;
#else
using Quantized = int16_t;
using QuantizedWeight = int16_t;
#endif

typedef Quantized QuantizedVec __attribute__((vector_size(kLanes * sizeof(Quantized))));
typedef QuantizedWeight QuantizedWeightVec __attribute__((vector_size(kLanes * sizeof(QuantizedWeight))));

constexpr float kSmallest = 1e-30f;  // what is smaller counts as zero: its reciprocal could be infinite

// Adding 1.5 * 2^23 rounds to an integer, ties to even, held in the low bits.
constexpr float kRoundingShift = 12582912.f;

struct IntegerEnds {
  const float *bias, *scales, *sums, *ranges;  // bias: null to add to what C holds
  Index sums_stride, range_stride, units;      // units: of a block

  IntVec start(Index) const { return IntVec{}; }
  template <int Rows>
  void finish(Index row, const IntVec (&left)[Rows], const IntVec (&right)[Rows], float* out, Index stride) const {
    const float* from = bias ? bias : out;
    const Index from_stride = bias ? 0 : stride;
    const Vec sum[] = {load(sums), load(sums + kLanes)}, scale[] = {load(scales), load(scales + kLanes)};
#pragma GCC unroll 16
    for (int r = 0; r < Rows; ++r) {
      const float* range = ranges + (row + r) * range_stride;
      const Vec step = broadcast(range[0]), low = broadcast(range[1]);
      const IntVec both[] = {left[r], right[r]};
      for (int i = 0; i < 2; ++i) {
        const Vec before = fma(low, sum[i], load(from + r * from_stride + i * kLanes));
        store(out + r * stride + i * kLanes, fma(__builtin_convertvector(both[i], Vec), step * scale[i], before));
      }
    }
  }
  Index depth_block() const { return units; }
  void next_block() {
    bias = nullptr;
    sums += sums_stride;
    ranges += 2;
  }
};

struct Int8 {
  typedef int32_t Unit __attribute__((may_alias));
  using Sum = IntVec;
  using Ends = IntegerEnds;
#if defined(__AVX512BF16__)
  using Attention = BFloat16;
#else
  using Attention = Float32;
#endif
  static constexpr const char* kName = "int8";
  static constexpr bool kExact = false;
  static constexpr Index kGroup = sizeof(Unit) / sizeof(Quantized), kStepInputs = kGroup, kPackedPanel = kPanel;
  static constexpr bool kQuantizes = true, kConverts = false;

  static IntVec load_units(const Unit* p) {
    IntVec v;
    __builtin_memcpy(&v, p, sizeof v);
    return v;
  }
  static IntVec spread(Unit x) { return IntVec{} + x; }

  static IntVec dot(IntVec x, IntVec w, IntVec sum) {
#if defined(__AVX512VNNI__)
    return (IntVec)_mm512_dpbusd_epi32((__m512i)sum, (__m512i)x, (__m512i)w);
#elif defined(__AVXVNNI__)
    return (IntVec)_mm256_dpbusd_avx_epi32((__m256i)sum, (__m256i)x, (__m256i)w);
#elif defined(__AVX512BW__)
    return sum + (IntVec)_mm512_madd_epi16(_mm512_maddubs_epi16((__m512i)x, (__m512i)w), _mm512_set1_epi16(1));
#elif defined(__AVX2__)
    return sum + (IntVec)_mm256_madd_epi16(_mm256_maddubs_epi16((__m256i)x, (__m256i)w), _mm256_set1_epi16(1));
#elif defined(__SSE2__)
    return sum + (IntVec)_mm_madd_epi16((__m128i)x, (__m128i)w);
#else
    return sum + ((x << 16) >> 16) * ((w << 16) >> 16) + (x >> 16) * (w >> 16);
#endif
  }

  static Ends ends(const embedpipe::Operand& x, const embedpipe::PackedLinear& w, Index n, Index first) {
    return {first > 0 ? nullptr : w.bias + n,
            w.scales + n,
            w.sums + first / w.range_block * w.sums_stride + n,
            x.ranges,
            w.sums_stride,
            x.range_stride,
            w.range_block / kGroup};
  }

  static void prepare(const float* x, Index x_stride, Index rows, Index columns, const embedpipe::PackedLinear& w,
                      const embedpipe::Operand& prepared) {
    Quantized* out = static_cast<Quantized*>(const_cast<void*>(prepared.units));
    float* ranges = const_cast<float*>(prepared.ranges);
    for (Index r = 0; r < rows; ++r) {
      for (Index first = 0; first < columns; first += w.range_block) {
        const Index count = columns - first < w.range_block ? columns - first : w.range_block;
        const float* from = x + r * x_stride + first;
        Quantized* to = out + r * prepared.stride * kGroup + first;
        float* range = ranges + r * prepared.range_stride + 2 * (first / w.range_block);
        if (w.input_scales) {
          quantize(ScaledNumbers{from, w.input_scales + first}, count, to, range);
        } else {
          quantize(Numbers{from}, count, to, range);
        }
      }
    }
  }

  // One output's weights: first how large they are, then as integers.
  struct Encoding {
    Vec largest{};

    void measure(const float* row, Index count) {
      for (Index k = 0; k < count; k += kLanes) {
        const Vec v = load(row + k);
        largest = max(size_of(v), largest);
        largest = max(size_of(v + neighbors(v, std::make_integer_sequence<int, kLanes>())), largest);
      }
    }

    void encode(const float* row, Index input, Index count, const embedpipe::PackedLinear& w, Index n, void* units) {
      const float scale = scale_of(max_lane(largest)), steps = scale > 0.f ? 1.f / scale : 0.f;
      const_cast<float*>(w.scales)[n] = scale;
      for (Index k = 0; k < count; k += w.range_block) {
        const Index last = k + w.range_block < count ? k + w.range_block : count;
        const int32_t sum = quantize_weights(row, k, last, steps, static_cast<QuantizedWeight*>(units));
        const_cast<float*>(w.sums)[(input + k) / w.range_block * w.sums_stride + n] = scale * static_cast<float>(sum);
      }
    }
  };

 private:
  struct Numbers {
    const float* x;

    float one(Index k) const { return x[k]; }
    Vec some(Index k) const { return load(x + k); }
  };

  struct ScaledNumbers {
    const float *x, *scales;

    float one(Index k) const { return x[k] * scales[k]; }
    Vec some(Index k) const { return load(x + k) * load(scales + k); }
  };

  // What numbers lie between; undefined is not zero once one of them was infinite or undefined.
  struct Range {
    Vec low, high, undefined;

    void add(Vec v) {
      low = min(low, v);
      high = max(high, v);
      undefined = fma(v, Vec{}, undefined);
    }
  };

  // One block of a row; `range` becomes what a step is worth and what 0 means. An infinite or undefined number makes
  // both undefined, and with them the result.
  template <class From>
  static void quantize(const From& x, Index count, Quantized* out, float* range) {
    constexpr int kAtOnce = 4;
    const Index whole = count / kLanes * kLanes, groups = count / (kAtOnce * kLanes) * (kAtOnce * kLanes);
    const Vec first = broadcast(x.one(0));
    Range r[kAtOnce];
    for (int i = 0; i < kAtOnce; ++i) r[i] = {first, first, Vec{}};
    for (Index k = 0; k < groups; k += kAtOnce * kLanes) {
#pragma GCC unroll 4
      for (int i = 0; i < kAtOnce; ++i) r[i].add(x.some(k + i * kLanes));
    }
    for (Index k = groups; k < whole; k += kLanes) r[0].add(x.some(k));
    if (whole < count) r[0].add(last_of(x, whole, count));
    const float bottom = -max_lane(-min(min(r[0].low, r[1].low), min(r[2].low, r[3].low)));
    const float top = max_lane(max(max(r[0].high, r[1].high), max(r[2].high, r[3].high)));
    const float undefined = sum_lanes((r[0].undefined + r[1].undefined) + (r[2].undefined + r[3].undefined));
    const float width = top - bottom;
    range[0] = width / 255.f + undefined;
    range[1] = bottom + undefined;
    const float steps = width > kSmallest ? 255.f / width : 0.f;
    for (Index k = 0; k < whole; k += kLanes) store_steps(x.some(k), bottom, steps, out + k);
    if (whole < count) store_steps(last_of(x, whole, count), bottom, steps, out + whole);
  }

  static void store_steps(Vec x, float bottom, float steps, Quantized* out) {
    const Vec shifted = (x - broadcast(bottom)) * broadcast(steps) + kRoundingShift;
    IntVec bits = (IntVec)shifted;
    hide(bits);  // or the compiler takes its lanes apart
    const QuantizedVec narrow = __builtin_convertvector(bits, QuantizedVec);
    __builtin_memcpy(out, &narrow, sizeof narrow);
  }

  // The numbers k..count, fewer than a vector's, and the first of all in the lanes behind them.
  template <class From>
  static Vec last_of(const From& x, Index k, Index count) {
    float lanes[kLanes];
    for (Index i = 0; i < kLanes; ++i) lanes[i] = x.one(k + i < count ? k + i : 0);
    return load(lanes);
  }

  // Even lanes for odd ones.
  template <int... Lane>
  static Vec neighbors(Vec v, std::integer_sequence<int, Lane...>) {
    return __builtin_shufflevector(v, v, (Lane ^ 1)...);
  }

  // The least step of which 127 reach every weight, and every even input's together with its neighbor's.
  static float scale_of(float largest) { return largest > kSmallest ? largest / 127.f : 0.f; }

  // The weights first..last of a row, multiples of a vector except at its end; returns the sum of what they become.
  static int32_t quantize_weights(const float* row, Index first, Index last, float steps, QuantizedWeight* out) {
    constexpr int32_t kShiftBits = 0x4B400000;  // those of kRoundingShift
    IntVec sums{};
    for (Index k = first; k < last; k += kLanes) {
      IntVec q = (IntVec)(load(row + k) * broadcast(steps) + broadcast(kRoundingShift)) - kShiftBits;
      sums += q;
      hide(q);
      const QuantizedWeightVec narrow = __builtin_convertvector(q, QuantizedWeightVec);
      __builtin_memcpy(out + k, &narrow, sizeof narrow);
    }
    int32_t sum = 0;
    for (int i = 0; i < kLanes; ++i) sum += sums[i];
    return sum;
  }
};

}  // namespace
