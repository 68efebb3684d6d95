// The operations an encoder is made of, as tables of functions: `Kernels` exists once per vector width, `Products` once
// per precision and instruction set. kernels.cc, int8.cc and bfloat16.cc define them; engine/encoder.cc puts them
// together; engine/processor.cc chooses the tables.
#pragma once

#include <cstddef>

namespace embedpipe {

using Index = std::ptrdiff_t;

static inline Index rounded_up(Index n, Index multiple) { return (n + multiple - 1) / multiple * multiple; }

enum class Activation { kGeluErf, kGeluTanh };

struct LayerNormWeights {
  const float* weight;
  const float* bias;
  float epsilon;
};

// Weights as they come, (outputs, inputs) in any order and at any address, strides in elements. Those of an input that
// is scaled before it meets them are multiplied by the reciprocal of its scale.
struct WeightMatrix {
  const float* values;
  Index outputs, inputs, output_stride, input_stride;
  const float* input_factors = nullptr;  // null for ones; 0 for an input that adds nothing
};

// In int8, at most so many activations of a row share a range, and so many products at most are summed as integers:
// every such sum is below 2^24, which float32 holds exactly.
constexpr Index kRangeBlock = 512;

// Queries, keys and values are computed from finer ranges. Most of the error of int8 comes from the values, which go
// into the result unsoftened, and most of theirs from a few large activations that coarsen the range of all others.
constexpr Index kAttentionRangeBlock = 128;

// Weights of y = x W^T + b, W packed by `pack`; bias, scales and sums are padded with zeros to whole panels. Inputs are
// stored in units of four bytes, `group` of them in each: see Products.
struct PackedLinear {
  const void* panels;
  const float* bias;
  Index outputs;
  Index inputs;
  const float* scales = nullptr;  // int8: what one step of an output's weights is worth
  const float* sums = nullptr;    // int8: by block of range_block inputs, the sum of an output's weights
  Index sums_stride = 0;
  Index range_block = kRangeBlock;
  const float* input_scales = nullptr;  // int8: what inputs are multiplied by before they are quantized; null for ones
};

// Activations as products read them: rows of units.
struct Operand {
  const void* units;
  Index stride;                   // in units
  const float* ranges = nullptr;  // int8: by row and block of columns, what a step is worth and what 0 means
  Index range_stride = 0;
};

struct AttentionShape {
  Index hidden;
  Index heads;
};

// All matrices are row-major float32 with a row stride in elements. Strides are at least the columns rounded up to
// `panel`: kernels write whole panels.
struct Products {
  const char* precision;
  Index panel;     // outputs of W that are packed together
  Index group;     // inputs that share a unit
  Index step;      // inputs that are multiplied together, to multiples of which panels and prepared rows are padded
  Index spare;     // rows that are read behind those of an operand
  bool quantizes;  // whether activations share ranges, so that large ones make all others coarser

  // The weights become the outputs from `first` on of W, whose panels, scales and sums were zero before. Returns
  // whether all of them are finite.
  bool (*pack)(const WeightMatrix& weight, Index first, const PackedLinear& w);

  // largest (inputs) = the larger one of itself and the size of each weight of that input
  void (*largest_weights)(const WeightMatrix& weight, float* largest);

  // x (rows, columns), inputs of `w`, becomes `prepared`, which has room for as many rows of whole steps; null where x
  // can be read as it is.
  void (*prepare)(const float* x, Index x_stride, Index rows, Index columns, const PackedLinear& w,
                  const Operand& prepared);

  // y (rows, outputs) = b + x (rows, last) · the inputs ..last of W where first is 0; otherwise
  // y += x (rows, last - first) · the inputs first..last of W, first a multiple of kRangeBlock
  void (*linear)(const Operand& x, Index rows, const PackedLinear& w, Index first, Index last, float* y,
                 Index y_stride);

  // activation(x W^T + b) for the outputs first..last, `first` a multiple of `panel`: y (rows, last - first) where
  // products read activations as they are. Otherwise that as `prepare` makes it for `reader`, and y, as large, is room
  // to work in.
  void (*linear_gelu)(const Operand& x, Index rows, const PackedLinear& w, Index first, Index last,
                      Activation activation, float* y, Index y_stride, const PackedLinear& reader,
                      const Operand& prepared);

  // The rows first..last of the context (length, hidden) of one sequence, from its qkv (length, 3 hidden); scratch of
  // attention_scratch() floats, on a cache line. Context rows have room for one panel more.
  void (*attend)(const float* qkv, Index qkv_stride, Index length, Index first, Index last, const AttentionShape& shape,
                 float* context, Index context_stride, float* scratch);
  Index (*attention_scratch)(Index longest, const AttentionShape& shape);

  // Runs `steps` rounds of independent multiply-adds in registers and returns how many operations that was.
  double (*multiply_add_loop)(Index steps);
};

// Units that a row of so many inputs takes.
static inline Index units_of(const Products& products, Index inputs) {
  return rounded_up(inputs, products.step) / products.group;
}

struct Kernels {
  const char* name;
  Products float32;

  // x = layer_norm(x + y), rows of `size`
  void (*add_and_norm)(float* x, Index x_stride, const float* y, Index y_stride, Index rows, Index size,
                       const LayerNormWeights& norm);

  // x = layer_norm(word + position + type); returns what layer_norm scaled by
  float (*embed)(const float* word, const float* position, const float* type, Index size, const LayerNormWeights& norm,
                 float* x);

  // out = (row + added, less the mean of that) * weight; added: null for zeros
  void (*center)(const float* row, const float* added, Index size, const float* weight, float* out);

  // out (rows, size) = (a[row] + b[row]) * scales[row] + constant, each from the column `first` on
  void (*scaled_sums)(const float* const* a, const float* const* b, const float* scales, const float* constant,
                      Index first, Index rows, Index size, float* out, Index out_stride);

  // out (size) = the mean of rows
  void (*mean)(const float* x, Index x_stride, Index rows, Index size, float* out);
  // out = tanh(x), in place
  void (*tanh)(float* x, Index size);
  // x /= max(|x|, 1e-12)
  void (*normalize)(float* x, Index size);
};

}  // namespace embedpipe
