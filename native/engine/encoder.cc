#include "encoder.h"

#include <algorithm>
#include <cstring>

#include "head_columns.h"
#include "workspace.h"

namespace embedpipe {

namespace {

// Rows that are normalized and prepared for the next product together.
constexpr Index kRowsTogether = 8;

// Rows of the word table are asked for this many pieces ahead: each is somewhere else in memory.
constexpr Index kRowsAhead = 6;

void prefetch_row(const float* row, Index size) {
  for (Index i = 0; i < size; i += 16) __builtin_prefetch(row + i);
}

}  // namespace

Encoder::Encoder(const EncoderView& view, const Kernels& kernels, const Products& products, const float* packed,
                 int threads)
    : kernels_(kernels),
      products_(products),
      hidden_(view.hidden),
      intermediate_(view.layers.empty() ? 0 : view.layers[0].intermediate.outputs),
      head_group_{view.hidden, view.heads},
      activation_(view.activation),
      tables_(view.tables),
      schedule_(view.schedule),
      memory_(packed ? PackedMemory(packed) : PackedMemory(PackedWeights::size(view, kernels.float32, products))),
      weights_(view, kernels.float32, products, memory_, threads) {
  const Index heads = heads_together(head_group_, products.panel);
  head_group_ = {heads * (view.hidden / view.heads), heads};
  most_rows_ = most_rows(hidden_, std::max(3 * head_group_.hidden, kIntermediateBlock));
  if (schedule_.empty()) return;  // a table of words alone
  const int first = schedule_[0];
  if (view.reads_embeddings(first)) {
    const PackedLinear& query_key_value = weights_.layers[static_cast<size_t>(first)].query_key_value.packed();
    first_projection_.emplace(tables_, weights_.embedding_norm.weights(), query_key_value, kernels_);
  }
}

Encoder::~Encoder() = default;

void Encoder::hidden_states(const Sequences& sequences, const Execution& execution, float* out) {
  run(sequences, execution, [&](const Chunk& chunk, Workspace& work) {
    for (size_t i = 0; i < chunk.sequences.size(); ++i) {
      const Index sequence = chunk.sequences[i];
      for (Index p = 0; p < sequences.length(sequence); ++p) {
        float* row = out + (sequences.offsets[sequence] + p) * hidden_;
        std::memcpy(row, work.x.row(chunk.starts[i] + p), static_cast<size_t>(hidden_) * sizeof(float));
      }
    }
  });
}

void Encoder::encode_pieces(const Sequences& sequences, Pooling pooling, bool normalize, const Execution& execution,
                            float* out) {
  run(sequences, execution,
      [&](const Chunk& chunk, Workspace& work) { pool(sequences, chunk, pooling, normalize, work, out); });
}

template <class Finish>
void Encoder::run(const Sequences& sequences, const Execution& execution, const Finish& finish) {
  const Plan plan = plan_chunks(sequences, most_rows_, execution.threads);
  if (plan.chunks.empty()) return;
  const Index longest = sequences.length(plan.chunks.front().sequences.front());
  const Index rows = std::max(longest, most_rows_);
  if (plan.shared > 0) {
    std::unique_ptr<Workspace> work = take_workspace(rows, longest, execution.threads);
    for (size_t i = 0; i < plan.shared; ++i) {
      execution.poll();
      encode_as_team(sequences, plan.chunks[i], execution.threads, *work);
      finish(plan.chunks[i], *work);
    }
    keep_workspace(std::move(work));
  }
  const Index rest = static_cast<Index>(plan.chunks.size() - plan.shared);
  if (rest == 0) return;
  const auto work_through = [&](const auto& next) {
    std::unique_ptr<Workspace> work = take_workspace(rows, longest, 1);
    for (Index i = next(); i >= 0; i = next()) {
      const Chunk& chunk = plan.chunks[plan.shared + static_cast<size_t>(i)];
      encode(sequences, chunk, {0, chunk.rows}, *work);
      finish(chunk, *work);
    }
    keep_workspace(std::move(work));
  };
  for_each_in_parallel(rest, execution.threads, work_through, execution.poll);
}

std::unique_ptr<Encoder::Workspace> Encoder::take_workspace(Index rows, Index longest, int members) {
  {
    const std::unique_lock<std::mutex> lock = lock_soon(idle_mutex_);
    for (size_t i = lock ? idle_.size() : 0; i-- > 0;) {
      const bool fits = idle_[i]->rows >= rows && idle_[i]->longest >= longest;
      if (fits && idle_[i]->scratch.size() < static_cast<size_t>(members)) continue;
      std::unique_ptr<Workspace> work = std::move(idle_[i]);
      idle_.erase(idle_.begin() + static_cast<Index>(i));
      if (fits) return work;
    }
  }
  return std::make_unique<Workspace>(*this, rows, longest, members);
}

void Encoder::keep_workspace(std::unique_ptr<Workspace> work) {
  const std::unique_lock<std::mutex> lock = lock_soon(idle_mutex_);
  if (lock) idle_.push_back(std::move(work));
}

void Encoder::encode_as_team(const Sequences& sequences, const Chunk& chunk, int threads, Workspace& work) {
  run_as_team(static_cast<int>(members_for(chunk.rows, threads)), [&](int member, Barrier& barrier, int size) {
    encode(sequences, chunk, {chunk.rows * member / size, chunk.rows * (member + 1) / size, member, &barrier}, work);
  });
}

void Encoder::encode(const Sequences& sequences, const Chunk& chunk, const Share& share, Workspace& work) {
  embed_pieces(sequences, chunk, share, work);
  if (schedule_.empty()) return;
  const auto layer = [&](size_t i) { return &weights_.layers[static_cast<size_t>(schedule_[i])]; };
  Operand x{};  // what a layer reads; none where its queries, keys and values are looked up
  if (first_projection_) {
    find_first_projection(share, work);
  } else {
    x = prepare(work.x, share, hidden_, layer(0)->query_key_value.packed(), work.prepared);
  }
  int turn = 0;
  for (size_t i = 0; i < schedule_.size(); ++i) {
    const Layer* next = i + 1 < schedule_.size() ? layer(i + 1) : nullptr;
    x = apply(*layer(i), next, x, sequences, chunk, share, turn, work);
  }
}

void Encoder::embed_pieces(const Sequences& sequences, const Chunk& chunk, const Share& share, Workspace& work) const {
  Activations& target = weights_.embedding_projection ? work.embedded : work.x;
  Workspace::Scratch& scratch = work.scratch[static_cast<size_t>(share.member)];
  scratch.pieces.clear();
  scratch.positions.clear();
  for (size_t i = 0; i < chunk.sequences.size(); ++i) {
    const Index sequence = chunk.sequences[i], start = chunk.starts[i];
    const Index last = std::min(sequences.length(sequence), share.last - start);
    const int32_t* ids = sequences.ids + sequences.offsets[sequence];
    for (Index p = std::max<Index>(0, share.first - start); p < last; ++p) {
      if (p + kRowsAhead < last) prefetch_row(tables_.words + ids[p + kRowsAhead] * tables_.size, tables_.size);
      scratch.pieces.push_back(ids[p]);
      scratch.positions.push_back(static_cast<int32_t>(p));
      work.scales[static_cast<size_t>(start + p)] =
          kernels_.embed(tables_.words + ids[p] * tables_.size, tables_.positions + p * tables_.size, tables_.types,
                         tables_.size, weights_.embedding_norm.weights(), target.row(start + p));
    }
  }
  if (weights_.embedding_projection) {
    kernels_.float32.linear({work.embedded.row(share.first), work.embedded.stride}, share.count(),
                            weights_.embedding_projection->packed(), 0, tables_.size, work.x.row(share.first),
                            work.x.stride);
  }
}

void Encoder::find_first_projection(const Share& share, Workspace& work) {
  Workspace::Scratch& scratch = work.scratch[static_cast<size_t>(share.member)];
  first_projection_->find_words(scratch.pieces, scratch.first_projection, work.words.data() + share.first);
  first_projection_->find_positions(scratch.positions, scratch.first_projection, work.positions.data() + share.first);
}

// The share's rows of x, inputs of w, as the precision's products read them.
Operand Encoder::prepare(Activations& x, const Share& share, Index columns, const PackedLinear& w,
                         PreparedActivations& space) const {
  if (products_.prepare == nullptr) return {x.row(share.first), x.stride};
  const Operand prepared = space.from(share.first);
  products_.prepare(x.row(share.first), x.stride, share.count(), columns, w, prepared);
  return prepared;
}

// x = layer_norm(x + y), and that as `reader` reads it, if anyone does: some rows at a time, while they are in the
// first-level cache.
Operand Encoder::add_and_norm(const LayerNorm& norm, const Linear* reader, const Share& share, Workspace& work) const {
  const bool prepares = reader != nullptr && products_.prepare != nullptr;
  const Index together = prepares ? kRowsTogether : std::max<Index>(share.count(), 1);
  for (Index row = share.first; row < share.last; row += together) {
    const Index rows = std::min(together, share.last - row);
    kernels_.add_and_norm(work.x.row(row), work.x.stride, work.y.row(row), work.y.stride, rows, hidden_,
                          norm.weights());
    if (prepares) {
      products_.prepare(work.x.row(row), work.x.stride, rows, hidden_, reader->packed(), work.prepared.from(row));
    }
  }
  return prepares ? work.prepared.from(share.first) : Operand{work.x.row(share.first), work.x.stride};
}

// Returns what `next` reads, null for the last one.
Operand Encoder::apply(const Layer& layer, const Layer* next, const Operand& x, const Sequences& sequences,
                       const Chunk& chunk, const Share& share, int& turn, Workspace& work) const {
  attend(layer, x, sequences, chunk, share, turn, work);
  const PackedLinear& output = layer.attention_output.packed();
  products_.linear(prepare(work.context, share, hidden_, output, work.prepared), share.count(), output, 0, hidden_,
                   work.y.row(share.first), work.y.stride);
  feed_forward(layer, add_and_norm(layer.attention_norm, &layer.intermediate, share, work), share, work);
  return add_and_norm(layer.output_norm, next ? &next->query_key_value : nullptr, share, work);
}

// x -> the queries, keys and values of the heads whose columns begin at `first`.
void Encoder::project(const PackedLinear& weights, const Operand& x, const Share& share, Index first,
                      Activations& qkv) const {
  const Index group = head_group_.hidden;
  const Index parts = group < hidden_ ? 3 : 1;  // queries, keys and values, unless they lie together
  for (Index part = 0; part < parts; ++part) {
    products_.linear(x, share.count(), outputs_of(weights, part * hidden_ + first, 3 * group / parts, products_), 0,
                     hidden_, qkv.row(share.first) + part * group, qkv.stride);
  }
}

// The same for the first layer, from what was found of its pieces and positions.
void Encoder::take_first_projection(const Share& share, Index first, Activations& qkv, Workspace& work) const {
  const Index group = head_group_.hidden;
  const size_t row = static_cast<size_t>(share.first);
  for (Index part = 0; part < 3; ++part) {
    kernels_.scaled_sums(work.words.data() + row, work.positions.data() + row, work.scales.data() + row,
                         first_projection_->constant(), part * hidden_ + first, share.count(), group,
                         qkv.row(share.first) + part * group, qkv.stride);
  }
}

// x -> context; without x, from what was looked up. A team takes turns with two matrices of queries, keys and values:
// once all have filled one, nobody reads the other any longer.
void Encoder::attend(const Layer& layer, const Operand& x, const Sequences& sequences, const Chunk& chunk,
                     const Share& share, int& turn, Workspace& work) const {
  const PackedLinear& weights = layer.query_key_value.packed();
  for (Index first = 0; first < hidden_; first += head_group_.hidden) {
    Activations& qkv = work.query_key_value[share.barrier ? static_cast<size_t>(turn++ % 2) : 0];
    if (x.units == nullptr) {
      take_first_projection(share, first, qkv, work);
    } else {
      project(weights, x, share, first, qkv);
    }
    share.wait();
    for (size_t i = 0; i < chunk.sequences.size(); ++i) {
      const Index start = chunk.starts[i], length = sequences.length(chunk.sequences[i]);
      const Index begin = std::max<Index>(0, share.first - start), end = std::min(length, share.last - start);
      if (begin >= end) continue;
      products_.attend(qkv.row(start), qkv.stride, length, begin, end, head_group_, work.context.row(start) + first,
                       work.context.stride, work.scratch[static_cast<size_t>(share.member)].attention.data());
    }
  }
}

// x -> y
void Encoder::feed_forward(const Layer& layer, const Operand& x, const Share& share, Workspace& work) const {
  Activations &middle = work.intermediate, &y = work.y;
  const PackedLinear &intermediate = layer.intermediate.packed(), &output = layer.output.packed();
  const Operand prepared = work.prepared_intermediate.from(share.first);
  const Operand reads = products_.prepare ? prepared : Operand{middle.row(share.first), middle.stride};
  for (Index first = 0; first < intermediate_; first += kIntermediateBlock) {
    const Index last = std::min(first + kIntermediateBlock, intermediate_);
    products_.linear_gelu(x, share.count(), intermediate, first, last, activation_, middle.row(share.first),
                          middle.stride, output, prepared);
    products_.linear(reads, share.count(), output, first, last, y.row(share.first), y.stride);
  }
}

void Encoder::pool(const Sequences& sequences, const Chunk& chunk, Pooling pooling, bool normalize, Workspace& work,
                   float* out) const {
  const size_t bytes = static_cast<size_t>(hidden_) * sizeof(float);
  const Index count = static_cast<Index>(chunk.sequences.size());
  if (pooling == Pooling::kPooler) {
    for (Index i = 0; i < count; ++i)
      std::memcpy(work.context.row(i), work.x.row(chunk.starts[static_cast<size_t>(i)]), bytes);
    kernels_.float32.linear({work.context.row(0), work.context.stride}, count, weights_.pooler->packed(), 0, hidden_,
                            work.y.row(0), work.y.stride);
  }
  for (Index i = 0; i < count; ++i) {
    const Index sequence = chunk.sequences[static_cast<size_t>(i)];
    const float* first = work.x.row(chunk.starts[static_cast<size_t>(i)]);
    float* vector = out + sequence * hidden_;
    if (pooling == Pooling::kMean) {
      kernels_.mean(first, work.x.stride, sequences.length(sequence), hidden_, vector);
    } else {
      std::memcpy(vector, pooling == Pooling::kPooler ? work.y.row(i) : first, bytes);
      if (pooling == Pooling::kPooler) kernels_.tanh(vector, hidden_);
    }
    if (normalize) kernels_.normalize(vector, hidden_);
  }
}

}  // namespace embedpipe
