// Each kernel of each instruction set alone, over sizes around the vector and tile widths. Rows have exactly the room
// that kernels.h promises, outputs start as NaN, and under the address sanitizer a step beyond either is an error.

#include <cstring>
#include <limits>

#include "check.h"
#include "engine/processor.h"
#include "naive.h"

namespace embedpipe::testing {

namespace {

constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();

Index round_up(Index n, Index multiple) { return (n + multiple - 1) / multiple * multiple; }

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

// A running sum of n products of uniform numbers up to 1 grows like sqrt(k) / 3, and each step rounds it by up to 2^-24
// of itself: together about n 2^-24 / 4 as one standard deviation. Six of them, and a little for the bias.
double tolerance(Index products) { return 1e-7 * static_cast<double>(products) + 1e-6; }

std::string label(const Kernels& kernels, const char* what, std::initializer_list<Index> sizes) {
  std::string text = std::string(kernels.name) + " " + what;
  for (const Index size : sizes) text += " " + std::to_string(size);
  return text;
}

const Index kRows[] = {1, 2, 5, 6, 7, 13, 14, 15, 29, 43};
const Index kColumns[] = {1, 8, 15, 16, 17, 32, 33, 80};
const Index kDepths[] = {1, 3, 64, 127, 128, 129, 300};

}  // namespace

TEST(linear_adds_the_bias_to_the_product) {
  for (const Kernels* kernels : supported_kernels()) {
    for (const Index rows : kRows) {
      for (const Index columns : kColumns) {
        for (const Index depth : kDepths) {
          const Weights w(columns, depth, 7);
          const Linear packed({w.view}, *kernels);
          const Matrix x(rows, depth, depth, 3u);
          Matrix y(rows, columns, round_up(columns, kernels->panel), kNaN);
          kernels->linear(x.row(0), x.stride, rows, packed.packed(), 0, depth, y.row(0), y.stride);
          check_close(y.dense<float>(), linear(x.dense<double>(), w.view), tolerance(depth),
                      label(*kernels, "linear", {rows, columns, depth}));
        }
      }
    }
  }
}

// Transposed and at an odd address, as files have them; packed part by part, or joined first where a part's outputs do
// not fill whole panels.
TEST(weights_in_another_order_are_packed_into_the_same_panels) {
  for (const Kernels* kernels : supported_kernels()) {
    for (const Index columns : kColumns) {
      const Index depth = 37;
      const Weights w(columns, depth, 5);
      std::vector<char> turned(w.weight.size() * sizeof(float) + 1);
      for (Index o = 0; o < columns; ++o) {
        for (Index k = 0; k < depth; ++k) {
          std::memcpy(turned.data() + 1 + static_cast<size_t>(k * columns + o) * sizeof(float),
                      &w.weight[static_cast<size_t>(o * depth + k)], sizeof(float));
        }
      }
      const LinearView other{
          reinterpret_cast<const float*>(turned.data() + 1), w.bias.data(), columns, depth, 1, columns};
      const Linear expected({w.view, w.view, w.view}, *kernels), found({other, other, other}, *kernels);
      const size_t floats = static_cast<size_t>(round_up(3 * columns, kernels->panel) * depth);
      check(std::memcmp(expected.packed().panels, found.packed().panels, floats * sizeof(float)) == 0,
            label(*kernels, "order", {columns, depth}));
    }
  }
}

TEST(adding_parts_of_the_depth_gives_the_whole_product_and_the_same_bits_in_any_company) {
  for (const Kernels* kernels : supported_kernels()) {
    const Index columns = 40, depth = 512, rows = 31;
    const Weights w(columns, depth, 11);
    const Linear packed({w.view}, *kernels);
    const Matrix x(rows, depth, depth, 4u);
    Matrix y(rows, columns, round_up(columns, kernels->panel), kNaN);
    kernels->linear(x.row(0), x.stride, rows, packed.packed(), 0, 256, y.row(0), y.stride);
    kernels->linear(x.row(0) + 256, x.stride, rows, packed.packed(), 256, depth, y.row(0), y.stride);
    check_close(y.dense<float>(), linear(x.dense<double>(), w.view), tolerance(depth), label(*kernels, "parts", {}));
    for (Index r = 0; r < rows; ++r) {
      Matrix alone(1, columns, y.stride, kNaN);
      kernels->linear(x.row(r), x.stride, 1, packed.packed(), 0, depth, alone.row(0), alone.stride);
      check(std::equal(alone.row(0), alone.row(0) + columns, y.row(r)), label(*kernels, "bits of row", {r}));
    }
  }
}

TEST(both_forms_of_gelu_are_exact_to_float32_rounding) {
  for (const Kernels* kernels : supported_kernels()) {
    for (const Activation activation : {Activation::kGeluErf, Activation::kGeluTanh}) {
      const Index count = 64 * kernels->panel;
      std::vector<float> identity(static_cast<size_t>(count), 1.f), zeros(static_cast<size_t>(count), 0.f);
      const Linear packed({LinearView{identity.data(), zeros.data(), count, 1, 1, 1}}, *kernels);
      for (double low = -30; low < 30; low += 0.37) {
        float x = static_cast<float>(low);
        std::vector<float> y(static_cast<size_t>(count), kNaN);
        kernels->linear_gelu(&x, 1, 1, packed.packed(), 0, count, activation, y.data(), count);
        check_close(y, Doubles(static_cast<size_t>(count), gelu(x, activation)), 2e-7 * std::fmax(1., std::fabs(low)),
                    label(*kernels, "gelu", {static_cast<Index>(activation)}));
      }
    }
  }
}

TEST(attention_equals_softmax_of_scaled_scores_times_values) {
  for (const Kernels* kernels : supported_kernels()) {
    for (const Index heads : {1, 2, 3}) {
      for (const Index size : {4, 16, 20, 32, 64}) {
        for (const Index length : {1, 2, 7, 15, 16, 17, 33, 65, 140}) {
          const Index hidden = heads * size;
          Matrix qkv(length, 3 * hidden, round_up(3 * hidden, kernels->panel), 5u);
          Matrix out(length, hidden, round_up(hidden, kernels->panel) + kernels->panel, kNaN);
          const AttentionShape shape{hidden, heads};
          std::vector<float> scratch(static_cast<size_t>(kernels->attention_scratch(length, shape)), kNaN);
          kernels->attend(qkv.row(0), qkv.stride, length, shape, out.row(0), out.stride, scratch.data());
          const Doubles expected = attention(qkv.dense<double>(0, hidden), qkv.dense<double>(hidden, 2 * hidden),
                                             qkv.dense<double>(2 * hidden, 3 * hidden), static_cast<size_t>(hidden),
                                             static_cast<size_t>(heads));
          check_close(out.dense<float>(), expected, tolerance(length),
                      label(*kernels, "attention", {heads, size, length}));
        }
      }
    }
  }
}

TEST(attention_survives_scores_of_any_size) {
  for (const Kernels* kernels : supported_kernels()) {
    const Index hidden = 16, length = 20;
    Matrix qkv(length, 3 * hidden, round_up(3 * hidden, kernels->panel), 6u);
    for (Index r = 0; r < length; ++r) {
      for (Index c = 0; c < 2 * hidden; ++c) qkv.row(r)[c] *= 100.f;
    }
    Matrix out(length, hidden, round_up(hidden, kernels->panel) + kernels->panel, kNaN);
    const AttentionShape shape{hidden, 1};
    std::vector<float> scratch(static_cast<size_t>(kernels->attention_scratch(length, shape)), kNaN);
    kernels->attend(qkv.row(0), qkv.stride, length, shape, out.row(0), out.stride, scratch.data());
    const Doubles expected = attention(qkv.dense<double>(0, hidden), qkv.dense<double>(hidden, 2 * hidden),
                                       qkv.dense<double>(2 * hidden, 3 * hidden), static_cast<size_t>(hidden), 1);
    check_close(out.dense<float>(), expected, 0.02, label(*kernels, "attention with large scores", {}));
  }
}

TEST(embedding_and_residual_end_in_layer_norm) {
  for (const Kernels* kernels : supported_kernels()) {
    for (const Index size : {1, 4, 15, 16, 17, 100, 384}) {
      const size_t n = static_cast<size_t>(size);
      const std::vector<float> a = random_floats(n, 1, 1), b = random_floats(n, 1, 2), c = random_floats(n, 1, 3),
                               scale = random_floats(n, 2, 4), shift = random_floats(n, 1, 5);
      const LayerNormWeights norm{scale.data(), shift.data(), 1e-12f};
      Doubles expected(n);
      for (size_t i = 0; i < n; ++i) expected[i] = static_cast<double>(a[i]) + b[i] + c[i];
      layer_norm(expected, n, norm);
      if (size == 1) expected[0] = shift[0];
      std::vector<float> x(n, kNaN);
      kernels->embed(a.data(), b.data(), c.data(), size, norm, x.data());
      check_close(x, expected, 1e-5, label(*kernels, "embed", {size}));
      x = a;
      for (size_t i = 0; i < n; ++i) x[i] += b[i];
      kernels->add_and_norm(x.data(), size, c.data(), size, 1, size, norm);
      check_close(x, expected, 1e-5, label(*kernels, "add_and_norm", {size}));
    }
  }
}

TEST(pooled_rows_are_means_hyperbolic_tangents_and_unit_vectors) {
  for (const Kernels* kernels : supported_kernels()) {
    for (const Index size : {1, 4, 15, 16, 17, 100}) {
      const size_t n = static_cast<size_t>(size);
      const Matrix x(5, size, size + 3, 8u);
      Doubles mean(n), tanh(n), unit(n);
      double squares = 0;
      for (size_t i = 0; i < n; ++i) {
        for (Index r = 0; r < 5; ++r) mean[i] += x.row(r)[i] / 5.0;
        tanh[i] = std::tanh(static_cast<double>(20 * x.row(0)[i]));
        squares += static_cast<double>(x.row(0)[i]) * x.row(0)[i];
      }
      for (size_t i = 0; i < n; ++i) unit[i] = x.row(0)[i] / std::sqrt(squares);
      std::vector<float> out(n, kNaN);
      kernels->mean(x.row(0), x.stride, 5, size, out.data());
      check_close(out, mean, 1e-6, label(*kernels, "mean", {size}));
      for (size_t i = 0; i < n; ++i) out[i] = 20 * x.row(0)[i];
      kernels->tanh(out.data(), size);
      check_close(out, tanh, 1e-6, label(*kernels, "tanh", {size}));
      out.assign(x.row(0), x.row(0) + size);
      kernels->normalize(out.data(), size);
      check_close(out, unit, 1e-6, label(*kernels, "normalize", {size}));
      std::vector<float> zeros(n, 0.f);
      kernels->normalize(zeros.data(), size);
      check_close(zeros, Doubles(n, 0.0), 0, label(*kernels, "normalize zeros", {size}));
    }
  }
}

}  // namespace embedpipe::testing
