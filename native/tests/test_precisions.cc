// Products in bfloat16 against the definition in plain loops, and what holds for every precision below float32.

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

TEST(gelu_is_finer_than_what_the_precision_rounds_to) {
  for (const char* precision : {"int8", "bfloat16"}) {
    for (const Table& table : tables(precision)) {
      const Index count = table.products->panel;
      const std::vector<float> ones(static_cast<size_t>(count), 1.f), zeros(static_cast<size_t>(count), 0.f);
      const PackedAlone packed({LinearView{ones.data(), zeros.data(), count, 1, 1, 1}}, *table.products);
      for (int i = -128; i <= 128; ++i) {
        const Matrix x(1, 1, count, static_cast<float>(i) / 16.f);  // one number alone is exact in either precision
        const Prepared prepared(*table.products, x, packed.packed());
        for (const Activation activation : {Activation::kGeluErf, Activation::kGeluTanh}) {
          std::vector<float> y(static_cast<size_t>(count), kNaN);
          table.products->linear_gelu(prepared.operand, 1, packed.packed(), 0, count, activation, y.data(), count);
          check_close(y, Doubles(static_cast<size_t>(count), gelu(x.row(0)[0], activation)), 1.5e-4,
                      table.name + " gelu");
        }
      }
    }
  }
}

}  // namespace embedpipe::testing
