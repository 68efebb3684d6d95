// The operations an encoder is made of, as a table of functions that exists once per instruction set.
// kernels.cc defines them; engine/encoder.cc puts them together; engine/processor.cc chooses the table.
#pragma once

#include <cstddef>
#include <cstring>

namespace embedpipe {

using Index = std::ptrdiff_t;

enum class Activation { kGeluErf, kGeluTanh };

struct LayerNormWeights {
  const float* weight;
  const float* bias;
  float epsilon;
};

// A float at any address: files put tensors where they like.
static inline float unaligned(const float* p) {
  float value;
  std::memcpy(&value, p, sizeof value);
  return value;
}

// Weights of y = x W^T + b, W packed by `pack`; bias padded with zeros to the panels' width.
struct PackedLinear {
  const float* panels;
  const float* bias;
  Index outputs;
  Index inputs;
};

struct AttentionShape {
  Index hidden;
  Index heads;
};

// All matrices are row-major float32 with a row stride in elements. Strides are at least the columns rounded up to
// `panel` (plus one panel for attention's result): kernels write whole panels. `attend` may read a vector's width
// behind the keys of a row.
struct Kernels {
  const char* name;
  Index panel;  // columns of W that are packed together

  // weight (outputs, inputs), strides in elements, at any address -> panels, round_up(outputs, panel) * inputs floats
  void (*pack)(const float* weight, Index output_stride, Index input_stride, Index outputs, Index inputs,
               float* panels);

  // y (rows, outputs) = b + x (rows, last) · the inputs ..last of W where first is 0; otherwise
  // y += x (rows, last - first) · the inputs first..last of W
  void (*linear)(const float* x, Index x_stride, Index rows, const PackedLinear& w, Index first, Index last, float* y,
                 Index y_stride);

  // y (rows, last - first) = activation(x W^T + b) for the outputs first..last, both multiples of `panel`
  void (*linear_gelu)(const float* x, Index x_stride, Index rows, const PackedLinear& w, Index first, Index last,
                      Activation activation, float* y, Index y_stride);

  // x = layer_norm(x + y), rows of `size`
  void (*add_and_norm)(float* x, Index x_stride, const float* y, Index y_stride, Index rows, Index size,
                       const LayerNormWeights& norm);

  // x = layer_norm(word + position + type)
  void (*embed)(const float* word, const float* position, const float* type, Index size, const LayerNormWeights& norm,
                float* x);

  // context (length, hidden) of one sequence from its qkv (length, 3 hidden); scratch of attention_scratch() floats
  void (*attend)(const float* qkv, Index qkv_stride, Index length, const AttentionShape& shape, float* context,
                 Index context_stride, float* scratch);
  Index (*attention_scratch)(Index longest, const AttentionShape& shape);

  // out (size) = the mean of rows
  void (*mean)(const float* x, Index x_stride, Index rows, Index size, float* out);
  // out = tanh(x), in place
  void (*tanh)(float* x, Index size);
  // x /= max(|x|, 1e-12)
  void (*normalize)(float* x, Index size);

  // Runs `steps` rounds of independent multiply-adds in registers and returns how many floating-point operations that
  // was.
  double (*multiply_add_loop)(Index steps);
};

}  // namespace embedpipe
