#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>

#if defined(__linux__)
#include <sys/syscall.h>
#include <unistd.h>
#else
#include <pthread.h>
#endif

#include <chrono>
#include <cstdint>
#include <memory>

#include "bindings.h"
#include "bound_model.h"
#include "engine/processor.h"
#include "engine/results.h"
#include "interpreter_lock.h"

namespace nb = nanobind;
using namespace nb::literals;

namespace embedpipe::bindings {

namespace {

using Result = nb::ndarray<nb::numpy, float, nb::ndim<2>>;

Result empty_result(size_t rows, size_t columns) {
  auto memory = std::make_unique<ResultMemory>(static_cast<std::ptrdiff_t>(rows * columns));
  float* values = memory->data();
  nb::capsule owner(memory.get(), [](void* p) noexcept { delete static_cast<ResultMemory*>(p); });
  memory.release();
  return Result(values, {rows, columns}, owner);
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

// The engine's encoder with the arrays whose memory it refers to: the embedding tables, and a block that was packed
// before.
class BoundEncoder {
 public:
  BoundEncoder(const BoundModel& model, const std::string& isa, const std::string& precision,
               std::optional<Vector> packed, int threads)
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
    require(threads >= 1, "at least one thread is needed");
    const LockReleased released;
    const InstructionSet& set = instruction_set_named(isa);
    encoder_ = std::make_unique<Encoder>(model.view(), *set.kernels, set.products(precision),
                                         packed ? packed->data() : nullptr, threads);
  }

  nb::ndarray<nb::numpy, const float, nb::ndim<1>> packed() const {
    return {encoder_->packed(), {static_cast<size_t>(encoder_->packed_size())}, nb::find(this)};
  }

  bool weights_are_finite() const { return encoder_->weights_are_finite(); }

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
  nb::class_<BoundEncoder>(module, "Encoder", "An encoder with packed weights; it keeps the embedding tables alive")
      .def(nb::init<const BoundModel&, const std::string&, const std::string&, std::optional<Vector>, int>(), "model"_a,
           nb::kw_only(), "isa"_a, "precision"_a, "packed"_a.noconvert().none() = nb::none(), "threads"_a = 1,
           "packed: what `packed` of such an encoder gave; the model's weights are not read then. threads: to pack on.")
      .def("packed", &BoundEncoder::packed, "The block of packed weights, float32 (packed_size,), read-only.")
      .def_prop_ro("weights_are_finite", &BoundEncoder::weights_are_finite,
                   "Whether all weights are finite; true of those that were packed before.")
      .def("hidden_states", &BoundEncoder::hidden_states, "ids"_a.noconvert(), "offsets"_a.noconvert(), "threads"_a,
           "Last hidden states, float32 (len(ids), hidden size).")
      .def("encode_pieces", &BoundEncoder::encode_pieces, "ids"_a.noconvert(), "offsets"_a.noconvert(), nb::kw_only(),
           "pooling"_a, "normalize"_a, "threads"_a, "Pooled vectors, float32 (len(offsets) - 1, hidden size).");
}

}  // namespace embedpipe::bindings
