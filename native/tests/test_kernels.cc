// Each kernel of each instruction set alone, over sizes around the vector and tile widths. Rows have exactly the room
// that kernels.h promises, outputs start as NaN, and under the address sanitizer a step beyond either is an error.

#include <cstring>

#include "check.h"
#include "matrices.h"
#include "naive.h"

namespace embedpipe::testing {

namespace {

const Index kRows[] = {1, 2, 5, 6, 7, 13, 14, 15, 29, 43};
const Index kColumns[] = {1, 8, 15, 16, 17, 32, 33, 80};
const Index kDepths[] = {1, 3, 64, 127, 128, 129, 300};

}  // namespace

TEST(linear_adds_the_bias_to_the_product) {
  for (const Kernels* kernels : kernel_tables()) {
    for (const Index rows : kRows) {
      for (const Index columns : kColumns) {
        for (const Index depth : kDepths) {
          const Weights w(columns, depth, 7);
          const PackedAlone packed({w.view}, kernels->float32);
          const Matrix x(rows, depth, depth, 3u);
          Matrix y(rows, columns, rounded_up(columns, kernels->float32.panel), kNaN);
          kernels->float32.linear({x.row(0), x.stride}, rows, packed.packed(), 0, depth, y.row(0), y.stride);
          check_close(y.dense<float>(), linear(x.dense<double>(), w.view), tolerance(depth),
                      label(kernels->name, "linear", {rows, columns, depth}));
        }
      }
    }
  }
}

// Transposed and at an odd address, as files have them.
TEST(weights_in_another_order_are_packed_into_the_same_panels) {
  for (const InstructionSet& set : instruction_sets()) {
    for (const Products* products : {&set.kernels->float32, set.int8, set.bfloat16}) {
      if (products == nullptr) continue;
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
        const PackedAlone expected({w.view, w.view, w.view}, *products), found({other, other, other}, *products);
        const Index units = units_of(*products, depth);
        const size_t bytes = static_cast<size_t>(rounded_up(3 * columns, products->panel) * units) * 4;
        check(std::memcmp(expected.packed().panels, found.packed().panels, bytes) == 0,
              label(set.name, products->precision, {columns, depth}));
      }
    }
  }
}

TEST(adding_parts_of_the_depth_gives_the_whole_product_and_the_same_bits_in_any_company) {
  for (const Kernels* kernels : kernel_tables()) {
    const Index columns = 40, depth = 512, rows = 31;
    const Weights w(columns, depth, 11);
    const PackedAlone packed({w.view}, kernels->float32);
    const Matrix x(rows, depth, depth, 4u);
    Matrix y(rows, columns, rounded_up(columns, kernels->float32.panel), kNaN);
    kernels->float32.linear({x.row(0), x.stride}, rows, packed.packed(), 0, 256, y.row(0), y.stride);
    kernels->float32.linear({x.row(0) + 256, x.stride}, rows, packed.packed(), 256, depth, y.row(0), y.stride);
    check_close(y.dense<float>(), linear(x.dense<double>(), w.view), tolerance(depth),
                label(kernels->name, "parts", {}));
    for (Index r = 0; r < rows; ++r) {
      Matrix alone(1, columns, y.stride, kNaN);
      kernels->float32.linear({x.row(r), x.stride}, 1, packed.packed(), 0, depth, alone.row(0), alone.stride);
      check(std::equal(alone.row(0), alone.row(0) + columns, y.row(r)), label(kernels->name, "bits of row", {r}));
    }
  }
}

TEST(both_forms_of_gelu_are_exact_to_float32_rounding) {
  for (const Kernels* kernels : kernel_tables()) {
    for (const Activation activation : {Activation::kGeluErf, Activation::kGeluTanh}) {
      const Index count = 64 * kernels->float32.panel;
      std::vector<float> identity(static_cast<size_t>(count), 1.f), zeros(static_cast<size_t>(count), 0.f);
      const PackedAlone packed({LinearView{identity.data(), zeros.data(), count, 1, 1, 1}}, kernels->float32);
      for (double low = -30; low < 30; low += 0.37) {
        float x = static_cast<float>(low);
        std::vector<float> y(static_cast<size_t>(count), kNaN);
        kernels->float32.linear_gelu({&x, 1}, 1, packed.packed(), 0, count, activation, y.data(), count,
                                     packed.packed(), {});
        check_close(y, Doubles(static_cast<size_t>(count), gelu(x, activation)), 2e-7 * std::fmax(1., std::fabs(low)),
                    label(kernels->name, "gelu", {static_cast<Index>(activation)}));
      }
    }
  }
}

TEST(embedding_and_residual_end_in_layer_norm) {
  for (const Kernels* kernels : kernel_tables()) {
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
      check_close(x, expected, 1e-5, label(kernels->name, "embed", {size}));
      x = a;
      for (size_t i = 0; i < n; ++i) x[i] += b[i];
      kernels->add_and_norm(x.data(), size, c.data(), size, 1, size, norm);
      check_close(x, expected, 1e-5, label(kernels->name, "add_and_norm", {size}));
    }
  }
}

TEST(pooled_rows_are_means_hyperbolic_tangents_and_unit_vectors) {
  for (const Kernels* kernels : kernel_tables()) {
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
      check_close(out, mean, 1e-6, label(kernels->name, "mean", {size}));
      for (size_t i = 0; i < n; ++i) out[i] = 20 * x.row(0)[i];
      kernels->tanh(out.data(), size);
      check_close(out, tanh, 1e-6, label(kernels->name, "tanh", {size}));
      out.assign(x.row(0), x.row(0) + size);
      kernels->normalize(out.data(), size);
      check_close(out, unit, 1e-6, label(kernels->name, "normalize", {size}));
      std::vector<float> zeros(n, 0.f);
      kernels->normalize(zeros.data(), size);
      check_close(zeros, Doubles(n, 0.0), 0, label(kernels->name, "normalize zeros", {size}));
    }
  }
}

}  // namespace embedpipe::testing
