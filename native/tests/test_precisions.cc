// Products in bfloat16 against the definition in plain loops, and what holds for every precision below float32.

#include <algorithm>
#include <cmath>
#include <cstring>

#include "naive.h"
#include "precisions.h"

namespace embedpipe::testing {

TEST(bfloat16_products_are_those_of_rounded_numbers) {
  for (const Table& table : tables("bfloat16")) {
    for (const Index rows : {1, 5, 14, 29}) {
      for (const Index depth : kDepths) {
        Weights w(40, depth, 61);
        Matrix x(rows, depth, depth, 62u);
        const std::vector<float> found = product(*table.products, x, w.view);
        for (float& value : w.weight) value = to_bfloat16(value);
        for (float& value : x.values) value = to_bfloat16(value);
        check_close(found, linear(x.dense<double>(), w.view), tolerance(depth), label(table.name.c_str(), "", {depth}));
      }
    }
  }
}

TEST(parts_of_the_depth_add_up_in_every_precision) {
  for (const char* precision : {"int8", "bfloat16"}) {
    for (const Table& table : tables(precision)) {
      const Index depth = 2 * kRangeBlock, columns = 40;
      const Weights w(columns, depth, 71);
      const Matrix x(6, depth, depth, 72u);
      const PackedAlone packed({w.view}, *table.products);
      const Prepared prepared(*table.products, x, packed.packed());
      Matrix y(x.rows, columns, rounded_up(columns, table.products->panel), kNaN);
      const Index unit = kRangeBlock / table.products->group;
      Operand second = prepared.operand;
      second.units = static_cast<const int32_t*>(second.units) + unit;
      second.ranges += 2;
      table.products->linear(prepared.operand, x.rows, packed.packed(), 0, kRangeBlock, y.row(0), y.stride);
      table.products->linear(second, x.rows, packed.packed(), kRangeBlock, depth, y.row(0), y.stride);
      check(y.dense<float>() == product(*table.products, x, w.view), table.name + " in two parts");
    }
  }
}

namespace {

// What `reader`, which passes its inputs on, finds of activation(x W^T + b).
std::vector<float> activated(const Products& products, const Matrix& x, const PackedLinear& w, Activation activation,
                             const PackedLinear& reader) {
  const Index columns = rounded_up(w.outputs, products.panel);
  Matrix y(x.rows, columns, columns, 0.f), found(x.rows, reader.outputs, columns, kNaN);
  const Prepared prepared(products, x, w), middle(products, y, reader);
  std::fill(y.values.begin(), y.values.end(), kNaN);
  products.linear_gelu(prepared.operand, x.rows, w, 0, w.outputs, activation, y.row(0), y.stride, reader,
                       middle.operand);
  products.linear(middle.operand, x.rows, reader, 0, reader.inputs, found.row(0), found.stride);
  return found.dense<float>();
}

Weights identity(Index size) {
  Weights w(size, size, 1);
  for (Index i = 0; i < size * size; ++i) w.weight[static_cast<size_t>(i)] = i % (size + 1) == 0 ? 1.f : 0.f;
  std::fill(w.bias.begin(), w.bias.end(), 0.f);
  return w;
}

}  // namespace

TEST(gelu_is_finer_than_what_the_precision_rounds_to) {
  constexpr double kFiner = 1.5e-4;
  const auto rounded = [](double x) { return static_cast<double>(to_bfloat16(static_cast<float>(x))); };
  for (const char* precision : {"int8", "bfloat16"}) {
    for (const Table& table : tables(precision)) {
      const Index count = table.products->panel;
      const std::vector<float> ones(static_cast<size_t>(count), 1.f), zeros(static_cast<size_t>(count), 0.f);
      const PackedAlone packed({LinearView{ones.data(), zeros.data(), count, 1, 1, 1}}, *table.products);
      const Weights same = identity(count);
      const PackedAlone reader({same.view}, *table.products);
      for (int i = -128; i <= 128; ++i) {
        const Matrix x(1, 1, count, static_cast<float>(i) / 16.f);  // one number alone is exact in either precision
        for (const Activation activation : {Activation::kGeluErf, Activation::kGeluTanh}) {
          const double expected = gelu(x.row(0)[0], activation);
          const std::vector<float> y = activated(*table.products, x, packed.packed(), activation, reader.packed());
          if (table.products->quantizes) {  // equal numbers are exact as integers
            check_close(y, Doubles(static_cast<size_t>(count), expected), kFiner, table.name + " gelu");
            continue;
          }
          const double least = rounded(expected - kFiner), most = rounded(expected + kFiner);
          for (const float found : y) check(least <= found && found <= most, table.name + " gelu");
        }
      }
    }
  }
}

TEST(activations_come_as_the_next_product_reads_them) {
  for (const char* precision : {"int8", "bfloat16"}) {
    for (const Table& table : tables(precision)) {
      for (const Index rows : {1, 2, 15, 33, 70}) {
        for (const Index depth : {3, 130, 1100}) {
          const Index count = 3 * table.products->panel - 2;
          const Weights w(count, depth, 91), same = identity(count);
          const Matrix x(rows, depth, depth, 92u);
          const PackedAlone packed({w.view}, *table.products), reader({same.view}, *table.products);
          Doubles expected;
          for (const float value : product(*table.products, x, w.view)) {
            expected.push_back(gelu(static_cast<double>(value), Activation::kGeluErf));
          }
          const double largest = *std::max_element(expected.begin(), expected.end());
          const std::vector<float> found =
              activated(*table.products, x, packed.packed(), Activation::kGeluErf, reader.packed());
          check_close(found, expected, 1.5e-4 + largest / 200, label(table.name.c_str(), "activated", {rows, depth}));
        }
      }
    }
  }
}

}  // namespace embedpipe::testing
