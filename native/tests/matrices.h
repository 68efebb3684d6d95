// Random matrices and weights laid out as kernels want them, and the tables that there are to test.
#pragma once

#include <limits>

#include "check.h"
#include "engine/processor.h"
#include "engine/tile_permission.h"
#include "engine/weights.h"

namespace embedpipe::testing {

constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();

// A matrix whose rows are wider than its columns, as kernels want them.
struct Matrix {
  Matrix(Index rows_, Index columns_, Index stride_, float fill) : rows(rows_), columns(columns_), stride(stride_) {
    values.assign(static_cast<size_t>(rows * stride), fill);
  }
  Matrix(Index rows_, Index columns_, Index stride_, unsigned seed) : Matrix(rows_, columns_, stride_, 0.f) {
    const std::vector<float> random = random_floats(static_cast<size_t>(rows * columns), 1.f, seed);
    for (Index r = 0; r < rows; ++r) {
      for (Index c = 0; c < columns; ++c) row(r)[c] = random[static_cast<size_t>(r * columns + c)];
    }
  }
  float* row(Index r) { return values.data() + r * stride; }
  const float* row(Index r) const { return values.data() + r * stride; }
  template <class Scalar>
  std::vector<Scalar> dense(Index first = 0, Index last = -1) const {
    std::vector<Scalar> out;
    for (Index r = 0; r < rows; ++r) out.insert(out.end(), row(r) + first, row(r) + (last < 0 ? columns : last));
    return out;
  }

  Index rows, columns, stride;
  std::vector<float> values;
};

struct Weights {
  Weights(Index outputs, Index inputs, unsigned seed)
      : weight(random_floats(static_cast<size_t>(outputs * inputs), 1.f, seed)),
        bias(random_floats(static_cast<size_t>(outputs), 1.f, seed + 1)),
        view{weight.data(), bias.data(), outputs, inputs, inputs, 1} {}
  std::vector<float> weight, bias;
  LinearView view;
};

// A linear map that has a block of its own.
class PackedAlone {
 public:
  PackedAlone(const std::vector<LinearView>& parts, const Products& products, Index range_block = kRangeBlock,
              const LayerNormWeights* inputs_norm = nullptr)
      : memory_(size(parts, products, range_block, inputs_norm)),
        linear_(parts, products, memory_, range_block, inputs_norm),
        finite_(memory_.fill(2)) {}
  const PackedLinear& packed() const { return linear_.packed(); }
  bool finite() const { return finite_; }

 private:
  static Index size(const std::vector<LinearView>& parts, const Products& products, Index range_block,
                    const LayerNormWeights* inputs_norm) {
    PackedMemory measured;
    Linear(parts, products, measured, range_block, inputs_norm);
    return measured.taken();
  }

  PackedMemory memory_;
  Linear linear_;
  bool finite_;
};

// A running sum of n products of uniform numbers up to 1 grows like sqrt(k) / 3, and each step rounds it by up to 2^-24
// of itself: together about n 2^-24 / 4 as one standard deviation. Six of them, and a little for the bias.
inline double tolerance(Index products) { return 1e-7 * static_cast<double>(products) + 1e-6; }

inline std::string label(const char* table, const char* what, std::initializer_list<Index> sizes) {
  std::string text = std::string(table) + " " + what;
  for (const Index size : sizes) text += " " + std::to_string(size);
  return text;
}

// All that can run here, and the model of tiles.
inline std::vector<InstructionSet> instruction_sets() {
  std::vector<InstructionSet> found;
  for (const InstructionSet& set : supported_instruction_sets()) {
    if (!set.tiles || tiles_are_permitted()) found.push_back(set);
  }
  found.push_back(tile_model());
  return found;
}

// Each table once, though several instruction sets share it.
inline std::vector<const Kernels*> kernel_tables() {
  std::vector<const Kernels*> found;
  for (const InstructionSet& set : supported_instruction_sets()) {
    if (found.empty() || found.back() != set.kernels) found.push_back(set.kernels);
  }
  return found;
}

}  // namespace embedpipe::testing
