#include "encoder.h"

#include <algorithm>
#include <cstring>
#include <numeric>

#include "parallel.h"

namespace embedpipe {

namespace {

// Pieces in a chunk, unless one sequence alone is longer: enough rows for each weight to be worth loading, few enough
// for the activations to stay near the core, and, for small inputs, small enough for every thread to get some.
constexpr Index kFewestPieces = 64;
constexpr Index kMostPieces = 192;

// Columns of the feed-forward network's middle that are computed and consumed together, for the same reason.
constexpr Index kIntermediateBlock = 512;

// Rows of the word table are asked for this many pieces ahead: each is somewhere else in memory.
constexpr Index kRowsAhead = 6;

void prefetch_row(const float* row, Index size) {
  for (Index i = 0; i < size; i += 16) __builtin_prefetch(row + i);
}

// Heads whose queries, keys and values are computed together, right before their attention: those of all heads would
// not fit into the second-level cache. They must fill whole panels; where no share of the heads does, all go together.
constexpr Index kHeadColumns = 128;

Index heads_together(const AttentionShape& shape, Index panel) {
  const Index size = shape.hidden / shape.heads;
  for (Index heads = 1; heads < shape.heads; ++heads) {
    const Index columns = heads * size;
    if (columns >= kHeadColumns && columns % panel == 0 && shape.heads % heads == 0) return heads;
  }
  return shape.heads;
}

// The outputs first .. first + count of a linear map, both multiples of the panel.
PackedLinear outputs_of(const PackedLinear& w, Index first, Index count) {
  return {w.panels + first * w.inputs, w.bias + first, count, w.inputs};
}

Index round_up(Index n, Index multiple) { return (n + multiple - 1) / multiple * multiple; }

}  // namespace

// Which sequences, and where each one's rows start in the chunk.
struct Encoder::Chunk {
  std::vector<Index> sequences;
  std::vector<Index> starts;
  Index rows = 0;
};

// A matrix of activations. Its stride is an odd number of cache lines, so that the rows of a tile fall into different
// sets of the first-level cache.
struct Activations {
  Activations(Index rows, Index columns, Index panel)
      : stride(round_up(columns, std::max<Index>(panel, 32)) + 16), values(rows * stride) {}
  float* row(Index i) { return values.data() + i * stride; }

  Index stride;
  Buffer values;
};

struct Encoder::Workspace {
  Workspace(const Encoder& e, Index row_count, Index longest_sequence)
      : rows(row_count),
        longest(longest_sequence),
        embedded(e.embedding_projection_ ? row_count : 0, e.tables_.size, e.kernels_.panel),
        x(row_count, e.hidden_, e.kernels_.panel),
        query_key_value(row_count, 3 * e.head_group_.hidden, e.kernels_.panel),
        context(row_count, e.hidden_ + e.kernels_.panel, e.kernels_.panel),
        y(row_count, e.hidden_, e.kernels_.panel),
        intermediate(row_count, std::min(e.intermediate_, kIntermediateBlock), e.kernels_.panel),
        scratch(e.kernels_.attention_scratch(longest_sequence, e.head_group_)) {}

  Index rows, longest;
  Activations embedded, x, query_key_value, context, y, intermediate;
  Buffer scratch;
};

Encoder::Encoder(const EncoderView& view, const Kernels& kernels)
    : kernels_(kernels),
      hidden_(view.hidden),
      intermediate_(view.layers.at(0).intermediate.outputs),
      head_group_{view.hidden, view.heads},
      activation_(view.activation),
      tables_(view.tables),
      embedding_norm_(view.embedding_norm, view.tables.size),
      schedule_(view.schedule) {
  const Index heads = heads_together(head_group_, kernels.panel);
  head_group_ = {heads * (view.hidden / view.heads), heads};
  if (view.embedding_projection) embedding_projection_.emplace(std::vector{*view.embedding_projection}, kernels);
  if (view.pooler) pooler_.emplace(std::vector{*view.pooler}, kernels);
  layers_.reserve(view.layers.size());
  for (const LayerView& layer : view.layers) layers_.emplace_back(layer, kernels);
}

Encoder::~Encoder() = default;

void Encoder::forward(const Sequences& sequences, const Execution& execution, float* out) {
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

void Encoder::embed(const Sequences& sequences, Pooling pooling, bool normalize, const Execution& execution,
                    float* out) {
  run(sequences, execution,
      [&](const Chunk& chunk, Workspace& work) { pool(sequences, chunk, pooling, normalize, work, out); });
}

// Longest sequences first, so that the last chunks to be taken are small and threads end together.
std::vector<Encoder::Chunk> Encoder::plan(const Sequences& sequences, int threads) const {
  const Index pieces = static_cast<Index>(sequences.offsets[sequences.count] - sequences.offsets[0]);
  const Index budget = std::clamp(pieces / (2 * threads), kFewestPieces, kMostPieces);
  std::vector<Index> order(static_cast<size_t>(sequences.count));
  std::iota(order.begin(), order.end(), Index{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](Index a, Index b) { return sequences.length(a) > sequences.length(b); });
  std::vector<Chunk> chunks;
  for (const Index sequence : order) {
    const Index length = sequences.length(sequence);
    if (chunks.empty() || chunks.back().rows + length > budget) chunks.emplace_back();
    Chunk& chunk = chunks.back();
    chunk.sequences.push_back(sequence);
    chunk.starts.push_back(chunk.rows);
    chunk.rows += length;
  }
  return chunks;
}

template <class Finish>
void Encoder::run(const Sequences& sequences, const Execution& execution, const Finish& finish) {
  const std::vector<Chunk> chunks = plan(sequences, execution.threads);
  if (chunks.empty()) return;
  const Index longest = sequences.length(chunks.front().sequences.front());
  const Index rows = std::max(longest, kMostPieces);
  const auto work_through = [&](const auto& next) {
    std::unique_ptr<Workspace> work = take_workspace(rows, longest);
    for (Index i = next(); i >= 0; i = next()) {
      encode(sequences, chunks[static_cast<size_t>(i)], *work);
      finish(chunks[static_cast<size_t>(i)], *work);
    }
    const std::lock_guard<std::mutex> lock(idle_mutex_);
    idle_.push_back(std::move(work));
  };
  for_each_in_parallel(static_cast<Index>(chunks.size()), execution.threads, work_through, execution.poll);
}

std::unique_ptr<Encoder::Workspace> Encoder::take_workspace(Index rows, Index longest) {
  {
    const std::lock_guard<std::mutex> lock(idle_mutex_);
    while (!idle_.empty()) {
      std::unique_ptr<Workspace> work = std::move(idle_.back());
      idle_.pop_back();
      if (work->rows >= rows && work->longest >= longest) return work;
    }
  }
  return std::make_unique<Workspace>(*this, rows, longest);
}

void Encoder::encode(const Sequences& sequences, const Chunk& chunk, Workspace& work) const {
  embed_pieces(sequences, chunk, work);
  for (const int layer : schedule_) apply(layers_[static_cast<size_t>(layer)], sequences, chunk, work);
}

void Encoder::embed_pieces(const Sequences& sequences, const Chunk& chunk, Workspace& work) const {
  Activations& target = embedding_projection_ ? work.embedded : work.x;
  for (size_t i = 0; i < chunk.sequences.size(); ++i) {
    const Index sequence = chunk.sequences[i], length = sequences.length(sequence);
    const int32_t* ids = sequences.ids + sequences.offsets[sequence];
    for (Index p = 0; p < length; ++p) {
      if (p + kRowsAhead < length) prefetch_row(tables_.words + ids[p + kRowsAhead] * tables_.size, tables_.size);
      kernels_.embed(tables_.words + ids[p] * tables_.size, tables_.positions + p * tables_.size, tables_.types,
                     tables_.size, embedding_norm_.weights(), target.row(chunk.starts[i] + p));
    }
  }
  if (embedding_projection_) {
    kernels_.linear(work.embedded.row(0), work.embedded.stride, chunk.rows, embedding_projection_->packed(), 0,
                    tables_.size, work.x.row(0), work.x.stride);
  }
}

void Encoder::apply(const Layer& layer, const Sequences& sequences, const Chunk& chunk, Workspace& work) const {
  Activations &x = work.x, &qkv = work.query_key_value, &context = work.context, &y = work.y,
              &middle = work.intermediate;

  const PackedLinear& all = layer.query_key_value.packed();
  const Index group = head_group_.hidden;
  const Index parts = group < hidden_ ? 3 : 1;  // queries, keys and values, unless they lie together
  for (Index first = 0; first < hidden_; first += group) {
    for (Index part = 0; part < parts; ++part) {
      kernels_.linear(x.row(0), x.stride, chunk.rows, outputs_of(all, part * hidden_ + first, 3 * group / parts), 0,
                      hidden_, qkv.row(0) + part * group, qkv.stride);
    }
    for (size_t i = 0; i < chunk.sequences.size(); ++i) {
      const Index start = chunk.starts[i];
      kernels_.attend(qkv.row(start), qkv.stride, sequences.length(chunk.sequences[i]), head_group_,
                      context.row(start) + first, context.stride, work.scratch.data());
    }
  }
  kernels_.linear(context.row(0), context.stride, chunk.rows, layer.attention_output.packed(), 0, hidden_, y.row(0),
                  y.stride);
  kernels_.add_and_norm(x.row(0), x.stride, y.row(0), y.stride, chunk.rows, hidden_, layer.attention_norm.weights());

  for (Index first = 0; first < intermediate_; first += kIntermediateBlock) {
    const Index last = std::min(first + kIntermediateBlock, intermediate_);
    kernels_.linear_gelu(x.row(0), x.stride, chunk.rows, layer.intermediate.packed(), first, last, activation_,
                         middle.row(0), middle.stride);
    kernels_.linear(middle.row(0), middle.stride, chunk.rows, layer.output.packed(), first, last, y.row(0), y.stride);
  }
  kernels_.add_and_norm(x.row(0), x.stride, y.row(0), y.stride, chunk.rows, hidden_, layer.output_norm.weights());
}

void Encoder::pool(const Sequences& sequences, const Chunk& chunk, Pooling pooling, bool normalize, Workspace& work,
                   float* out) const {
  const size_t bytes = static_cast<size_t>(hidden_) * sizeof(float);
  const Index count = static_cast<Index>(chunk.sequences.size());
  if (pooling == Pooling::kPooler) {
    for (Index i = 0; i < count; ++i)
      std::memcpy(work.context.row(i), work.x.row(chunk.starts[static_cast<size_t>(i)]), bytes);
    kernels_.linear(work.context.row(0), work.context.stride, count, pooler_->packed(), 0, hidden_, work.y.row(0),
                    work.y.stride);
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
