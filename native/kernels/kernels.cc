// Compiled once per instruction set: EMBEDPIPE_KERNELS names the table this copy defines.

#include "kernels.h"

#include "attention.h"
#include "layer_norm.h"
#include "math.h"
#include "matmul.h"

namespace {

using embedpipe::Activation;
using embedpipe::AttentionShape;
using embedpipe::LayerNormWeights;
using embedpipe::PackedLinear;

void linear(const float* x, Index x_stride, Index rows, const PackedLinear& w, Index first, Index last, float* y,
            Index y_stride) {
  for (Index n = 0; n < w.outputs; n += kPanel) {
    const float* panel = w.panels + n * w.inputs + first * kPanel;
    panel_product(x, x_stride, rows, panel, last - first, panel + w.inputs * kPanel, first > 0 ? nullptr : w.bias + n,
                  y + n, y_stride, [](Index, Index) {});
  }
}

// Two rows at a time, to hide latency; an odd row at the end stands in for its neighbor.
template <class Gelu>
void activate(float* y, Index y_stride, Index rows, const Gelu& gelu) {
  for (Index r = 0; r < rows; r += 2) {
    float* row[] = {y + r * y_stride, y + (r + 1 < rows ? r + 1 : r) * y_stride};
    Vec v[] = {load(row[0]), load(row[0] + kLanes), load(row[1]), load(row[1] + kLanes)};
    gelu(v);
    for (int i = 0; i < 4; ++i) store(row[i / 2] + i % 2 * kLanes, v[i]);
  }
}

template <class Gelu>
void linear_and(const Gelu& gelu, const float* x, Index x_stride, Index rows, const PackedLinear& w, Index first,
                Index last, float* y, Index y_stride) {
  for (Index n = first; n < last; n += kPanel) {
    float* strip = y + n - first;
    const float* panel = w.panels + n * w.inputs;
    panel_product(x, x_stride, rows, panel, w.inputs, panel + w.inputs * kPanel, w.bias + n, strip, y_stride,
                  [&](Index row, Index count) { activate(strip + row * y_stride, y_stride, count, gelu); });
  }
}

void linear_gelu(const float* x, Index x_stride, Index rows, const PackedLinear& w, Index first, Index last,
                 Activation activation, float* y, Index y_stride) {
  if (activation == Activation::kGeluErf) {
    linear_and([](Vec(&v)[4]) { gelu_erf(v); }, x, x_stride, rows, w, first, last, y, y_stride);
  } else {
    linear_and([](Vec(&v)[4]) { gelu_tanh(v); }, x, x_stride, rows, w, first, last, y, y_stride);
  }
}

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

void embed(const float* word, const float* position, const float* type, Index size, const LayerNormWeights& norm,
           float* x) {
  Index i = 0;
  for (; i + kLanes <= size; i += kLanes) store(x + i, load(word + i) + load(type + i) + load(position + i));
  for (; i < size; ++i) x[i] = word[i] + type[i] + position[i];
  layer_norm(x, size, norm.weight, norm.bias, norm.epsilon);
}

void attend(const float* qkv, Index qkv_stride, Index length, const AttentionShape& shape, float* context,
            Index context_stride, float* scratch) {
  const Index head_size = shape.hidden / shape.heads;
  for (Index head = 0; head < shape.heads; ++head) {
    attend_head(qkv, qkv_stride, length, shape.hidden, head_size, head, context, context_stride, scratch);
  }
}

Index attention_scratch(Index longest, const AttentionShape& shape) {
  const Index head_size = shape.hidden / shape.heads;
  const Index padded = round_up(longest, kPanel);
  return padded * head_size + round_up(head_size, kPanel) * longest + kTileRows * padded;
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

double multiply_add_loop(Index steps) {
  constexpr int kChains = kLanes == 16 ? 24 : 12;  // more than latency times units; few enough to stay in registers
  Vec sums[kChains];
  for (int c = 0; c < kChains; ++c) sums[c] = broadcast(static_cast<float>(c));
  Vec x = broadcast(0.5f), y = broadcast(0.25f);
  for (Index s = 0; s < steps; ++s) {
#pragma GCC unroll 24
    for (int c = 0; c < kChains; ++c) {
      sums[c] = fma(sums[c], x, y);
    }
  }
  Vec total{};
  for (int c = 0; c < kChains; ++c) total += sums[c];
  volatile float sink = sum_lanes(total);
  (void)sink;
  return 2.0 * kChains * kLanes * static_cast<double>(steps);
}

}  // namespace

namespace embedpipe {

extern const Kernels EMBEDPIPE_KERNELS;
const Kernels EMBEDPIPE_KERNELS = {
    EMBEDPIPE_ISA_NAME, kPanel, pack_panels, linear,    linear_gelu,       add_and_norm, embed, attend,
    attention_scratch,  mean,   tanh_row,    normalize, multiply_add_loop,
};

}  // namespace embedpipe
