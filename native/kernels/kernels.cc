// Compiled once per vector width: EMBEDPIPE_KERNELS names the table this copy defines.

#include "kernels.h"

#include "float32.h"
#include "layer_norm.h"
#include "products.h"

namespace {

using embedpipe::Kernels;
using embedpipe::LayerNormWeights;

void add_and_norm(float* x, Index x_stride, const float* y, Index y_stride, Index rows, Index size,
                  const LayerNormWeights& norm) {
  for (Index r = 0; r < rows; ++r) {
    float* row = x + r * x_stride;
    const float* added = y + r * y_stride;
    Index i = 0;
    for (; i + kLanes <= size; i += kLanes) store(row + i, load(row + i) + load(added + i));
    for (; i < size; ++i) row[i] += added[i];
    layer_norm(row, size, norm.weight, norm.bias, norm.epsilon);
  }
}

float embed(const float* word, const float* position, const float* type, Index size, const LayerNormWeights& norm,
            float* x) {
  Index i = 0;
  for (; i + kLanes <= size; i += kLanes) store(x + i, load(word + i) + load(type + i) + load(position + i));
  for (; i < size; ++i) x[i] = word[i] + type[i] + position[i];
  return layer_norm(x, size, norm.weight, norm.bias, norm.epsilon);
}

void center(const float* row, const float* added, Index size, const float* weight, float* out) {
  for (Index i = 0; i < size; ++i) out[i] = row[i] + (added ? added[i] : 0.f);
  const float mean = mean_of(out, size);
  for (Index i = 0; i < size; ++i) out[i] = (out[i] - mean) * weight[i];
}

void scaled_sums(const float* const* a, const float* const* b, const float* scales, const float* constant, Index first,
                 Index rows, Index size, float* out, Index out_stride) {
  constexpr Index kRowsAhead = 4;  // rows of `a` lie anywhere in memory
  constant += first;
  for (Index r = 0; r < rows; ++r, out += out_stride) {
    const float *x = a[r] + first, *y = b[r] + first, *ahead = a[r + kRowsAhead < rows ? r + kRowsAhead : r] + first;
    Index i = 0;
    for (; i + kLanes <= size; i += kLanes) {
      __builtin_prefetch(ahead + i);
      store(out + i, fma(load(x + i) + load(y + i), broadcast(scales[r]), load(constant + i)));
    }
    for (; i < size; ++i) out[i] = (x[i] + y[i]) * scales[r] + constant[i];
  }
}

void mean(const float* x, Index x_stride, Index rows, Index size, float* out) {
  const float share = 1.f / static_cast<float>(rows);
  Index i = 0;
  for (; i + kLanes <= size; i += kLanes) {
    Vec sum{};
    for (Index r = 0; r < rows; ++r) sum += load(x + r * x_stride + i);
    store(out + i, sum * share);
  }
  for (; i < size; ++i) {
    float sum = 0.f;
    for (Index r = 0; r < rows; ++r) sum += x[r * x_stride + i];
    out[i] = sum * share;
  }
}

void tanh_row(float* x, Index size) {
  for (Index i = 0; i < size; i += kLanes) {
    const Index count = size - i < kLanes ? size - i : kLanes;
    float lanes[kLanes] = {};
    __builtin_memcpy(lanes, x + i, static_cast<size_t>(count) * sizeof(float));
    Vec v[] = {load(lanes)};
    tanh(v);
    store(lanes, v[0]);
    __builtin_memcpy(x + i, lanes, static_cast<size_t>(count) * sizeof(float));
  }
}

void normalize(float* x, Index size) {
  Vec squares{};
  Index i = 0;
  for (; i + kLanes <= size; i += kLanes) squares = fma(load(x + i), load(x + i), squares);
  float total = sum_lanes(squares);
  for (; i < size; ++i) total += x[i] * x[i];
  const float norm = __builtin_sqrtf(total);
  const float divisor = norm > 1e-12f ? norm : 1e-12f;
  for (i = 0; i < size; ++i) x[i] /= divisor;
}

}  // namespace

namespace embedpipe {

extern const Kernels EMBEDPIPE_KERNELS;
const Kernels EMBEDPIPE_KERNELS = {
    EMBEDPIPE_ISA_NAME, products_of<Float32>(), add_and_norm, embed, center, scaled_sums, mean, tanh_row, normalize,
};

}  // namespace embedpipe
