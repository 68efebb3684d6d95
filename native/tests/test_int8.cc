// Products in int8 against the definition in plain loops, and its integers against each other on every instruction set.

#include "naive.h"
#include "precisions.h"

namespace embedpipe::testing {

namespace {

// What int8 stands for, in double precision: x and w as they are after quantization.
Doubles quantized_activations(const Matrix& x, Index block) {
  Doubles out;
  for (Index r = 0; r < x.rows; ++r) {
    for (Index first = 0; first < x.columns; first += block) {
      const Index last = std::min(first + block, x.columns);
      const float low = *std::min_element(x.row(r) + first, x.row(r) + last);
      const float high = *std::max_element(x.row(r) + first, x.row(r) + last);
      const double step = (static_cast<double>(high) - low) / 255;
      for (Index c = first; c < last; ++c) {
        out.push_back(step > 0 ? low + step * std::nearbyint((x.row(r)[c] - static_cast<double>(low)) / step) : low);
      }
    }
  }
  return out;
}

std::vector<float> quantized_weights(const Weights& w) {
  std::vector<float> out;
  for (Index o = 0; o < w.view.outputs; ++o) {
    const float* row = w.weight.data() + o * w.view.inputs;
    float largest = 0;
    for (Index i = 0; i < w.view.inputs; ++i) largest = std::fmax(largest, std::fabs(row[i]));
    for (Index i = 1; i < w.view.inputs; i += 2) largest = std::fmax(largest, std::fabs(row[i - 1] + row[i]));
    const float scale = largest / 127;
    for (Index i = 0; i < w.view.inputs; ++i) out.push_back(scale * std::nearbyint(row[i] / scale));
  }
  return out;
}

}  // namespace

TEST(int8_products_are_those_of_quantized_numbers) {
  for (const Table& table : tables("int8")) {
    for (const Index rows : {1, 5, 14, 29}) {
      for (const Index depth : kDepths) {
        const Weights w(40, depth, 21);
        const Matrix x(rows, depth, rounded_up(depth, 32) + 3, 22u);
        const std::vector<float> weight = quantized_weights(w);
        for (const Index block : {kRangeBlock, kAttentionRangeBlock}) {
          const Doubles expected =
              linear(quantized_activations(x, block), {weight.data(), w.bias.data(), w.view.outputs, depth, depth, 1});
          // A number halfway between two steps may fall to either, in a few activations and weights of a sum.
          const double slack = 2e-6 * static_cast<double>(depth) + 0.02;
          check_close(product(*table.products, x, w.view, block), expected, slack,
                      label(table.name.c_str(), "", {rows, depth, block}));
        }
      }
    }
  }
}

TEST(int8_sums_are_exact_and_equal_on_every_instruction_set) {
  const Index depth = 1024, columns = 33;
  Weights w(columns, depth, 25);
  std::fill(w.bias.begin(), w.bias.end(), 0.f);
  for (size_t i = 0; i < w.weight.size(); ++i) w.weight[i] = static_cast<float>(i * 7919 % 127) - 63;
  Matrix x(9, depth, depth, 0.f);
  for (Index r = 0; r < x.rows; ++r) {
    for (Index c = 0; c < depth; ++c) x.row(r)[c] = static_cast<float>((c * (r + 3) * 104729) % 256);
    for (const Index c : {Index{0}, kRangeBlock}) x.row(r)[c] = 0.f, x.row(r)[c + 1] = 255.f;  // step 1 from 0
  }
  for (Index c = 0; c < depth; ++c) {  // the largest sums of two there can be, 255 times 64 and 64
    x.row(0)[c] = c % kRangeBlock == 0 ? 0.f : 255.f;
    w.weight[static_cast<size_t>(c)] = 63.5f;
    w.weight[static_cast<size_t>(depth + c)] = -63.5f;
  }
  for (Index o = 0; o < columns; ++o) {  // scale 1
    w.weight[static_cast<size_t>(o * depth)] = 127.f, w.weight[static_cast<size_t>(o * depth + 1)] = 0.f;
  }
  const std::vector<float> weight = quantized_weights(w);
  check(weight[2] == 64.f && weight[3] == 64.f, "the largest weights of a pair");
  const Doubles expected = linear(x.dense<double>(), {weight.data(), w.bias.data(), columns, depth, depth, 1});
  for (const Table& table : tables("int8")) {
    const std::vector<float> found = product(*table.products, x, w.view);
    for (size_t i = 0; i < found.size(); ++i) {
      check(static_cast<double>(found[i]) == static_cast<double>(static_cast<float>(expected[i])),
            label(table.name.c_str(), "sum", {static_cast<Index>(i)}));
    }
  }
}

// The columns of x differ by as much as their LayerNorm makes them differ; two of them count for nothing.
TEST(int8_balances_inputs_by_their_layer_norm) {
  const Index depth = 70, columns = 24;
  Weights w(columns, depth, 26);
  std::vector<float> weight(static_cast<size_t>(depth)), bias(weight);
  Matrix x(4, depth, depth, 27u);
  for (Index k = 0; k < depth; ++k) {
    weight[static_cast<size_t>(k)] = k == 3 ? 0.f : k % 9 == 0 ? -20.f : 0.5f;
    bias[static_cast<size_t>(k)] = k == 3 ? 0.f : 0.1f;
    for (Index r = 0; r < x.rows; ++r) x.row(r)[k] *= weight[static_cast<size_t>(k)];
    for (Index o = 0; k == 5 && o < columns; ++o) w.weight[static_cast<size_t>(o * depth + k)] = 0.f;
  }
  Weights balanced = w;
  Matrix scaled = x;
  for (Index k = 0; k < depth; ++k) {
    float largest = 0;
    for (Index o = 0; o < columns; ++o)
      largest = std::fmax(largest, std::fabs(w.weight[static_cast<size_t>(o * depth + k)]));
    const double reach = std::fabs(weight[static_cast<size_t>(k)]) + bias[static_cast<size_t>(k)];
    const double scale = reach > 0 ? std::pow(largest, 0.25) / std::pow(reach, 0.75) : 0;
    for (Index r = 0; r < x.rows; ++r) scaled.row(r)[k] *= static_cast<float>(scale);
    for (Index o = 0; o < columns; ++o) {
      float& value = balanced.weight[static_cast<size_t>(o * depth + k)];
      value = scale > 0 ? static_cast<float>(value / scale) : 0.f;
    }
  }
  const LayerNormWeights norm = {weight.data(), bias.data(), 1e-12f};
  const std::vector<float> quantized = quantized_weights(balanced);
  const Doubles exact = linear(x.dense<double>(), w.view);
  for (const Table& table : tables("int8")) {
    for (const Index block : {kRangeBlock, kAttentionRangeBlock, Index{32}}) {
      if (block % table.products->step != 0) continue;
      const Doubles expected =
          linear(quantized_activations(scaled, block), {quantized.data(), w.bias.data(), columns, depth, depth, 1});
      const std::vector<float> found = product(*table.products, x, w.view, block, &norm);
      const std::vector<float> plain = product(*table.products, x, w.view, block);
      check_close(found, expected, 0.05, label(table.name.c_str(), "balanced", {block}));
      double error = 0, before = 0;
      for (size_t i = 0; i < found.size(); ++i) {
        error += std::fabs(found[i] - exact[i]), before += std::fabs(plain[i] - exact[i]);
      }
      check(error < 0.6 * before, label(table.name.c_str(), "is finer by balancing", {block}));
    }
  }
}

TEST(the_layer_norm_before_a_layer_is_that_of_its_last_pass) {
  EncoderView view{};
  view.layers.resize(3);
  view.schedule = {0, 1, 1, 2};
  check(view.norm_before(0) == &view.embedding_norm, "of the first layer");
  check(view.norm_before(1) == &view.layers[1].output_norm, "of a repeated layer");
  check(view.norm_before(2) == &view.layers[1].output_norm, "of the last layer");
  view.embedding_projection = LinearView{};
  check(view.norm_before(0) == nullptr, "of the first layer after a projection");
}

TEST(int8_rows_of_one_number_and_of_tiny_ones_give_what_they_should) {
  const Index depth = 70;
  const Weights w(20, depth, 31);
  Matrix x(4, depth, depth, 0.f);
  for (Index c = 0; c < depth; ++c) {
    x.row(1)[c] = -2.5f;
    x.row(2)[c] = c % 2 ? 1e-40f : -1e-42f;
    x.row(3)[c] = c == 7 ? 1e4f : 0.01f * static_cast<float>(c);
  }
  const std::vector<float> weight = quantized_weights(w);
  const Doubles expected = linear(x.dense<double>(), {weight.data(), w.bias.data(), w.view.outputs, depth, depth, 1});
  for (const Table& table : tables("int8")) {
    const std::vector<float> found = product(*table.products, x, w.view);
    const size_t row = static_cast<size_t>(w.view.outputs);
    for (size_t i = 0; i < found.size(); ++i) {
      const double slack = i < 3 * row ? 2e-5 : 1e4 / 255 * depth / 4;
      check(std::fabs(found[i] - expected[i]) < slack, label(table.name.c_str(), "row", {static_cast<Index>(i / row)}));
    }
  }
}

TEST(int8_passes_undefined_and_infinite_numbers_on_in_their_row_alone) {
  for (const Table& table : tables("int8")) {
    for (const float bad : {kNaN, std::numeric_limits<float>::infinity()}) {
      for (const Index place : {0, 17, 599}) {
        const Weights w(20, 600, 41);
        Matrix x(3, 600, 600, 42u);
        const std::vector<float> before = product(*table.products, x, w.view);
        x.row(1)[place] = bad;
        const std::vector<float> after = product(*table.products, x, w.view);
        for (size_t i = 0; i < after.size(); ++i) {
          const bool struck = i / 20 == 1;
          check(struck ? std::isnan(after[i]) : after[i] == before[i], label(table.name.c_str(), "poison", {place}));
        }
      }
    }
  }
}

TEST(int8_weights_of_zero_and_tiny_ones_give_the_bias) {
  const std::vector<float> weight(8 * 40, 1e-39f), zero(8 * 40, 0.f);
  const std::vector<float> bias = random_floats(8, 1.f, 51);
  const Matrix x(3, 40, 40, 52u);
  for (const Table& table : tables("int8")) {
    for (const std::vector<float>& w : {weight, zero}) {
      const std::vector<float> found = product(*table.products, x, {w.data(), bias.data(), 8, 40, 40, 1});
      for (size_t i = 0; i < found.size(); ++i) {
        check(std::fabs(found[i] - bias[i % 8]) < 1e-30, label(table.name.c_str(), "bias", {}));
      }
    }
  }
}

}  // namespace embedpipe::testing
