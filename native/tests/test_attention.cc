// Attention of every table: against the definition in plain loops, of rounded numbers where it multiplies bfloat16.

#include "naive.h"
#include "precisions.h"

namespace embedpipe::testing {

namespace {

struct Attention {
  std::string name;
  const Products* products;
  bool rounds;  // to bfloat16
};

std::vector<Attention> ways() {
  std::vector<Attention> found;
  for (const Kernels* kernels : kernel_tables()) found.push_back({kernels->name, &kernels->float32, false});
  for (const InstructionSet& set : instruction_sets()) {
    const bool rounds = set.bfloat16 != nullptr;
    found.push_back({std::string(set.name) + " int8", set.int8, rounds});
    if (rounds) found.push_back({std::string(set.name) + " bfloat16", set.bfloat16, true});
  }
  return found;
}

// Queries, keys and values in exactly the room that kernels.h promises.
Matrix random_qkv(Index length, Index hidden, const Products& products, float size_of_scores) {
  Matrix qkv(length, 3 * hidden, rounded_up(3 * hidden, products.panel), 5u);
  for (Index r = 0; r < length; ++r) {
    for (Index c = 0; c < hidden; ++c) qkv.row(r)[c] *= size_of_scores;
  }
  return qkv;
}

std::vector<float> attended(const Products& products, const Matrix& qkv, Index first, Index last,
                            const AttentionShape& shape) {
  Matrix out(qkv.rows, shape.hidden, rounded_up(shape.hidden, products.panel) + products.panel, kNaN);
  std::vector<float> scratch(static_cast<size_t>(products.attention_scratch(qkv.rows, shape)), kNaN);
  products.attend(qkv.row(0), qkv.stride, qkv.rows, first, last, shape, out.row(0), out.stride, scratch.data());
  return out.dense<float>();
}

// The definition; where the way rounds, of the numbers that it rounds: keys after they are scaled for a power of two.
Doubles expected(const Matrix& qkv, const AttentionShape& shape, bool rounds) {
  const double root = std::sqrt(static_cast<double>(shape.hidden / shape.heads));
  Matrix numbers = qkv;
  const float scale = 1.44269504f / std::sqrt(static_cast<float>(shape.hidden / shape.heads));
  for (Index r = 0; rounds && r < qkv.rows; ++r) {
    for (Index c = 0; c < shape.hidden; ++c) {
      float* row = numbers.row(r) + c;
      row[0] = to_bfloat16(row[0]);
      row[2 * shape.hidden] = to_bfloat16(row[2 * shape.hidden]);
      row[shape.hidden] = to_bfloat16(row[shape.hidden] * scale);
    }
  }
  Doubles keys = numbers.dense<double>(shape.hidden, 2 * shape.hidden);
  for (double& key : keys) key *= rounds ? std::log(2.0) * root : 1.0;
  return attention(numbers.dense<double>(0, shape.hidden), keys, numbers.dense<double>(2 * shape.hidden),
                   static_cast<size_t>(shape.hidden), static_cast<size_t>(shape.heads));
}

}  // namespace

// Where it rounds, each share of the softmax is off by half a step of bfloat16 at most, 2^-9 of itself, and by what exp
// is; the values are up to 1.
TEST(attention_equals_softmax_of_scaled_scores_times_values) {
  for (const Attention& way : ways()) {
    for (const Index heads : {1, 2, 3}) {
      for (const Index size : {4, 5, 16, 20, 32, 64}) {
        for (const Index length : {1, 2, 7, 15, 16, 17, 33, 65, 140}) {
          const AttentionShape shape{heads * size, heads};
          const Matrix qkv = random_qkv(length, shape.hidden, *way.products, 4.f);
          check_close(attended(*way.products, qkv, 0, length, shape), expected(qkv, shape, way.rounds),
                      way.rounds ? 0x1p-9 + 2e-4 : 4 * tolerance(length),
                      label(way.name.c_str(), "attention", {heads, size, length}));
        }
      }
    }
  }
}

TEST(attention_survives_scores_of_any_size) {
  for (const Attention& way : ways()) {
    const AttentionShape shape{16, 1};
    const Matrix qkv = random_qkv(20, shape.hidden, *way.products, 1e4f);
    check_close(attended(*way.products, qkv, 0, 20, shape), expected(qkv, shape, way.rounds), 0.02,
                label(way.name.c_str(), "attention with large scores", {}));
  }
}

TEST(rows_of_attention_have_the_same_bits_in_any_part) {
  for (const Attention& way : ways()) {
    const AttentionShape shape{40, 2};
    const Index length = 75;
    const Matrix qkv = random_qkv(length, shape.hidden, *way.products, 4.f);
    const std::vector<float> whole = attended(*way.products, qkv, 0, length, shape);
    for (const Index first : {0, 3, 40, 74}) {
      for (const Index last : {first + 1, first + 16, first + 33, length}) {
        if (last > length) continue;
        const std::vector<float> part = attended(*way.products, qkv, first, last, shape);
        check(std::equal(whole.begin() + first * shape.hidden, whole.begin() + last * shape.hidden,
                         part.begin() + first * shape.hidden),
              label(way.name.c_str(), "attention of rows", {first, last}));
      }
    }
  }
}

// One undefined value makes what it is part of undefined, and no other head.
TEST(attention_shows_what_is_undefined) {
  for (const Attention& way : ways()) {
    const AttentionShape shape{32, 2};
    for (const float bad : {kNaN, std::numeric_limits<float>::infinity()}) {
      Matrix qkv = random_qkv(40, shape.hidden, *way.products, 1.f);
      qkv.row(33)[2 * shape.hidden + 3] = bad;
      const std::vector<float> out = attended(*way.products, qkv, 0, 40, shape);
      for (size_t i = 0; i < out.size(); ++i) {
        check(std::isfinite(out[i]) == (i % 32 != 3), label(way.name.c_str(), "undefined", {static_cast<Index>(i)}));
      }
    }
  }
}

}  // namespace embedpipe::testing
