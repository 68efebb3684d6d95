// The whole engine on odd sizes: against plain loops, and the same bits however the work is cut.

#include <cstdint>
#include <deque>
#include <numeric>
#include <stdexcept>

#include "check.h"
#include "engine/parallel.h"
#include "matrices.h"
#include "naive.h"

namespace embedpipe::testing {

namespace {

// Owns random weights and shows them as an EncoderView.
class RandomModel {
 public:
  RandomModel(Index hidden, Index heads, Index intermediate, Index embedding, Activation activation) {
    view.hidden = hidden;
    view.heads = heads;
    view.activation = activation;
    view.tables = {take(50 * embedding, 1.f), take(600 * embedding, 1.f), take(2 * embedding, 1.f), 50, 600, embedding};
    view.embedding_norm = norm(embedding);
    if (embedding != hidden) view.embedding_projection = dense(hidden, embedding);
    for (int i = 0; i < 2; ++i) {
      view.layers.push_back({dense(hidden, hidden), dense(hidden, hidden), dense(hidden, hidden), dense(hidden, hidden),
                             dense(intermediate, hidden), dense(hidden, intermediate), norm(hidden), norm(hidden)});
    }
    view.schedule = {0, 1, 1};
    view.pooler = dense(hidden, hidden);
  }
  EncoderView view;

 private:
  const float* take(Index count, float scale) {
    values_.push_back(random_floats(static_cast<size_t>(count), scale, ++seed_));
    return values_.back().data();
  }
  LinearView dense(Index outputs, Index inputs) {
    return {take(outputs * inputs, 0.3f), take(outputs, 0.1f), outputs, inputs, inputs, 1};
  }
  LayerNormWeights norm(Index size) { return {take(size, 1.f), take(size, 1.f), 1e-12f}; }

  std::deque<std::vector<float>> values_;
  unsigned seed_ = 0;
};

struct Batch {
  explicit Batch(const std::vector<int>& lengths) {
    offsets.push_back(0);
    for (const int length : lengths) {
      for (int p = 0; p < length; ++p) ids.push_back((p * 7 + length * 3) % 50);
      offsets.push_back(static_cast<int64_t>(ids.size()));
    }
  }
  Sequences view() const { return {ids.data(), offsets.data(), static_cast<Index>(offsets.size()) - 1}; }
  std::vector<int32_t> ids;
  std::vector<int64_t> offsets;
};

std::vector<float> hidden_states(Encoder& encoder, const Batch& batch, int threads) {
  std::vector<float> out(batch.ids.size() * static_cast<size_t>(encoder.hidden()), NAN);
  encoder.hidden_states(batch.view(), {threads}, out.data());
  return out;
}

std::vector<float> encode_pieces(Encoder& encoder, const Batch& batch, Pooling pooling, int threads) {
  std::vector<float> out((batch.offsets.size() - 1) * static_cast<size_t>(encoder.hidden()), NAN);
  encoder.encode_pieces(batch.view(), pooling, false, {threads}, out.data());
  return out;
}

}  // namespace

namespace {

void check_against_loops(const EncoderView& view, const Kernels& kernels, const Batch& batch, const std::string& what) {
  Encoder encoder(view, kernels, kernels.float32);
  Doubles expected;
  for (Index i = 0; i < batch.view().count; ++i) {
    const auto begin = batch.ids.begin() + batch.offsets[static_cast<size_t>(i)];
    const Doubles one = encode(view, {begin, begin + batch.view().length(i)});
    expected.insert(expected.end(), one.begin(), one.end());
  }
  check_close(hidden_states(encoder, batch, 2), expected, 1e-4, std::string(kernels.name) + what);
}

}  // namespace

TEST(hidden_states_equal_those_of_plain_loops) {
  for (const Kernels* kernels : kernel_tables()) {
    for (const Activation activation : {Activation::kGeluErf, Activation::kGeluTanh}) {
      for (const Index hidden : {24, 64}) {
        const RandomModel model(hidden, 3 - hidden / 64, 2 * hidden + 8, hidden == 24 ? 10 : hidden, activation);
        check_against_loops(model.view, *kernels, Batch({1, 2, 30, 33, 65, 1}), " hidden states");
      }
    }
  }
}

TEST(heads_computed_in_groups_equal_plain_loops) {
  for (const Kernels* kernels : kernel_tables()) {
    const RandomModel model(256, 8, 320, 256, Activation::kGeluErf);  // two groups of four heads
    check_against_loops(model.view, *kernels, Batch({1, 7, 33}), " groups of heads");
  }
}

TEST(a_model_without_layers_gives_its_embeddings) {
  for (const Kernels* kernels : kernel_tables()) {
    for (const Index embedding : {24, 10}) {  // the second with a projection
      RandomModel model(24, 2, 56, embedding, Activation::kGeluErf);
      model.view.layers.clear();
      model.view.schedule.clear();
      check_against_loops(model.view, *kernels, Batch({1, 30, 2}), " without layers");
    }
  }
}

namespace {

void check_bits(const std::string& what, Encoder& encoder) {
  const std::vector<int> lengths = {5, 64, 3, 300, 17, 17, 90, 1, 40, 33, 12, 200};
  const std::vector<float> whole = hidden_states(encoder, Batch(lengths), 1);
  for (const int threads : {2, 3, 16}) {
    check(hidden_states(encoder, Batch(lengths), threads) == whole, what + ": threads change bits");
    for (const int length : {70, 300}) {
      check(hidden_states(encoder, Batch({length}), threads) == hidden_states(encoder, Batch({length}), 1),
            what + ": a team changes bits");
    }
  }
  for (const Pooling pooling : {Pooling::kCls, Pooling::kMean, Pooling::kPooler}) {
    const std::vector<float> pooled = encode_pieces(encoder, Batch(lengths), pooling, 2);
    size_t row = 0;
    for (const int length : lengths) {
      const std::vector<float> alone = encode_pieces(encoder, Batch({length}), pooling, 1);
      check(std::equal(alone.begin(), alone.end(), pooled.begin() + static_cast<std::ptrdiff_t>(row * 48)),
            what + ": company changes bits");
      ++row;
    }
  }
  std::vector<int> reversed(lengths.rbegin(), lengths.rend());
  const std::vector<float> backwards = hidden_states(encoder, Batch(reversed), 2);
  const Batch forwards(lengths), turned(reversed);
  for (size_t i = 0; i < lengths.size(); ++i) {
    const size_t there = lengths.size() - 1 - i;
    check(std::equal(whole.begin() + forwards.offsets[i] * 48, whole.begin() + forwards.offsets[i + 1] * 48,
                     backwards.begin() + turned.offsets[there] * 48),
          what + ": order changes bits");
  }
}

}  // namespace

TEST(bits_do_not_depend_on_threads_company_or_order) {
  const RandomModel model(48, 3, 100, 48, Activation::kGeluErf);
  for (const InstructionSet& set : instruction_sets()) {
    for (const char* precision : {"float32", "int8", "bfloat16"}) {
      if (set.bfloat16 == nullptr && std::string(precision) == "bfloat16") continue;
      Encoder encoder(model.view, *set.kernels, set.products(precision));
      check_bits(std::string(set.name) + " " + precision, encoder);
    }
  }
}

TEST(a_block_packed_before_gives_the_same_bits_without_the_weights) {
  for (const Index embedding : {48, 20}) {
    const RandomModel model(48, 3, 100, embedding, Activation::kGeluErf);
    EncoderView shapes = model.view;  // the same sizes and tables, weights that cannot be read
    const auto forget = [](LinearView& linear) { linear.weight = linear.bias = nullptr; };
    const auto forget_norm = [](LayerNormWeights& norm) { norm.weight = norm.bias = nullptr; };
    forget_norm(shapes.embedding_norm);
    if (shapes.embedding_projection) forget(*shapes.embedding_projection);
    forget(*shapes.pooler);
    for (LayerView& layer : shapes.layers) {
      for (LinearView* linear :
           {&layer.query, &layer.key, &layer.value, &layer.attention_output, &layer.intermediate, &layer.output}) {
        forget(*linear);
      }
      forget_norm(layer.attention_norm);
      forget_norm(layer.output_norm);
    }
    for (const InstructionSet& set : instruction_sets()) {
      for (const char* precision : {"float32", "int8", "bfloat16"}) {
        if (set.bfloat16 == nullptr && std::string(precision) == "bfloat16") continue;
        const std::string what = std::string(set.name) + " " + precision;
        const Products& products = set.products(precision);
        Encoder packing(model.view, *set.kernels, products);
        check(packing.packed_size() == PackedWeights::size(shapes, set.kernels->float32, products), what + ": size");
        check(reinterpret_cast<std::uintptr_t>(packing.packed()) % 64 == 0, what + ": not on a cache line");
        Buffer copy(packing.packed_size());
        std::copy(packing.packed(), packing.packed() + packing.packed_size(), copy.data());
        Encoder given(shapes, *set.kernels, products, copy.data());
        check(given.packed() == copy.data(), what + ": another block");
        const Batch batch({1, 30, 65});
        check(hidden_states(packing, batch, 2) == hidden_states(given, batch, 2), what + ": other bits");
        check(encode_pieces(packing, batch, Pooling::kPooler, 1) == encode_pieces(given, batch, Pooling::kPooler, 1),
              what + ": other bits of the pooler");
      }
    }
  }
}

TEST(many_teams_in_turn_end) {
  const RandomModel model(48, 3, 100, 48, Activation::kGeluErf);
  Encoder encoder(model.view, *kernel_tables().front(), kernel_tables().front()->float32);
  const std::vector<float> alone = hidden_states(encoder, Batch({64, 65}), 1);
  for (int i = 0; i < 50; ++i) check(hidden_states(encoder, Batch({64, 65}), 7) == alone, "a team of many differs");
}

TEST(nothing_in_nothing_out) {
  const RandomModel model(16, 2, 32, 16, Activation::kGeluErf);
  Encoder encoder(model.view, *kernel_tables().front(), kernel_tables().front()->float32);
  check(hidden_states(encoder, Batch({}), 2).empty(), "no sequences give no rows");
}

TEST(an_exception_in_one_thread_reaches_the_caller) {
  bool caught = false;
  try {
    for_each_in_parallel(100, 4, [](const auto& next) {
      for (std::ptrdiff_t i = next(); i >= 0; i = next()) {
        if (i == 10) throw std::runtime_error("ten");
      }
    });
  } catch (const std::runtime_error&) {
    caught = true;
  }
  check(caught, "the exception was lost");
}

TEST(work_stops_between_chunks_when_the_caller_says_so) {
  const RandomModel model(16, 2, 32, 16, Activation::kGeluErf);
  Encoder encoder(model.view, *kernel_tables().front(), kernel_tables().front()->float32);
  const Batch batch(std::vector<int>(50, 100));
  std::vector<float> out(batch.ids.size() * 16);
  int polled = 0;
  const auto stop_at_once = [&] {
    ++polled;
    throw std::runtime_error("stop");
  };
  bool stopped = false;
  try {
    encoder.hidden_states(batch.view(), {2, stop_at_once}, out.data());
  } catch (const std::runtime_error&) {
    stopped = true;
  }
  check(stopped && polled == 1, "the first poll did not stop the work");
}

TEST(an_unknown_instruction_set_is_refused_by_name) {
  bool caught = false;
  try {
    instruction_set_named("mmx");
  } catch (const std::invalid_argument& error) {
    caught = std::string(error.what()).find("mmx") != std::string::npos;
  }
  check(caught, "mmx was not refused");
}

}  // namespace embedpipe::testing
