#include <nanobind/ndarray.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#if defined(__linux__)
#include <sys/syscall.h>
#include <unistd.h>
#else
#include <pthread.h>
#endif

#include <chrono>
#include <cstdint>
#include <stdexcept>

#include "bindings.h"
#include "engine/encoder.h"
#include "engine/processor.h"
#include "engine/results.h"
#include "interpreter_lock.h"

namespace nb = nanobind;
using namespace nb::literals;

namespace embedpipe::bindings {

namespace {

template <class Scalar, int Rank>
using Array = nb::ndarray<const Scalar, nb::ndim<Rank>, nb::c_contig, nb::device::cpu>;
using Matrix = Array<float, 2>;
using AnyOrderMatrix = nb::ndarray<const float, nb::ndim<2>, nb::device::cpu>;
using Vector = Array<float, 1>;
using Result = nb::ndarray<nb::numpy, float, nb::ndim<2>>;

Result empty_result(size_t rows, size_t columns) {
  auto memory = std::make_unique<ResultMemory>(static_cast<std::ptrdiff_t>(rows * columns));
  float* values = memory->data();
  nb::capsule owner(memory.get(), [](void* p) noexcept { delete static_cast<ResultMemory*>(p); });
  memory.release();
  return Result(values, {rows, columns}, owner);
}

void require(bool condition, const char* what) {
  if (!condition) throw std::invalid_argument(std::string("encoder: ") + what);
}

struct BoundLinear {
  AnyOrderMatrix weight;
  Vector bias;

  LinearView view() const {
    return {weight.data(),
            bias.data(),
            static_cast<Index>(weight.shape(0)),
            static_cast<Index>(weight.shape(1)),
            static_cast<Index>(weight.stride(0)),
            static_cast<Index>(weight.stride(1))};
  }
};

struct BoundLayerNorm {
  Vector weight, bias;
  float epsilon;

  LayerNormWeights view() const { return {weight.data(), bias.data(), epsilon}; }
};

struct BoundLayer {
  BoundLinear query, key, value, attention_output;
  BoundLayerNorm attention_norm;
  BoundLinear intermediate, output;
  BoundLayerNorm output_norm;

  LayerView view() const {
    return {query.view(),        key.view(),    value.view(),          attention_output.view(),
            intermediate.view(), output.view(), attention_norm.view(), output_norm.view()};
  }
};

void check_linear(const BoundLinear& linear, Index outputs, Index inputs) {
  const LinearView view = linear.view();
  require(view.outputs == outputs && view.inputs == inputs, "a weight has the wrong shape");
  require(static_cast<Index>(linear.bias.shape(0)) == outputs, "a bias has the wrong shape");
}

void check_norm(const BoundLayerNorm& norm, Index size) {
  require(static_cast<Index>(norm.weight.shape(0)) == size && static_cast<Index>(norm.bias.shape(0)) == size,
          "a LayerNorm has the wrong shape");
}

void check_layer(const BoundLayer& layer, Index hidden, Index intermediate) {
  for (const BoundLinear* linear : {&layer.query, &layer.key, &layer.value, &layer.attention_output}) {
    check_linear(*linear, hidden, hidden);
  }
  check_linear(layer.intermediate, intermediate, hidden);
  check_linear(layer.output, hidden, intermediate);
  check_norm(layer.attention_norm, hidden);
  check_norm(layer.output_norm, hidden);
}

bool on_main_thread() {
#if defined(__linux__)
  return syscall(SYS_gettid) == getpid();
#else
  return pthread_main_np() != 0;
#endif
}

// Between chunks, ten times a second, the interpreter gets to see signals: Ctrl-C stops even a long computation. Only
// on the main thread, where Python handles them: others might find the interpreter gone at the end of the process.
class SignalPoll {
 public:
  void operator()() {
    const auto now = std::chrono::steady_clock::now();
    if (!main_ || now < next_) return;
    next_ = now + std::chrono::milliseconds(100);
    const LockHeld held;
    if (PyErr_CheckSignals() != 0) throw nb::python_error();
  }

 private:
  bool main_ = on_main_thread();
  std::chrono::steady_clock::time_point next_ = std::chrono::steady_clock::now() + std::chrono::milliseconds(100);
};

// A model's weights as they come, checked, with the arrays whose memory the view refers to.
class BoundModel {
 public:
  BoundModel(Index hidden, Index heads, const std::string& activation, Matrix words, Matrix positions, Matrix types,
             const BoundLayerNorm& embedding_norm, std::optional<BoundLinear> projection,
             const std::vector<BoundLayer>& layers, std::vector<int> schedule, std::optional<BoundLinear> pooler)
      : words_(words),
        positions_(positions),
        types_(types),
        embedding_norm_(embedding_norm),
        projection_(projection),
        layers_(layers),
        pooler_(pooler) {
    const Index size = static_cast<Index>(words.shape(1));
    require(hidden > 0 && heads > 0 && hidden % heads == 0, "the hidden size is no multiple of the heads");
    require(activation == "gelu_erf" || activation == "gelu_tanh", "unknown activation");
    require(static_cast<Index>(positions.shape(1)) == size && static_cast<Index>(types.shape(1)) == size &&
                types.shape(0) > 0,
            "the embedding tables disagree");
    require(projection.has_value() || size == hidden, "an embedding projection is missing");
    require(!layers.empty() && !schedule.empty(), "there are no layers");
    for (const int layer : schedule) {
      require(layer >= 0 && layer < static_cast<int>(layers.size()), "the schedule names an unknown layer");
    }
    check_norm(embedding_norm, size);
    if (projection) check_linear(*projection, hidden, size);
    if (pooler) check_linear(*pooler, hidden, hidden);
    const Index intermediate = layers[0].intermediate.view().outputs;
    view_.hidden = hidden;
    view_.heads = heads;
    view_.activation = activation == "gelu_erf" ? Activation::kGeluErf : Activation::kGeluTanh;
    view_.tables = {words.data(),
                    positions.data(),
                    types.data(),
                    static_cast<Index>(words.shape(0)),
                    static_cast<Index>(positions.shape(0)),
                    size};
    view_.embedding_norm = embedding_norm.view();
    if (projection) view_.embedding_projection = projection->view();
    if (pooler) view_.pooler = pooler->view();
    for (const BoundLayer& layer : layers) {
      check_layer(layer, hidden, intermediate);
      view_.layers.push_back(layer.view());
    }
    view_.schedule = std::move(schedule);
  }

  Index packed_size(const std::string& isa, const std::string& precision) const {
    const InstructionSet& set = instruction_set_named(isa);
    return PackedWeights::size(view_, set.kernels->float32, set.products(precision));
  }

  const EncoderView& view() const { return view_; }
  const Matrix& words() const { return words_; }
  const Matrix& positions() const { return positions_; }
  const Matrix& types() const { return types_; }

 private:
  Matrix words_, positions_, types_;
  BoundLayerNorm embedding_norm_;
  std::optional<BoundLinear> projection_;
  std::vector<BoundLayer> layers_;
  std::optional<BoundLinear> pooler_;
  EncoderView view_{};
};

// The engine's encoder with the arrays whose memory it refers to: the embedding tables, and a block that was packed
// before.
class BoundEncoder {
 public:
  BoundEncoder(const BoundModel& model, const std::string& isa, const std::string& precision,
               std::optional<Vector> packed)
      : words_(model.words()),
        positions_(model.positions()),
        types_(model.types()),
        packed_(packed),
        has_pooler_(model.view().pooler.has_value()) {
    if (packed) {
      require(static_cast<Index>(packed->shape(0)) == model.packed_size(isa, precision),
              "the packed weights have the wrong size");
      require(reinterpret_cast<std::uintptr_t>(packed->data()) % 64 == 0,
              "the packed weights do not begin on a cache line");
    }
    const LockReleased released;
    const InstructionSet& set = instruction_set_named(isa);
    encoder_ = std::make_unique<Encoder>(model.view(), *set.kernels, set.products(precision),
                                         packed ? packed->data() : nullptr);
  }

  nb::ndarray<nb::numpy, const float, nb::ndim<1>> packed() const {
    return {encoder_->packed(), {static_cast<size_t>(encoder_->packed_size())}, nb::find(this)};
  }

  Result hidden_states(Array<int32_t, 1> ids, Array<int64_t, 1> offsets, int threads) {
    const Sequences sequences = check(ids, offsets, threads);
    return fill(ids.shape(0), [&](float* out) { encoder_->hidden_states(sequences, {threads, SignalPoll()}, out); });
  }

  Result encode_pieces(Array<int32_t, 1> ids, Array<int64_t, 1> offsets, const std::string& pooling, bool normalize,
                       int threads) {
    const Sequences sequences = check(ids, offsets, threads);
    require(pooling == "cls" || pooling == "mean" || pooling == "pooler", "unknown pooling");
    require(pooling != "pooler" || has_pooler_, "there is no pooler");
    const Pooling kind = pooling == "cls" ? Pooling::kCls : pooling == "mean" ? Pooling::kMean : Pooling::kPooler;
    return fill(static_cast<size_t>(sequences.count),
                [&](float* out) { encoder_->encode_pieces(sequences, kind, normalize, {threads, SignalPoll()}, out); });
  }

 private:
  // What would otherwise read outside an array; embedpipe.engine.native says the same in more words, beforehand.
  Sequences check(const Array<int32_t, 1>& ids, const Array<int64_t, 1>& offsets, int threads) const {
    require(threads >= 1, "at least one thread is needed");
    const Index count = static_cast<Index>(offsets.shape(0)) - 1;
    require(count >= 0 && offsets(0) == 0 && offsets(count) == static_cast<int64_t>(ids.shape(0)),
            "the offsets do not span the ids");
    for (Index i = 0; i < count; ++i) {
      const int64_t length = offsets(i + 1) - offsets(i);
      require(length > 0 && length <= static_cast<int64_t>(positions_.shape(0)),
              "a sequence is empty or longer than the position embeddings");
    }
    const int32_t vocabulary = static_cast<int32_t>(words_.shape(0));
    for (size_t i = 0; i < ids.shape(0); ++i) {
      require(ids(i) >= 0 && ids(i) < vocabulary, "a piece id is outside the vocabulary");
    }
    return {ids.data(), offsets.data(), count};
  }

  template <class Fill>
  Result fill(size_t rows, const Fill& fill) const {
    const size_t columns = static_cast<size_t>(encoder_->hidden());
    Result result = empty_result(rows, columns);
    const LockReleased released;
    fill(result.data());
    return result;
  }

  Matrix words_, positions_, types_;
  std::optional<Vector> packed_;
  bool has_pooler_;
  std::unique_ptr<Encoder> encoder_;
};

}  // namespace

void bind_encoder(nb::module_& module) {
  module.attr("PACKING_FORMAT") = kPackingFormat;
  module.def("empty_result", &empty_result, "rows"_a, "columns"_a,
             "Float32 (rows, columns), not filled, in memory that is kept for later results.");
  nb::class_<BoundLinear>(module, "Linear", "y = x W^T + b: weight (outputs, inputs) in any order, bias (outputs,)")
      .def(
          "__init__",
          [](BoundLinear* self, AnyOrderMatrix weight, Vector bias) { new (self) BoundLinear{weight, bias}; },
          "weight"_a.noconvert(), "bias"_a.noconvert());
  nb::class_<BoundLayerNorm>(module, "LayerNorm", "weight and bias (size,)")
      .def(
          "__init__",
          [](BoundLayerNorm* self, Vector weight, Vector bias, float epsilon) {
            new (self) BoundLayerNorm{weight, bias, epsilon};
          },
          "weight"_a.noconvert(), "bias"_a.noconvert(), "epsilon"_a);
  nb::class_<BoundLayer>(module, "Layer", "The weights of one transformer layer")
      .def(
          "__init__",
          [](BoundLayer* self, BoundLinear query, BoundLinear key, BoundLinear value, BoundLinear attention_output,
             BoundLayerNorm attention_norm, BoundLinear intermediate, BoundLinear output, BoundLayerNorm output_norm) {
            new (self)
                BoundLayer{query, key, value, attention_output, attention_norm, intermediate, output, output_norm};
          },
          nb::kw_only(), "query"_a, "key"_a, "value"_a, "attention_output"_a, "attention_norm"_a, "intermediate"_a,
          "output"_a, "output_norm"_a);
  nb::class_<BoundModel>(module, "Model", "The sizes and the weights of an encoder, not yet packed")
      .def(nb::init<Index, Index, const std::string&, Matrix, Matrix, Matrix, const BoundLayerNorm&,
                    std::optional<BoundLinear>, const std::vector<BoundLayer>&, std::vector<int>,
                    std::optional<BoundLinear>>(),
           nb::kw_only(), "hidden_size"_a, "attention_heads"_a, "activation"_a, "word_embeddings"_a.noconvert(),
           "position_embeddings"_a.noconvert(), "token_type_embeddings"_a.noconvert(), "embedding_norm"_a,
           "embedding_projection"_a.none(), "layers"_a, "schedule"_a, "pooler"_a.none())
      .def("packed_size", &BoundModel::packed_size, "isa"_a, "precision"_a,
           "Floats in the block of packed weights; the weights are not read.");
  nb::class_<BoundEncoder>(module, "Encoder", "An encoder with packed weights; it keeps the embedding tables alive")
      .def(nb::init<const BoundModel&, const std::string&, const std::string&, std::optional<Vector>>(), "model"_a,
           nb::kw_only(), "isa"_a, "precision"_a, "packed"_a.noconvert().none() = nb::none(),
           "packed: what `packed` of such an encoder gave; the model's weights are not read then.")
      .def("packed", &BoundEncoder::packed, "The block of packed weights, float32 (packed_size,), read-only.")
      .def("hidden_states", &BoundEncoder::hidden_states, "ids"_a.noconvert(), "offsets"_a.noconvert(), "threads"_a,
           "Last hidden states, float32 (len(ids), hidden size).")
      .def("encode_pieces", &BoundEncoder::encode_pieces, "ids"_a.noconvert(), "offsets"_a.noconvert(), nb::kw_only(),
           "pooling"_a, "normalize"_a, "threads"_a, "Pooled vectors, float32 (len(offsets) - 1, hidden size).");
}

}  // namespace embedpipe::bindings
