// The first layer's queries, keys and values: those of plain loops, and the same bits whether rows are kept or not.

#include <thread>

#include "check.h"
#include "engine/first_projection.h"
#include "matrices.h"
#include "naive.h"

namespace embedpipe::testing {

namespace {

constexpr Index kPieces = 50, kPositions = 20;

// Embeddings of `size` columns and one linear map of them, as of `size` queries, keys and values.
struct Embeddings {
  explicit Embeddings(Index size_)
      : size(size_),
        words(random_floats(static_cast<size_t>(kPieces * size), 1.f, 1)),
        positions(random_floats(static_cast<size_t>(kPositions * size), 1.f, 2)),
        types(random_floats(static_cast<size_t>(2 * size), 1.f, 3)),
        gain(random_floats(static_cast<size_t>(size), 1.f, 4)),
        shift(random_floats(static_cast<size_t>(size), 1.f, 5)),
        linear_map(3 * size, size, 6) {}
  EmbeddingTables tables() const { return {words.data(), positions.data(), types.data(), kPieces, kPositions, size}; }
  LayerNormWeights norm() const { return {gain.data(), shift.data(), 1e-12f}; }

  Index size;
  std::vector<float> words, positions, types, gain, shift;
  Weights linear_map;
};

// What the engine makes of found rows: (pieces, 3 size), piece i at position i.
std::vector<float> project(const Embeddings& e, const Kernels& kernels, FirstProjection& projection,
                           FirstProjection::Scratch& scratch, const std::vector<int32_t>& pieces) {
  std::vector<const float*> words(pieces.size()), positions(pieces.size());
  std::vector<int32_t> places;
  std::vector<float> scales, x(static_cast<size_t>(e.size));
  for (size_t i = 0; i < pieces.size(); ++i) {
    places.push_back(static_cast<int32_t>(i));
    scales.push_back(kernels.embed(e.words.data() + pieces[i] * e.size,
                                   e.positions.data() + static_cast<Index>(i) * e.size, e.types.data(), e.size,
                                   e.norm(), x.data()));
  }
  projection.find_words(pieces, scratch, words.data());
  projection.find_positions(places, scratch, positions.data());
  std::vector<float> out(pieces.size() * static_cast<size_t>(3 * e.size), kNaN);
  kernels.scaled_sums(words.data(), positions.data(), scales.data(), projection.constant(), 0,
                      static_cast<Index>(pieces.size()), 3 * e.size, out.data(), 3 * e.size);
  return out;
}

Doubles naive(const Embeddings& e, const std::vector<int32_t>& pieces) {
  Doubles x;
  for (size_t p = 0; p < pieces.size(); ++p) {
    for (Index i = 0; i < e.size; ++i) {
      x.push_back(static_cast<double>(e.words[static_cast<size_t>(pieces[p] * e.size + i)]) +
                  e.positions[p * static_cast<size_t>(e.size) + static_cast<size_t>(i)] +
                  e.types[static_cast<size_t>(i)]);
    }
  }
  layer_norm(x, static_cast<size_t>(e.size), e.norm());
  return linear(x, e.linear_map.view);
}

const std::vector<int32_t> kSome = {3, 7, 3, 49, 0, 7, 7, 12};
const std::vector<int32_t> kOthers = {12, 1, 3, 30, 31, 32, 33, 7, 49, 5, 5};

}  // namespace

TEST(the_first_projection_is_that_of_layer_norm_and_a_product) {
  for (const Kernels* kernels : kernel_tables()) {
    for (const Index size : {10, 24, 64, 132}) {
      const Embeddings e(size);
      const PackedAlone packed({e.linear_map.view}, kernels->float32);
      FirstProjection projection(e.tables(), e.norm(), packed.packed(), *kernels);
      FirstProjection::Scratch scratch;
      for (const std::vector<int32_t>& pieces : {kSome, kOthers, kSome}) {
        check_close(project(e, *kernels, projection, scratch, pieces), naive(e, pieces), 4 * tolerance(size),
                    label(kernels->name, "first projection", {size}));
      }
    }
  }
}

TEST(the_first_projection_has_the_same_bits_whether_rows_are_kept_or_not) {
  for (const Kernels* kernels : kernel_tables()) {
    const Embeddings e(64);
    const PackedAlone packed({e.linear_map.view}, kernels->float32);
    const Index row = 3 * 64 * static_cast<Index>(sizeof(float));
    for (const Index most_kept : {0, 1, 8, 1000}) {
      FirstProjection alone(e.tables(), e.norm(), packed.packed(), *kernels);
      FirstProjection limited(e.tables(), e.norm(), packed.packed(), *kernels, most_kept * row);
      FirstProjection::Scratch a, b;
      const std::vector<float> expected = project(e, *kernels, alone, a, kOthers);
      project(e, *kernels, limited, b, kSome);
      for (int again = 0; again < 2; ++again) {
        check(project(e, *kernels, limited, b, kOthers) == expected, label(kernels->name, "kept", {most_kept}));
      }
    }
  }
}

TEST(threads_that_find_the_same_rows_at_once_all_get_the_right_ones) {
  const Kernels& kernels = *kernel_tables().front();
  const Embeddings e(64);
  const PackedAlone packed({e.linear_map.view}, kernels.float32);
  FirstProjection alone(e.tables(), e.norm(), packed.packed(), kernels);
  FirstProjection::Scratch scratch;
  const std::vector<float> expected = project(e, kernels, alone, scratch, kOthers);
  for (int round = 0; round < 20; ++round) {
    FirstProjection shared(e.tables(), e.norm(), packed.packed(), kernels, 4 * 3 * 64 * sizeof(float));
    std::vector<std::vector<float>> found(4);
    std::vector<std::thread> threads;
    for (std::vector<float>& one : found) {
      threads.emplace_back([&] {
        FirstProjection::Scratch own;
        one = project(e, kernels, shared, own, kOthers);
      });
    }
    for (std::thread& thread : threads) thread.join();
    for (const std::vector<float>& one : found) check(one == expected, "threads find other rows");
  }
}

}  // namespace embedpipe::testing
